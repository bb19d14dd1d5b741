package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/hint"
)

// View is a populated materialized view.
type View struct {
	Schema string
	Name   string
	Keyed  bool // a unique index lets it be refreshed while others read it
	// Below tells of everything that the view is made from: what was changed in it since
	// the server keeps count. Empty = not to be known.
	Below string
}

func (v View) String() string { return v.Schema + "." + v.Name }

// below is what a view is made from, through the views on its way. What cannot be watched
// are foreign tables, and functions that may read tables nobody has named.
const below = `
	SELECT CASE WHEN bool_or(c.relkind = 'f' OR p.provolatile <> 'i' AND p.oid >= 16384) THEN ''
		ELSE 'made of ' || coalesce(string_agg(format('%s in %s: %s', c.oid, pg_relation_filenode(c.oid),
			pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)), ', ' ORDER BY c.oid) FILTER (WHERE c.relkind = 'r'), 'nothing') END
	FROM made b LEFT JOIN pg_class c ON b.class = 'pg_class'::regclass AND c.oid = b.object
	LEFT JOIN pg_proc p ON b.class = 'pg_proc'::regclass AND p.oid = b.object WHERE b.view = o.oid`

// MaterializedViews lists the populated ones in the order of their dependencies: one that
// was never filled is to stay so. What is below them can be known where the server loses
// none of its counts, from 15 on; a TRUNCATE shows in the table's file. All of it is of
// the moment of the call, but for what a session has not reported yet.
func MaterializedViews(ctx context.Context, conn *pgx.Conn) ([]View, error) {
	known := "''"
	if major(conn) >= 15 {
		known = "(" + below + ")"
	}
	rows, err := conn.Query(ctx, `
		WITH RECURSIVE views AS (
			SELECT c.oid, 0 AS depth FROM pg_class c WHERE c.relkind = 'm' AND c.relispopulated
			UNION ALL
			SELECT r.ev_class, v.depth + 1 FROM views v
			JOIN pg_depend d ON d.refobjid = v.oid AND d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
			JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> v.oid
			WHERE v.depth < 100),
		ordered AS (
			SELECT v.oid, max(v.depth) AS depth FROM views v JOIN pg_class c ON c.oid = v.oid WHERE c.relkind = 'm' AND c.relispopulated GROUP BY 1),
		made AS (
			SELECT o.oid AS view, 'pg_class'::regclass::oid AS class, o.oid AS object FROM ordered o
			UNION
			SELECT b.view, x.class, x.object FROM made b, LATERAL (
				SELECT d.refclassid AS class, d.refobjid AS object FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
				WHERE b.class = 'pg_class'::regclass AND r.ev_class = b.object AND r.ev_type = '1' AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
				UNION ALL
				SELECT b.class, i.inhrelid FROM pg_inherits i WHERE b.class = 'pg_class'::regclass AND i.inhparent = b.object) x)
		SELECT n.nspname, c.relname, EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
			AND i.indpred IS NULL AND i.indexprs IS NULL), `+known+`
		FROM ordered o JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY o.depth, 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list the materialized views: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[View])
}

// Refresh computes a materialized view anew, on a server where nobody reads it.
func Refresh(ctx context.Context, conn *pgx.Conn, v View) error {
	if _, err := conn.Exec(ctx, "REFRESH MATERIALIZED VIEW "+Ident(v.Schema, v.Name)); err != nil {
		err = fmt.Errorf("refresh materialized view %s: %w", v, err)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42883") && major(conn) >= 17 { // undefined table or function
			return hint.Wrap(err, "from 17 on a refresh has no search_path: name the schema in the functions that the view uses, on the source, then lull abort and run again")
		}
		return err
	}
	return nil
}

// RefreshAmongReaders computes it anew where it is read. One with a unique index can be
// read meanwhile. Any other is locked while it works, and for no longer than within;
// nobody queues up behind it while it waits for the lock.
func RefreshAmongReaders(ctx context.Context, conn *pgx.Conn, v View, within time.Duration) (err error) {
	if v.Keyed {
		_, err = conn.Exec(ctx, "REFRESH MATERIALIZED VIEW CONCURRENTLY "+Ident(v.Schema, v.Name))
	} else {
		err = briefly(ctx, conn, within, "REFRESH MATERIALIZED VIEW "+Ident(v.Schema, v.Name))
	}
	if err != nil {
		return fmt.Errorf("refresh materialized view %s: %w", v, err)
	}
	return nil
}

// briefly waits 50 ms for a lock, a hundred times at most, and ends a command that takes too long.
func briefly(ctx context.Context, conn *pgx.Conn, within time.Duration, sql string) (err error) {
	for range 100 {
		_, err = conn.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = %d; %s", within.Milliseconds(), sql), pgx.QueryExecModeSimpleProtocol)
		var pg *pgconn.PgError
		if err == nil || !errors.As(err, &pg) || pg.Code != "55P03" { // lock_not_available
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}

// AwaitApplied waits until no worker of a subscription is left in the database, which
// reports all that it changed when it ends. False: one goes on, and counts may be short.
func AwaitApplied(ctx context.Context, conn *pgx.Conn, within time.Duration) (bool, error) {
	for end := time.Now().Add(within); ; {
		var n int
		err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type LIKE 'logical replication%worker'`).Scan(&n)
		if err != nil {
			return false, fmt.Errorf("look for workers of subscriptions: %w", err)
		}
		if n == 0 || time.Now().After(end) {
			return n == 0, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
