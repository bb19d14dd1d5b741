package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	putMarker = `INSERT INTO lull.marker AS m (slot, token) VALUES ($1, $2)
		ON CONFLICT (slot) DO UPDATE SET token = excluded.token, at = clock_timestamp()
		RETURNING txid_current(), txid_snapshot_xmin(txid_current_snapshot())`
	// TurnSQL remembers, on the server that clients come to, the position before anything of
	// theirs: whatever is written there from now on has its commit after it. Sent with the
	// opening of the fence, so that it is kept by the same commit.
	TurnSQL = `INSERT INTO lull.marker AS m (slot, token) VALUES ('turn', pg_current_wal_insert_lsn()::text)
		ON CONFLICT (slot) DO UPDATE SET token = excluded.token, at = clock_timestamp()`
	seeMarker = `SELECT 1 FROM lull.marker WHERE slot = $1 AND token = $2`
)

// PrepareMarker makes PutMarker on the source and AwaitMarker on the target one round trip each.
func PrepareMarker(ctx context.Context, source, target *pgx.Conn) error {
	if _, err := source.Prepare(ctx, "lull_put_marker", putMarker); err != nil {
		return fmt.Errorf("prepare the marker on the source: %w", err)
	}
	if _, err := target.Prepare(ctx, "lull_see_marker", seeMarker); err != nil {
		return fmt.Errorf("prepare the marker on the target: %w", err)
	}
	return nil
}

// Stamp is the marker's own transaction id, and the oldest one that was in progress beside it.
type Stamp struct {
	XID, Oldest int64
}

// PutMarker writes a row that can be recognised. Whatever committed before it on the
// source is on the target once AwaitMarker has seen it there: one apply worker a slot
// commits in the source's order (manual, section 31.8).
func PutMarker(ctx context.Context, source *pgx.Conn, slot, token string) (s Stamp, err error) {
	if err := source.QueryRow(ctx, "lull_put_marker", slot, token).Scan(&s.XID, &s.Oldest); err != nil {
		return s, fmt.Errorf("write the marker of slot %s: %w", slot, err)
	}
	return s, nil
}

// Alone says whether the markers' transactions were the only ones that could have
// written anything since the first of them began: no older one was in progress, and no
// other id was given out up to now. Whatever writes needs an id.
func Alone(ctx context.Context, source *pgx.Conn, markers []Stamp) (bool, error) {
	if len(markers) == 0 { // no database with anything in it
		return true, nil
	}
	var next int64
	if err := source.QueryRow(ctx, `SELECT txid_snapshot_xmax(txid_current_snapshot())`).Scan(&next); err != nil {
		return false, fmt.Errorf("read the next transaction id of the source: %w", err)
	}
	first, oldest := markers[0].XID, markers[0].Oldest
	for _, m := range markers {
		first, oldest = min(first, m.XID), min(oldest, m.Oldest)
	}
	return oldest == first && next == first+int64(len(markers)), nil
}

// AwaitMarker waits until the target has the row.
func AwaitMarker(ctx context.Context, target *pgx.Conn, slot, token string) error {
	for {
		var one int
		err := target.QueryRow(ctx, "lull_see_marker", slot, token).Scan(&one)
		if err == nil {
			return nil
		}
		if err != pgx.ErrNoRows {
			return fmt.Errorf("look for the marker of slot %s on the target: %w", slot, err)
		}
		// Polling without a pause would take the processor from the apply worker.
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the marker of slot %s on the target: %w", slot, ctx.Err())
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// Turn is the position that TurnSQL remembered. Ok is false when clients never came.
func Turn(ctx context.Context, conn *pgx.Conn) (lsn string, ok bool, err error) {
	err = conn.QueryRow(ctx, `SELECT token FROM lull.marker WHERE slot = 'turn'`).Scan(&lsn)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read the position at which clients came: %w", err)
	}
	return lsn, true, nil
}
