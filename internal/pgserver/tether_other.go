//go:build !linux

package pgserver

import "syscall"

// Only Linux can tie a program's life to its parent's.
func tether(*syscall.SysProcAttr) {}

func tetherServer(*syscall.SysProcAttr) {}

const tethers = false
