package cli

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/run"
)

func TestABarTellsHowMuchHowFastAndHowLongStill(t *testing.T) {
	t.Parallel()
	const took = 10 * time.Second
	for name, c := range map[string]struct {
		p    run.Progress
		want string
	}{
		"bytes":       {run.Progress{Unit: "bytes", Done: 500e6, Total: 1500e6, Text: "streaming database files"}, "  10s  500.0 MB of 1.5 GB  50.0 MB/s  20s left  streaming database files"},
		"all of them": {run.Progress{Unit: "bytes", Done: 2e6, Total: 2e6}, "  10s  2.0 MB of 2.0 MB  200.0 kB/s"},
		"no total":    {run.Progress{Text: "waiting for a transaction of app (pid 4711)"}, "  10s  waiting for a transaction of app (pid 4711)"},
		"nothing yet": {run.Progress{}, "  10s"},
	} {
		if got := statusText(c.p, took); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
