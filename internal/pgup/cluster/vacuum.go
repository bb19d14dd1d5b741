package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Relation is something that ANALYZE works on.
type Relation struct {
	Schema string
	Name   string
	Kind   string // pg_class.relkind: r, p or m
	Bytes  int64
	Path   string // schema and name, quoted by the server where they need to be
}

// Relations lists a database's relations that have planner statistics, the largest first:
// the long ones decide when all are done.
func Relations(ctx context.Context, conn *pgx.Conn) ([]Relation, error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname, c.relname, c.relkind::text, pg_table_size(c.oid), quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r','p','m') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_toast', 'information_schema')
		ORDER BY 4 DESC, 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list the tables to analyse: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Relation])
}

// Reads is how many blocks of each table, its indexes and TOAST table included, have been
// asked for since the server's counters began. Tables go by their Path.
func Reads(ctx context.Context, conn *pgx.Conn) (map[string]int64, error) {
	rows, err := conn.Query(ctx, `SELECT quote_ident(schemaname) || '.' || quote_ident(relname), coalesce(heap_blks_read, 0) + coalesce(heap_blks_hit, 0)
			+ coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0) + coalesce(toast_blks_read, 0) + coalesce(toast_blks_hit, 0)
		FROM pg_statio_user_tables`)
	if err != nil {
		return nil, fmt.Errorf("ask how much is read of each table: %w", err)
	}
	out := map[string]int64{}
	var path string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&path, &n}, func() error { out[path] = n; return nil }); err != nil {
		return nil, fmt.Errorf("ask how much is read of each table: %w", err)
	}
	return out, nil
}

// VacuumAnalyze gives one relation planner statistics and its visibility map. A
// partitioned table has no storage: it gets statistics only, which autovacuum never does.
func VacuumAnalyze(ctx context.Context, conn *pgx.Conn, r Relation) error {
	verb := "VACUUM (ANALYZE) "
	if r.Kind == "p" {
		verb = "ANALYZE "
	}
	// Autovacuum may be at the same table. It gives way after a second, so there is something to wait for.
	_, err := conn.Exec(ctx, "SET lock_timeout = '60s'")
	if err == nil {
		_, err = conn.Exec(ctx, verb+Ident(r.Schema, r.Name))
	}
	if err != nil {
		return fmt.Errorf("analyse %s.%s: %w", r.Schema, r.Name, err)
	}
	return nil
}
