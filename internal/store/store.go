// Package store keeps Lull's state in SQL: the adapter of every storage port, on a
// file of SQLite. Statements number their parameters ($1), so that the same text
// can serve Postgres.
//
// It must not know what the events mean, nor what a step does.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

const (
	openDeadline = 30 * time.Second // longest wait for another process that migrates the same file
	readers      = 4
)

// Store is a store in one file. Several processes may have it open at once.
type Store struct {
	path    string
	writer  *sql.DB // one connection: SQLite has one writer, and a queue in here is fairer than its retries
	reader  *sql.DB
	samples *samples

	mu    sync.Mutex
	locks map[run.Lease]*lock
}

var (
	_ timeline.Log = (*Store)(nil)
	_ run.Journal  = (*Store)(nil)
	_ run.Gauge    = (*Store)(nil)
)

// Open opens the store at path, creates it when it is not there, and brings its tables up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openDeadline)
	defer cancel()
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	path, err := create(path)
	if err != nil {
		return nil, hint.Wrap(err, "check the path of the store in lull.yaml, and that you may write there")
	}
	s := &Store{path: path, locks: map[run.Lease]*lock{}}
	// One process at a time: turning WAL on and creating tables do not heed busy_timeout everywhere.
	l, err := waitLock(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	if err := s.connect(ctx); err != nil {
		if hint.Of(err) == "" {
			err = hint.Wrap(err, "check that the store in lull.yaml is a file of lull's, and that its disk is well")
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) (err error) {
	// FULL: a checkpoint that was answered for must survive a loss of power.
	if s.writer, err = sql.Open("sqlite", dsn(s.path, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", dsn(s.path, "query_only(1)")); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(readers)
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	s.samples, err = openSamples(ctx, s.path+"-samples")
	return err
}

// Close gives up the leases that are still held and closes the file. Closing twice is legal.
func (s *Store) Close() error {
	s.mu.Lock()
	for _, l := range s.locks {
		l.unlock()
	}
	clear(s.locks)
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

// create makes the file for its owner alone and gives its one true path: the
// locks beside it must be the same files for every process.
func create(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// write runs f in one transaction, which is on disk when write returns nil.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
