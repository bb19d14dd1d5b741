package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

const (
	ringSize      = 500             // samples kept of each maintenance
	queueSize     = 64              // samples waiting to be written; more are dropped
	writeDeadline = 5 * time.Second // longest wait for one sample to be written
)

// samples is the ring of progress. It has connections and a goroutine of its own, and a file
// or a table without a log: no sample waits in front of a write of the journal, and
// no flush of it delays one. It may lose samples, never time.
type samples struct {
	db    *sql.DB
	queue chan sample
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
}

type sample struct {
	id maint.ID
	p  run.Progress
}

func openSamples(ctx context.Context, path string) (*samples, error) {
	path, err := create(path)
	if err != nil {
		return nil, err
	}
	// NORMAL flushes at checkpoints only: a loss of power costs the last samples and harms nothing else.
	db, err := sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(NORMAL)"))
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS samples (
			seq         INTEGER PRIMARY KEY AUTOINCREMENT,
			maintenance TEXT NOT NULL,
			data        TEXT NOT NULL
		) STRICT;
		CREATE INDEX IF NOT EXISTS samples_of ON samples (maintenance, seq)`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the samples %s: %w", path, err), db.Close())
	}
	return newSamples(db), nil
}

func newSamples(db *sql.DB) *samples {
	s := &samples{db: db, queue: make(chan sample, queueSize), stop: make(chan struct{}), done: make(chan struct{})}
	go s.work()
	return s
}

// work writes samples until it is stopped and the queue is empty.
func (s *samples) work() {
	defer close(s.done)
	for {
		select {
		case one := <-s.queue:
			s.write(one)
		case <-s.stop:
			for len(s.queue) > 0 {
				s.write(<-s.queue)
			}
			return
		}
	}
}

func (s *samples) write(one sample) {
	ctx, cancel := context.WithTimeout(context.Background(), writeDeadline)
	defer cancel()
	if err := s.insert(ctx, one); err != nil {
		slog.Debug("drop a sample", "maintenance", string(one.id), "error", err)
	}
}

func (s *samples) insert(ctx context.Context, one sample) error {
	data, err := json.Marshal(one.p)
	if err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, `INSERT INTO samples (maintenance, data) VALUES ($1, $2)`, one.id, string(data)); err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `
		DELETE FROM samples WHERE maintenance = $1 AND seq <= (
			SELECT seq FROM samples WHERE maintenance = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)`, one.id, ringSize)
	return err
}

func (s *samples) close() error {
	s.once.Do(func() { close(s.stop) })
	<-s.done
	return s.db.Close()
}

// Sample implements run.Gauge. It never waits.
func (s *Store) Sample(_ context.Context, id maint.ID, p run.Progress) {
	select {
	case s.samples.queue <- sample{id, p}:
	default:
	}
}

// Samples gives the last samples of a maintenance, the newest last.
func (s *Store) Samples(ctx context.Context, id maint.ID) (out []run.Progress, err error) {
	rows, err := s.samples.db.QueryContext(ctx, `SELECT data FROM samples WHERE maintenance = $1 ORDER BY seq DESC LIMIT $2`, id, ringSize)
	if err != nil {
		return nil, fmt.Errorf("read the samples of %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var data []byte
		var p run.Progress
		if err := rows.Scan(&data); err != nil {
			return nil, fmt.Errorf("read the samples of %s: %w", id, err)
		}
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("read a sample of %s: %w", id, err)
		}
		out = append(out, p)
	}
	slices.Reverse(out)
	return out, rows.Err()
}
