package maint

import "fmt"

// Refusal is a no: what was asked for was understood, and cannot be. Whatever is no Refusal and
// no ErrState went wrong by itself, and the same may be asked again.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

// Refuse says no.
func Refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }
