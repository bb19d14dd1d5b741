// Package connfail says on one line why a server could not be reached.
//
// The driver tells of every attempt on a line of its own, the one with TLS that nobody
// asked for included. It must not know who wanted to reach what.
package connfail

import (
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Short gives err words of one line. What it wraps stays in reach of errors.As.
func Short(err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	attempts := attempts(failed.Unwrap())
	var reasons []string
	for _, a := range attempts {
		// libpq's sslmode=prefer, the default: TLS first, and without it when refused.
		if text := reason(a); len(attempts) == 1 || !strings.Contains(text, "server refused TLS connection") {
			reasons = append(reasons, text)
		}
	}
	return &short{err: err, text: strings.Join(slices.Compact(reasons), "; ")}
}

func attempts(err error) []error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return several.Unwrap()
	}
	return []error{err}
}

// reason is what the server answered, or what the network did.
func reason(err error) string {
	var refused *pgconn.PgError
	var broken *net.OpError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &broken):
		return broken.Error()
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

type short struct {
	err  error
	text string
}

func (s *short) Error() string { return s.text }
func (s *short) Unwrap() error { return s.err }
