package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Slot is a logical replication slot as the catalog shows it.
type Slot struct {
	Name     string
	Plugin   string
	Database string
	Active   bool
	LSN      string // confirmed_flush_lsn
	Lost     bool   // the server has thrown away WAL that the slot needs
	Retained int64  // bytes of WAL kept for it
}

// LookSlot asks for one slot; found is false when there is none of that name.
func LookSlot(ctx context.Context, conn *pgx.Conn, name string) (s Slot, found bool, err error) {
	err = conn.QueryRow(ctx, `
		SELECT slot_name, coalesce(plugin, ''), coalesce(database, ''), active, coalesce(confirmed_flush_lsn::text, ''),
		       coalesce(to_jsonb(s) ->> 'wal_status', '') = 'lost',
		       coalesce(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn), 0)::bigint
		FROM pg_replication_slots s WHERE slot_name = $1`, name).
		Scan(&s.Name, &s.Plugin, &s.Database, &s.Active, &s.LSN, &s.Lost, &s.Retained)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, false, nil
	}
	if err != nil {
		return s, false, fmt.Errorf("look for slot %s: %w", name, err)
	}
	return s, true, nil
}

// CreateSlot makes a logical slot in the connection's database. It returns once
// every transaction that was running at its start has ended (manual, section 49.2).
func CreateSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, `SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, name)
	if err != nil {
		return fmt.Errorf("create slot %s: %w", name, err)
	}
	return nil
}

// DropSlot removes the slot; the connection that still uses it is ended first. No such slot is no error.
func DropSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active`, name)
	if err != nil {
		return fmt.Errorf("end the use of slot %s: %w", name, err)
	}
	return retry(ctx, "55006", func() error { // object_in_use: the walsender is still going away
		_, err := conn.Exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1`, name)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "42704" { // undefined_object: one that was being made goes with its session
			return nil
		}
		if err != nil {
			return fmt.Errorf("drop slot %s: %w", name, err)
		}
		return nil
	})
}

// AdvanceSlot lets go of everything up to now. It must be asked in the slot's own database.
func AdvanceSlot(ctx context.Context, conn *pgx.Conn, name string) error {
	if _, err := conn.Exec(ctx, `SELECT pg_replication_slot_advance($1, pg_current_wal_flush_lsn())`, name); err != nil {
		return fmt.Errorf("advance slot %s: %w", name, err)
	}
	return nil
}

// CapRetention makes the server give up slots rather than keep more WAL for them than that (13 and newer).
func CapRetention(ctx context.Context, conn *pgx.Conn, bytes int64) error {
	return settle(ctx, conn, fmt.Sprintf("ALTER SYSTEM SET max_slot_wal_keep_size = '%dMB'", max(1, bytes>>20)))
}

// UncapRetention takes the cap back: what the configuration files say counts again.
func UncapRetention(ctx context.Context, conn *pgx.Conn) error {
	return settle(ctx, conn, "ALTER SYSTEM RESET max_slot_wal_keep_size")
}

// settle changes a setting that older servers do not know, and makes the server read it.
func settle(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.Exec(ctx, sql)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42704" { // undefined_object
		return nil
	}
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT pg_reload_conf()")
	}
	if err != nil {
		return fmt.Errorf("change max_slot_wal_keep_size: %w", err)
	}
	return nil
}

// InsertLSN is the end of WAL as written into the buffers: the position that
// includes commits acknowledged with synchronous_commit=off.
func InsertLSN(ctx context.Context, conn *pgx.Conn) (lsn string, err error) {
	if err := conn.QueryRow(ctx, `SELECT pg_current_wal_insert_lsn()::text`).Scan(&lsn); err != nil {
		return "", fmt.Errorf("read the WAL position: %w", err)
	}
	return lsn, nil
}

// Nudge writes a WAL record and ends the segment, so that a copy which waits for a
// position on an idle server gets there.
func Nudge(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT pg_logical_emit_message(false, 'lull', 'nudge')`)
	if err == nil {
		_, err = conn.Exec(ctx, `SELECT pg_switch_wal()`)
	}
	if err != nil {
		return fmt.Errorf("write a WAL record on the source: %w", err)
	}
	return nil
}
