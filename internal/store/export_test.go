package store

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"github.com/lullhq/lull/internal/maint"
)

// Writer gives tests the connection that writes.
func (s *Store) Writer() *sql.DB { return s.writer }

// Reader gives tests the connections that read.
func (s *Store) Reader() *sql.DB { return s.reader }

// RingSize is how many samples are kept of a maintenance.
const RingSize = ringSize

// Write gives tests a transaction that writes.
func (s *Store) Write(ctx context.Context, f func(*sql.Tx) error) error { return s.write(ctx, f) }

// ErrFault is the error of a write that was made to fail.
var ErrFault = errors.New("the disk is full")

// FailNext makes the next write fail, after it was persisted or without that.
func (s *Store) FailNext(persisted bool) {
	s.fault = func(tx *sql.Tx) error {
		s.fault = nil
		if persisted {
			return errors.Join(ErrFault, tx.Commit())
		}
		return errors.Join(ErrFault, tx.Rollback())
	}
}

// Break takes the lock of a maintenance away behind its holder's back.
func (s *Store) Break(ctx context.Context, id maint.ID) error {
	for lease, c := range s.claims {
		if lease.Maintenance != id {
			continue
		}
		switch c := c.(type) {
		case fileClaim:
			return os.Remove(c.f.Name())
		case session:
			return s.terminate(ctx, c.pid)
		}
	}
	return errors.New("it is not held")
}

// terminate ends a session, and returns when the server has done so.
func (s *Store) terminate(ctx context.Context, pid int) error {
	if _, err := s.reader.ExecContext(ctx, `SELECT pg_terminate_backend($1)`, pid); err != nil {
		return err
	}
	for there := true; there; {
		if err := s.reader.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)`, pid).Scan(&there); err != nil {
			return err
		}
	}
	return nil
}
