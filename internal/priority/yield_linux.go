package priority

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"
)

// idle is a scheduling policy: such a process runs when no other wants to, and gives way
// at once (sched(7), SCHED_IDLE). A low priority alone does not: since Linux 6.6 whoever
// runs may end its slice of some milliseconds first, and a client waits that long.
const idle = 5

// Yield lets another process have only what all others leave of the processor, if it is one
// of this machine, which is the answer: its title holds the mark. The numbers of processes
// that a server tells may be another machine's, or a container's.
// It takes root, or the process's own user; for anybody else nothing changes.
func Yield(pid int, mark string) (here bool) {
	title, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil || mark == "" || !bytes.Contains(title, []byte(mark)) {
		return false
	}
	var none int32 // the policy has no priorities
	_, _, _ = syscall.Syscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(pid), idle, uintptr(unsafe.Pointer(&none)))
	return true
}
