package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Subscription is the target's side of the replication of one database.
type Subscription struct {
	OID       uint32
	Enabled   bool
	Slot      string
	Worker    int    // process id of the apply worker, 0 = none
	Origin    string // position up to which the source's commits are applied, "" = not set
	LatestEnd string // newest position the source has reported
}

// LookSubscription asks for the subscription of that name in the connection's database.
func LookSubscription(ctx context.Context, conn *pgx.Conn, name string) (s Subscription, found bool, err error) {
	err = conn.QueryRow(ctx, `
		SELECT s.oid, s.subenabled, coalesce(s.subslotname, ''), coalesce(w.pid, 0),
		       coalesce((SELECT pg_replication_origin_progress(o.roname, true)::text FROM pg_replication_origin o
		                 WHERE o.roname = 'pg_' || s.oid), ''),
		       coalesce(w.latest_end_lsn::text, '')
		FROM pg_subscription s LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
		WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`, name).
		Scan(&s.OID, &s.Enabled, &s.Slot, &s.Worker, &s.Origin, &s.LatestEnd)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("look for subscription %s: %w", name, err)
	}
	return s, true, nil
}

// Subscribe makes the subscription on an existing slot, without starting it. One that is
// there already stays as it is. A password in the conninfo is seen by superusers alone
// (manual, pg_subscription), and kept out of the server's log.
func Subscribe(ctx context.Context, conn *pgx.Conn, name, conninfo, publication, slot string) error {
	if _, found, err := LookSubscription(ctx, conn, name); err != nil || found {
		return err
	}
	sql := fmt.Sprintf(`BEGIN; SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1; SET LOCAL log_min_error_statement = 'panic';
		CREATE SUBSCRIPTION %s CONNECTION %s PUBLICATION %s WITH (create_slot = false, slot_name = %s,
		enabled = false, copy_data = false, synchronous_commit = off); COMMIT`, Ident(name), Literal(conninfo), Ident(publication), Literal(slot))
	if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		_, _ = conn.Exec(ctx, "ROLLBACK") // the error that counts is the one above
		return fmt.Errorf("create subscription %s: %w", name, err)
	}
	return nil
}

// Follow says that everything that committed before lsn is there already, and starts the
// subscription. It carries on where an earlier try ended.
func Follow(ctx context.Context, conn *pgx.Conn, name, lsn string) error {
	have, found, err := LookSubscription(ctx, conn, name)
	if err != nil || found && have.Enabled {
		return err
	}
	if !found {
		return fmt.Errorf("start subscription %s: it does not exist", name)
	}
	if have.Origin == "" || have.Origin == "0/0" {
		if _, err := conn.Exec(ctx, `SELECT pg_replication_origin_advance('pg_' || $1::oid::text, $2::text::pg_lsn)`, have.OID, lsn); err != nil {
			return fmt.Errorf("set the starting point of subscription %s: %w", name, err)
		}
	}
	return SetSubscription(ctx, conn, name, true)
}

// SetSubscription starts or stops applying.
func SetSubscription(ctx context.Context, conn *pgx.Conn, name string, enable bool) error {
	verb := "DISABLE"
	if enable {
		verb = "ENABLE"
	}
	if _, err := conn.Exec(ctx, "ALTER SUBSCRIPTION "+Ident(name)+" "+verb); err != nil {
		return fmt.Errorf("alter subscription %s: %w", name, err)
	}
	return nil
}

// Unsubscribe drops the subscription without touching the slot on the source, which may be out of reach.
func Unsubscribe(ctx context.Context, conn *pgx.Conn, name string) error {
	_, found, err := LookSubscription(ctx, conn, name)
	if err != nil || !found {
		return err
	}
	id := Ident(name)
	for _, sql := range []string{"ALTER SUBSCRIPTION " + id + " DISABLE", "ALTER SUBSCRIPTION " + id + " SET (slot_name = NONE)", "DROP SUBSCRIPTION " + id} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("drop subscription %s: %w", name, err)
		}
	}
	return nil
}

// StopFollowing ends the applying and returns when no worker is left. No such subscription is no error.
func StopFollowing(ctx context.Context, conn *pgx.Conn, name string) error {
	s, found, err := LookSubscription(ctx, conn, name)
	if err != nil || !found {
		return err
	}
	if s.Enabled {
		if err := SetSubscription(ctx, conn, name, false); err != nil {
			return err
		}
	}
	for {
		if s, found, err = LookSubscription(ctx, conn, name); err != nil || !found || s.Worker == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the worker of subscription %s to end: %w", name, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Lag is how far the target is behind one slot of the source, in bytes of WAL.
func Lag(ctx context.Context, source *pgx.Conn, slot string) (bytes int64, streaming bool, err error) {
	err = source.QueryRow(ctx, `
		SELECT coalesce(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), r.replay_lsn), -1)::bigint, coalesce(r.state = 'streaming', false)
		FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
		WHERE s.slot_name = $1`, slot).Scan(&bytes, &streaming)
	if errors.Is(err, pgx.ErrNoRows) { // the slot is gone: nothing streams
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read the lag of slot %s: %w", slot, err)
	}
	return bytes, streaming, nil
}
