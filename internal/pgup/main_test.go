package pgup_test

import (
	"os"
	"testing"
)

// self is this test binary: it plays lull's program for the watchdog.
var self, _ = os.Executable()

func TestMain(m *testing.M) {
	os.Exit(m.Run())
}
