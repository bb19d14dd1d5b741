package bench

import (
	"testing"
	"time"
)

const aProcess = "4242 (post (gres) R 1 4242 4242 0 -1 4194304 10 20 0 0 11 12 345 67 20 0 1 0 99 1000 200"

func TestChildTime(t *testing.T) {
	t.Parallel()
	if d, err := childTime(aProcess); err != nil || d != 4120*time.Millisecond {
		t.Errorf("%s, %v", d, err)
	}
	for _, text := range []string{"", "4242 (a) R 1", "4242 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 x y"} {
		if d, err := childTime(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func FuzzChildTime(f *testing.F) {
	f.Add(aProcess)
	f.Add("")
	f.Add(")")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = childTime(text) })
}
