package demo

import "syscall"

// tether ends a child when the demo dies, even of kill -9: nothing of it may stay behind.
func tether(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
