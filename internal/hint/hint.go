// Package hint attaches to an error what the operator should type or change next.
//
// It knows nothing about any subject: the words come from whoever wraps the error.
package hint

import (
	"errors"
	"fmt"
)

// Error is an error with a next step for the person who reads it.
type Error struct {
	Err  error
	Next string
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e *Error) Unwrap() error { return e.Err }

// Wrap adds the next step to err. A nil err stays nil.
func Wrap(err error, next string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Next: next}
}

// Or adds the next step to err, unless it says one already.
func Or(err error, next string) error {
	if Of(err) != "" {
		return err
	}
	return Wrap(err, next)
}

// Errorf builds an error as fmt.Errorf does and adds the next step to it.
func Errorf(next, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Next: next}
}

// Of returns the next step of the outermost hinted error in the chain, or "".
func Of(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Next
	}
	return ""
}
