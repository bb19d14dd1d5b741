//go:build !linux

package priority

// Raise does nothing where priorities are not known to be kept by thread.
func Raise() (lower func()) { return func() {} }

// Yield does nothing where there is no such policy.
func Yield(int, string) bool { return false }
