package maint

import (
	"slices"
	"time"
)

// Lacking gives the notices that a policy asks for and a plan does not have.
func Lacking(policy, have []Notice) (out []Notice) {
	for _, n := range policy {
		if !slices.ContainsFunc(have, func(h Notice) bool { return h.Word == n.Word }) {
			out = append(out, n)
		}
	}
	return out
}

// TooLate gives the earliest notice of a policy whose time is over when a window is announced, and
// when that time was.
func TooLate(policy []Notice, start, announced time.Time) (first Notice, due time.Time, late bool) {
	for _, n := range policy {
		if at := n.Due(start); n.Ahead() && at.Before(announced) && (!late || at.Before(due)) {
			first, due, late = n, at, true
		}
	}
	return first, due, late
}
