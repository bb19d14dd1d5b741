//go:build linux

package priority_test

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/lullhq/lull/internal/priority"
)

func TestYield(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "61.5")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	pid := cmd.Process.Pid
	for _, mark := range []string{"", "postgres: "} {
		if priority.Yield(pid, mark) || policy(t, pid) != 0 {
			t.Errorf("a process without the mark %q was made to yield", mark)
		}
	}
	if !priority.Yield(pid, "61.5") || policy(t, pid) != 5 {
		t.Errorf("the policy of a process of our own is %d", policy(t, pid))
	}
	if priority.Yield(1<<30, "postgres: ") {
		t.Error("a process that is not there was made to yield")
	}
}

func policy(t *testing.T, pid int) int {
	t.Helper()
	n, _, errno := syscall.Syscall(syscall.SYS_SCHED_GETSCHEDULER, uintptr(pid), 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return int(n)
}
