package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Load is how much there is on a server that the steps of an upgrade take longer with.
type Load struct {
	Bytes     int64   // of all databases on disk
	Relations int64   // tables, indexes, sequences, views and TOAST tables of all databases
	Carried   int64   // bytes of unlogged tables and large objects
	Visited   int64   // bytes of tables that VACUUM (ANALYZE) reads: what it samples, and pages that are not known to be all visible
	WAL       float64 // bytes a second that are written now
}

// walSampled is for how long the rate of WAL is looked at: it comes in bursts, a checkpoint in each.
const walSampled = 2 * time.Second

// TakeLoad looks at a server and its databases for two seconds.
func TakeLoad(ctx context.Context, e Endpoint, databases []Database) (l Load, err error) {
	conn, err := e.Connect(ctx, "")
	if err != nil {
		return l, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	began := time.Now()
	before, err := written(ctx, conn)
	if err != nil {
		return l, err
	}
	if err := conn.QueryRow(ctx, `SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn`).Scan(&l.Bytes); err != nil {
		return l, fmt.Errorf("ask how large the databases are: %w", err)
	}
	for _, db := range databases {
		if err := l.add(ctx, e, db); err != nil {
			return l, fmt.Errorf("database %s: %w", db.Name, err)
		}
	}
	select {
	case <-ctx.Done():
		return l, context.Cause(ctx)
	case <-time.After(walSampled - time.Since(began)):
	}
	after, err := written(ctx, conn)
	l.WAL = (after - before) / time.Since(began).Seconds()
	return l, err
}

func (l *Load) add(ctx context.Context, e Endpoint, db Database) error {
	conn, err := e.Connect(ctx, db.Name)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var relations, carried, visited int64
	err = conn.QueryRow(ctx, `SELECT count(*), coalesce(sum(pg_table_size(oid)) FILTER (WHERE relpersistence = 'u' AND relkind = 'r'), 0)::bigint
		+ pg_table_size('pg_largeobject') FROM pg_class`).Scan(&relations, &carried)
	if err == nil {
		err = conn.QueryRow(ctx, visitedSQL).Scan(&visited)
	}
	if err != nil {
		return fmt.Errorf("count what is in it: %w", err)
	}
	l.Relations += relations
	l.Carried += carried
	l.Visited += visited
	return nil
}

// visitedSQL adds up what VACUUM (ANALYZE) has to read of tables. A sample has 300 rows for each step of the
// statistics target, each in a page of its own at worst (analyze.c, std_typanalyze). Of the pages that were all
// visible at the last VACUUM, each update or delete since has hit any one. (Beyond 700, exp is an error and no zero.)
const visitedSQL = `SELECT coalesce(sum(least(pages, 300 * current_setting('default_statistics_target')::float8)
		+ pages - least(pages, relallvisible) * exp(-least(coalesce(n_dead_tup, 0) / greatest(pages, 1), 700))) * current_setting('block_size')::float8, 0)::bigint
	FROM (SELECT c.oid, c.relallvisible, pg_relation_size(c.oid) / current_setting('block_size')::float8 AS pages
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_toast', 'information_schema')) t
	LEFT JOIN pg_stat_all_tables s ON s.relid = t.oid`

func written(ctx context.Context, conn *pgx.Conn) (bytes float64, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8`).Scan(&bytes)
	if err != nil {
		return 0, fmt.Errorf("ask for the end of the WAL: %w", err)
	}
	return bytes, nil
}
