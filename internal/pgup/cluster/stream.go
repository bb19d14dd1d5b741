package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Self is which server one talks to. The timeline is that of the WAL which it writes now,
// not that of its last checkpoint: after a promotion the two differ for a while.
type Self struct {
	SystemIdentifier string `json:"system_identifier"`
	Timeline         int    `json:"timeline"` // 0 while it is in recovery
	InRecovery       bool   `json:"in_recovery,omitempty"`
}

// LookSelf asks the server who it is.
func LookSelf(ctx context.Context, conn *pgx.Conn) (s Self, err error) {
	err = conn.QueryRow(ctx, `SELECT system_identifier::text, pg_is_in_recovery(),
		CASE WHEN pg_is_in_recovery() THEN 0 ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END
		FROM pg_control_system()`).Scan(&s.SystemIdentifier, &s.InRecovery, &s.Timeline)
	if err != nil {
		return s, fmt.Errorf("ask the server who it is: %w", err)
	}
	return s, nil
}

// Kept is what the server keeps for one slot.
type Kept struct {
	Slot     string
	Active   bool
	Retained int64  // bytes of WAL
	Invalid  string // why the slot is of no use any more: "wal_removed", "idle_timeout", "lost"; "" = it is
}

// LookKept asks for the slots of these names; those that are gone are missing from the answer.
func LookKept(ctx context.Context, conn *pgx.Conn, names []string) ([]Kept, error) {
	rows, err := conn.Query(ctx, `
		SELECT slot_name, active, coalesce(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn), 0)::bigint,
		       coalesce(j ->> 'invalidation_reason', CASE WHEN j ->> 'wal_status' = 'lost' THEN 'lost' END, '')
		FROM pg_replication_slots s, LATERAL to_jsonb(s) j WHERE slot_name = ANY($1) ORDER BY 1`, names)
	if err != nil {
		return nil, fmt.Errorf("look at the slots: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Kept])
	if err != nil {
		return nil, fmt.Errorf("look at the slots: %w", err)
	}
	return all, nil
}

// Missing are the names that have no slot.
func Missing(names []string, kept []Kept) (missing []string) {
	for _, name := range names {
		if !slices.ContainsFunc(kept, func(k Kept) bool { return k.Slot == name }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Follower is how a subscription is doing.
type Follower struct {
	OID     uint32
	Enabled bool
	Worker  int    // process id of the apply worker, 0 = none runs just now
	Errors  int64  // how often applying has failed; -1 = the server does not count (before 15)
	Applied string // position up to which the source's commits are applied, "" = none yet
}

// Origin is the name by which the server's log tells of the subscription.
func (f Follower) Origin() string { return fmt.Sprintf("pg_%d", f.OID) }

// LookFollower asks for the subscription of that name in the connection's database.
func LookFollower(ctx context.Context, conn *pgx.Conn, name string) (f Follower, found bool, err error) {
	failed := "-1::bigint"
	if Major(conn) >= 15 {
		failed = "coalesce((SELECT e.apply_error_count FROM pg_stat_subscription_stats e WHERE e.subid = s.oid), 0)"
	}
	err = conn.QueryRow(ctx, `SELECT s.oid, s.subenabled, coalesce((SELECT w.pid FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL LIMIT 1), 0), `+failed+`,
			coalesce((SELECT pg_replication_origin_progress(o.roname, false)::text FROM pg_replication_origin o WHERE o.roname = 'pg_' || s.oid), '')
		FROM pg_subscription s WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`, name).
		Scan(&f.OID, &f.Enabled, &f.Worker, &f.Errors, &f.Applied)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("look how subscription %s is doing: %w", name, err)
	}
	return f, true, nil
}

// Major is the server's major version, as it said when the session began.
func Major(conn *pgx.Conn) int {
	version, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	digits := strings.TrimRightFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	n, _ := strconv.Atoi(digits) // 0 for what is no version: the oldest of all
	return n
}

// LogFile is the file that the server logs to as text, "" when it logs to where pg_ctl sent its output.
func LogFile(ctx context.Context, conn *pgx.Conn) (path string, err error) {
	err = conn.QueryRow(ctx, `SELECT CASE WHEN f IS NULL THEN '' WHEN f LIKE '/%' THEN f ELSE current_setting('data_directory') || '/' || f END
		FROM coalesce(pg_current_logfile('stderr'), pg_current_logfile()) f`).Scan(&path)
	if err != nil {
		return "", fmt.Errorf("ask where the server logs to: %w", err)
	}
	return path, nil
}
