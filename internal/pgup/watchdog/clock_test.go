package watchdog

import (
	"os"
	"strings"
	"testing"
)

// A clock that is set back must not make a silent watchdog seem alive, nor one that is set
// forward a live one seem silent: what is kept has the reading of the monotonic clock.
func TestSignsOfLifeDoNotHeedTheClock(t *testing.T) {
	t.Parallel()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w := &Watchdog{replies: make(chan reply), dead: make(chan struct{}), settled: make(chan struct{}), state: idle}
	t.Cleanup(func() { close(w.dead); in.Close() }) // nobody takes over
	go w.read(out)
	if _, err := in.WriteString(`{"n":1}` + "\n"); err != nil {
		t.Fatal(err)
	}
	<-w.replies
	if at := w.heard.Load(); at == nil || !strings.Contains(at.String(), " m=") {
		t.Errorf("heard at %v", at)
	}
}
