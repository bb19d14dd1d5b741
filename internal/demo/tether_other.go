//go:build !linux

package demo

import "syscall"

// tether does nothing here: only Linux can end a child with its parent.
func tether(*syscall.SysProcAttr) {}
