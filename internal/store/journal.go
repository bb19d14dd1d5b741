package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Acquire implements run.Journal. A lock tells whether the holder lives; the epoch
// tells a holder that it is no longer the newest, whatever became of the lock.
func (s *Store) Acquire(ctx context.Context, id maint.ID) (run.Lease, error) {
	c, err := s.engine.claim(ctx, id)
	if err != nil {
		return run.Lease{}, fmt.Errorf("acquire %s: %w", id, err)
	}
	lease := run.Lease{Maintenance: id}
	err = s.write(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			INSERT INTO leases (maintenance, epoch, at) VALUES ($1, 1, $2)
			ON CONFLICT (maintenance) DO UPDATE SET epoch = leases.epoch + 1, at = excluded.at
			RETURNING epoch`, id, time.Now().UnixMicro()).Scan(&lease.Epoch)
	})
	if err != nil {
		c.release()
		return run.Lease{}, fmt.Errorf("acquire %s: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[lease] = c
	return lease, nil
}

// Release implements run.Journal.
func (s *Store) Release(_ context.Context, lease run.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.claims[lease]; ok {
		c.release()
		delete(s.claims, lease)
	}
	return nil
}

// Load implements run.Journal.
func (s *Store) Load(ctx context.Context, id maint.ID) (points map[string]run.Checkpoint, err error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT step, attempt, status, memo, at FROM checkpoints WHERE maintenance = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("load the journal of %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	points = map[string]run.Checkpoint{}
	for rows.Next() {
		var cp run.Checkpoint
		var at int64
		if err := rows.Scan(&cp.Step, &cp.Attempt, &cp.Status, &cp.Memo, &at); err != nil {
			return nil, fmt.Errorf("load the journal of %s: %w", id, err)
		}
		cp.At = time.UnixMicro(at).UTC()
		points[cp.Step] = cp
	}
	return points, rows.Err()
}

// Commit implements run.Journal. When the answer was lost it asks once more: facts have keys, and a
// checkpoint that is written again is the same.
func (s *Store) Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error {
	err := s.commit(ctx, lease, cp, facts)
	if doubt := (*unknown)(nil); errors.As(err, &doubt) && repeatable(facts) {
		settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleDeadline)
		defer cancel()
		err = s.commit(settle, lease, cp, facts)
	}
	if err != nil {
		return fmt.Errorf("commit to the journal of %s: %w", lease.Maintenance, err)
	}
	return nil
}

func repeatable(facts []timeline.Draft) bool {
	return !slices.ContainsFunc(facts, func(d timeline.Draft) bool { return d.Key == "" })
}

func (s *Store) commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts []timeline.Draft) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.checkLease(ctx, tx, lease); err != nil {
			return err
		}
		if err := upsertCheckpoint(ctx, tx, lease, cp); err != nil {
			return err
		}
		_, err := s.appendAndTell(ctx, tx, lease.Maintenance, timeline.AnyVersion, facts)
		return err
	})
}

// checkLease asks inside of the transaction, which no other can overtake: an epoch
// that is the newest here is the newest when it ends.
func (s *Store) checkLease(ctx context.Context, tx *sql.Tx, lease run.Lease) error {
	var newest int64
	err := tx.QueryRowContext(ctx, `SELECT epoch FROM leases WHERE maintenance = $1`, lease.Maintenance).Scan(&newest)
	if errors.Is(err, sql.ErrNoRows) || err == nil && newest != lease.Epoch {
		return run.ErrLeaseLost
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	c, held := s.claims[lease]
	s.mu.Unlock()
	if !held {
		return run.ErrLeaseLost
	}
	return c.check(ctx, tx)
}

func upsertCheckpoint(ctx context.Context, tx *sql.Tx, lease run.Lease, cp run.Checkpoint) error {
	if cp.Step == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO checkpoints (maintenance, step, attempt, status, memo, epoch, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (maintenance, step) DO UPDATE SET
			attempt = excluded.attempt, status = excluded.status, memo = coalesce(excluded.memo, checkpoints.memo),
			epoch = excluded.epoch, at = excluded.at`,
		lease.Maintenance, cp.Step, cp.Attempt, cp.Status, nullString(string(cp.Memo)), lease.Epoch, cp.At.UnixMicro())
	return err
}
