// Package store keeps the record, the control state and the samples in one database:
// a SQLite file, or a schema of Postgres. Statements number their parameters ($1), so
// that one text serves both; engine is what is left to differ.
//
// It must not know what the events mean, nor what a step does.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

const (
	openDeadline   = 30 * time.Second // longest wait for another process that makes the same tables
	settleDeadline = 5 * time.Second  // longest wait for the answer to what became of a write
	readers        = 4
)

// Store is an open store. Several processes may have the same one open at once.
type Store struct {
	engine  engine
	writer  *sql.DB // one connection: writes come one after the other anyway, and a queue in here is fair
	reader  *sql.DB
	samples *samples

	book notify.Book // whom notices go to

	fault func(*sql.Tx) error // of tests: commits, or not; nil = what is written is committed

	mu     sync.Mutex
	claims map[run.Lease]claim
}

var (
	_ timeline.Log = (*Store)(nil)
	_ run.Journal  = (*Store)(nil)
	_ run.Gauge    = (*Store)(nil)
	_ notify.Queue = (*Store)(nil)
	_ notify.Desk  = (*Store)(nil)
)

// engine is what the two databases do in ways of their own.
type engine interface {
	// begin is the first thing in a transaction that writes. Until that one has ended there is no other.
	begin(ctx context.Context, tx *sql.Tx) error
	// broken says that the connection failed: what it was asked last may or may not have been done.
	broken(err error) bool
	// claim takes the lock of a maintenance, which dies with this process. errLocked while another holds it.
	claim(ctx context.Context, id maint.ID) (claim, error)
	// watch calls hint when entries may have come, until ctx ends. It may miss some.
	watch(ctx context.Context, hint func())
	// server gives the system identifier of the Postgres server that the store is on, "" for a file.
	server(ctx context.Context) (string, error)
}

// claim is a lock that was taken.
type claim interface {
	// check fails with run.ErrLeaseLost when the lock is gone. It is asked in the transaction that relies on it.
	check(ctx context.Context, tx *sql.Tx) error
	release()
}

// Close gives up the leases that are still held and closes the database. Closing twice is legal.
func (s *Store) Close() error {
	s.mu.Lock()
	for _, c := range s.claims {
		c.release()
	}
	clear(s.claims)
	s.mu.Unlock()
	var errs []error
	if s.samples != nil {
		errs = append(errs, s.samples.close())
	}
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Server gives the system identifier of the Postgres server that the store is on, "" for a file.
func (s *Store) Server(ctx context.Context) (string, error) {
	id, err := s.engine.server(ctx)
	if err != nil {
		return "", fmt.Errorf("ask which server the store is on: %w", err)
	}
	return id, nil
}

// unknown is the error of a commit that was not answered: it may have been made or not.
type unknown struct{ error }

func (u *unknown) Error() string { return "whether it was written is not known: " + u.error.Error() }
func (u *unknown) Unwrap() error { return u.error }

// write runs f in one transaction, which is on disk when write returns nil. With
// an error of type *unknown it may be there or not; with any other it is not.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := s.end(tx); err != nil {
		if s.engine.broken(err) {
			return &unknown{err}
		}
		return err
	}
	return nil
}

// end commits. It is the moment at which all that is durable goes wrong, if it does.
func (s *Store) end(tx *sql.Tx) error {
	if s.fault != nil {
		return s.fault(tx)
	}
	return tx.Commit()
}

// begin tries once more on a new connection when the one at hand was cut while nobody used it.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	for again := false; ; again = true {
		tx, err := s.writer.BeginTx(ctx, nil)
		if err == nil {
			if err = s.engine.begin(ctx, tx); err == nil {
				return tx, nil
			}
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
		if again || ctx.Err() != nil || !s.engine.broken(err) {
			return nil, err
		}
	}
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
