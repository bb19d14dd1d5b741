package pgup_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// self is this test binary: for the watchdog it plays lull's program.
var self, _ = os.Executable()

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "watchdog" {
		if err := watchdog.Serve(context.Background(), os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// whole marks a test that runs an upgrade of its own.
func whole(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole upgrade of its own: make test-all")
	}
	t.Parallel()
}
