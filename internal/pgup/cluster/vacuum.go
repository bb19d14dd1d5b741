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
}

// Relations lists a database's relations that have planner statistics, the largest first:
// the long ones decide when all are done.
func Relations(ctx context.Context, conn *pgx.Conn) ([]Relation, error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname, c.relname, c.relkind::text, pg_table_size(c.oid)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r','p','m') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_toast', 'information_schema')
		ORDER BY 4 DESC, 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list the tables to analyse: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Relation])
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
