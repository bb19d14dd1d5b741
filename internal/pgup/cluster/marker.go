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
		RETURNING txid_current(), txid_snapshot_xmin(txid_current_snapshot()), (pg_current_wal_insert_lsn() - '0/0')::int8`
	// TurnSQL remembers, on the server that clients come to, the position before anything of
	// theirs: whatever is written there from now on has its commit after it. Sent with the
	// opening of the fence, so that it is kept by the same commit.
	TurnSQL = `INSERT INTO lull.marker AS m (slot, token) VALUES ('turn', pg_current_wal_insert_lsn()::text)
		ON CONFLICT (slot) DO UPDATE SET token = excluded.token, at = clock_timestamp()`
	seeMarker   = `SELECT 1::int8 FROM lull.marker WHERE slot = $1 AND token = $2`
	reachMarker = `SELECT coalesce((SELECT pg_replication_origin_progress('pg_' || s.oid, false) - '0/0' FROM pg_subscription s
			WHERE s.subname = $3 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())), 0)::int8
		FROM lull.marker WHERE slot = $1 AND token = $2`
)

// PrepareMarker makes PutMarker on the source and AwaitMarker on the target one round trip each.
func PrepareMarker(ctx context.Context, source, target *pgx.Conn) error {
	if _, err := source.Prepare(ctx, "lull_put_marker", putMarker); err != nil {
		return fmt.Errorf("prepare the marker on the source: %w", err)
	}
	for name, sql := range map[string]string{"lull_see_marker": seeMarker, "lull_reach_marker": reachMarker} {
		if _, err := target.Prepare(ctx, name, sql); err != nil {
			return fmt.Errorf("prepare the marker on the target: %w", err)
		}
	}
	return nil
}

// Stamp is the marker's own transaction id, and the oldest one that was in progress beside it.
type Stamp struct {
	XID, Oldest int64
	Written     int64 // position in the WAL of its server before its commit
	Reached     int64 // position up to which the other server had applied that WAL when it was seen there; 0 = no subscription brought it
}

// PutMarker writes a row that can be recognised. Whatever committed before it on the
// source is on the target once AwaitMarker has seen it there: one apply worker a slot
// commits in the source's order (manual, section 31.8).
func PutMarker(ctx context.Context, source *pgx.Conn, slot, token string) (s Stamp, err error) {
	if err := source.QueryRow(ctx, "lull_put_marker", slot, token).Scan(&s.XID, &s.Oldest, &s.Written); err != nil {
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
	return alone(next, markers), nil
}

func alone(next int64, markers []Stamp) bool {
	if len(markers) == 0 {
		return true
	}
	first, oldest := markers[0].XID, markers[0].Oldest
	for _, m := range markers {
		first, oldest = min(first, m.XID), min(oldest, m.Oldest)
	}
	return oldest == first && next == first+int64(len(markers))
}

// AwaitMarker waits until the target has the row.
func AwaitMarker(ctx context.Context, target *pgx.Conn, slot, token string) error {
	_, err := awaitMarker(ctx, target, slot, "lull_see_marker", slot, token)
	return err
}

// ReachMarker also tells how far that subscription of the target had come by then: the
// commit that brought the row moved it there.
func ReachMarker(ctx context.Context, target *pgx.Conn, slot, token, subscription string) (reached int64, err error) {
	return awaitMarker(ctx, target, slot, "lull_reach_marker", slot, token, subscription)
}

func awaitMarker(ctx context.Context, target *pgx.Conn, slot, sql string, args ...any) (n int64, err error) {
	began := time.Now()
	for {
		err := target.QueryRow(ctx, sql, args...).Scan(&n)
		if err == nil {
			return n, nil
		}
		if err != pgx.ErrNoRows {
			return 0, fmt.Errorf("look for the marker of slot %s on the target: %w", slot, err)
		}
		// Polling without a pause would take the processor from the apply worker. A marker that is late
		// in coming may be so for minutes; to look for it by a fiftieth later than it comes costs nobody anything.
		pause := min(max(time.Since(began)/50, 200*time.Microsecond), 50*time.Millisecond)
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the marker of slot %s on the target: %w", slot, ctx.Err())
		case <-time.After(pause):
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
