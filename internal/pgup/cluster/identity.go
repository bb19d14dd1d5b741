package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Identity is a table whose replica identity has to be changed before it can be
// published: without a usable one, publishing updates makes the application's own
// UPDATE and DELETE fail (manual, section 31.1).
type Identity struct {
	Schema string `json:"schema"`
	Table  string `json:"table"`
	Was    string `json:"was"`              // pg_class.relreplident: d, n, f or i
	WasOf  string `json:"was_of,omitempty"` // the index, when Was is i
	Index  string `json:"index,omitempty"`  // a unique index to use; empty = FULL
}

// Name is the table as people write it.
func (i Identity) Name() string { return i.Schema + "." + i.Table }

// MissingIdentities lists the tables without a usable replica identity, each with the best unique index it has.
func MissingIdentities(ctx context.Context, conn *pgx.Conn) ([]Identity, error) {
	rows, err := conn.Query(ctx, `
		SELECT n.nspname, c.relname, c.relreplident::text,
		       coalesce((SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
		                 WHERE i.indrelid = c.oid AND i.indisreplident LIMIT 1), ''),
		       coalesce((SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
		                 WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
		                   AND i.indpred IS NULL AND i.indexprs IS NULL
		                   AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid
		                                   AND a.attnum = ANY(i.indkey::int2[]) AND NOT a.attnotnull)
		                 ORDER BY i.indnatts, x.relname LIMIT 1), '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		  AND NOT (c.relreplident = 'f'
		    OR (c.relreplident = 'd' AND EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate))
		    OR (c.relreplident = 'i' AND EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid)))
		ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("look for tables without replica identity: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Identity, error) {
		var i Identity
		return i, row.Scan(&i.Schema, &i.Table, &i.Was, &i.WasOf, &i.Index)
	})
}

// Keyless is a table whose changed rows can only be found by reading all of it: servers
// before 16 use no index when the replica identity is FULL (manual, section 31.1).
type Keyless struct {
	Schema, Table string
	Bytes         int64
	Changes       int64 // rows updated and deleted since the server's statistics began
}

// KeylessTables lists the tables without any unique key that have had updates or deletes, largest first.
func KeylessTables(ctx context.Context, conn *pgx.Conn) ([]Keyless, error) {
	rows, err := conn.Query(ctx, `
		SELECT s.schemaname, s.relname, pg_table_size(s.relid), s.n_tup_upd + s.n_tup_del
		FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
		WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND s.n_tup_upd + s.n_tup_del > 0 AND s.schemaname <> $1
		  AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
		                  AND i.indpred IS NULL AND i.indexprs IS NULL
		                  AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int2[]) AND NOT a.attnotnull))
		ORDER BY 3 DESC`, Schema)
	if err != nil {
		return nil, fmt.Errorf("look for tables without a key: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Keyless])
}

// SetIdentity gives the table a usable replica identity.
func SetIdentity(ctx context.Context, conn *pgx.Conn, i Identity) error {
	to := "FULL"
	if i.Index != "" {
		to = "USING INDEX " + Ident(i.Index)
	}
	return patiently(ctx, conn, "ALTER TABLE "+Ident(i.Schema, i.Table)+" REPLICA IDENTITY "+to)
}

// RestoreIdentity gives the table back the replica identity it had. A table that is gone is no error.
func RestoreIdentity(ctx context.Context, conn *pgx.Conn, i Identity) error {
	to := map[string]string{"d": "DEFAULT", "n": "NOTHING", "f": "FULL", "i": "USING INDEX " + Ident(i.WasOf)}[i.Was]
	return patiently(ctx, conn, "ALTER TABLE IF EXISTS "+Ident(i.Schema, i.Table)+" REPLICA IDENTITY "+to)
}

// patiently runs a command that needs a strong lock without making clients queue
// behind it: it waits for the lock at most 50 ms and tries again until ctx ends.
func patiently(ctx context.Context, conn *pgx.Conn, sql string) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		_, err := conn.Exec(ctx, "SET lock_timeout = '50ms'; "+sql+"; SET lock_timeout = '2s'")
		var pg *pgconn.PgError
		if err == nil || !errors.As(err, &pg) || pg.Code != "55P03" { // lock_not_available
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a lock to run %q: %w", sql, ctx.Err())
		case <-time.After(pause):
		}
	}
}
