package priority_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/lullhq/lull/internal/priority"
)

// Not parallel: it changes the priority of the whole test binary.
func TestRaiseAndLower(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := nice(t)
	lower := priority.Raise()
	if raised := nice(t); os.Geteuid() == 0 && runtime.GOOS == "linux" && raised <= before {
		t.Errorf("the priority went from %d to %d", before, raised)
	}
	lower()
	if after := nice(t); after != before {
		t.Errorf("the priority was %d before and is %d after", before, after)
	}
}

// nice is 20 less the nice value, as the system call has it.
func nice(t *testing.T) int {
	t.Helper()
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
