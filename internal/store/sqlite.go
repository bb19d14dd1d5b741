package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// sqlite is the engine of a store in a file.
type sqlite struct {
	path   string
	reader *sql.DB
}

// Open opens the store in the file at path, creates it when it is not there, and brings its tables up to date.
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
	s := &Store{claims: map[run.Lease]claim{}}
	// One process at a time: turning WAL on and creating tables do not heed busy_timeout everywhere.
	l, err := waitLock(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	if err := s.connect(ctx, path); err != nil {
		if hint.Of(err) == "" {
			err = hint.Wrap(err, "check that the store in lull.yaml is a file of lull's, and that its disk is well")
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context, path string) (err error) {
	// FULL: a checkpoint that was answered for must survive a loss of power.
	if s.writer, err = sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", dsn(path, "query_only(1)")); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(readers + 1) // and the one that watches
	s.engine = &sqlite{path: path, reader: s.reader}
	if err := migrate(ctx, s.writer, goose.DialectSQLite3, sqliteMigrations, "migrations/sqlite"); err != nil {
		return err
	}
	s.samples, err = openSamples(ctx, path+"-samples")
	return err
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

// begin has nothing to do: immediate transactions (_txlock) come one after the other.
func (*sqlite) begin(context.Context, *sql.Tx) error { return nil }

// broken cannot be: there is no connection between a process and its file.
func (*sqlite) broken(error) bool { return false }

func (*sqlite) server(context.Context) (string, error) { return "", nil }

// claim locks a file beside the store.
func (e *sqlite) claim(ctx context.Context, id maint.ID) (claim, error) {
	path := e.path + "." + url.PathEscape(string(id)) + ".lock"
	l, err := patientLock(ctx, path)
	if errors.Is(err, errLocked) {
		pid := holder(path)
		return nil, hint.Wrap(fmt.Errorf("%w (pid %s)", run.ErrLeaseHeld, pid),
			"look at it with `lull watch`, or stop it with `kill -INT "+pid+"` and type the same command again")
	}
	if err != nil {
		return nil, err
	}
	return fileClaim{l}, nil
}

type fileClaim struct{ *lock }

// check leaves it to the epoch to tell of another holder: the lock goes with the process, not before it.
func (fileClaim) check(context.Context, *sql.Tx) error { return nil }

func (c fileClaim) release() { c.unlock() }

// The log of the database is written before the commit can be seen, so its change alone would tell too early: it only says
// when to look. On an idle server that takes three fifths of what asking the database each time does.
const (
	lookEvery  = 10 * time.Millisecond
	lookFor    = time.Second // after the log has changed: longer than a disk takes to flush
	watchAgain = time.Second // after watching has failed
)

// watch asks one connection for the number that changes with every commit of any other
// (SQLite manual, "PRAGMA data_version").
func (e *sqlite) watch(ctx context.Context, hint func()) {
	for ctx.Err() == nil {
		_ = e.watchVersion(ctx, hint) // whoever polls finds what is missed, and says what is wrong
		pause(ctx, watchAgain)
	}
}

func (e *sqlite) watchVersion(ctx context.Context, hint func()) error {
	conn, err := e.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	look, err := conn.PrepareContext(ctx, `PRAGMA data_version`)
	if err != nil {
		return err
	}
	defer func() { _ = look.Close() }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	log := logFile{path: e.path + "-wal"}
	for known := int64(-1); ; {
		if log.changed(time.Now()) {
			var version int64
			if err := look.QueryRowContext(ctx).Scan(&version); err != nil {
				return err
			}
			if version != known {
				hint()
				known = version
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// logFile is SQLite's write-ahead log, by what the system says of it.
type logFile struct {
	path  string
	size  int64
	mod   time.Time
	moved time.Time // when it was last seen to be another
}

// changed says whether it has changed a moment ago. One that cannot be looked at may have.
func (f *logFile) changed(now time.Time) bool {
	info, err := os.Stat(f.path)
	if err != nil {
		return true
	}
	if info.Size() != f.size || !info.ModTime().Equal(f.mod) {
		f.size, f.mod, f.moved = info.Size(), info.ModTime(), now
	}
	return now.Sub(f.moved) < lookFor
}
