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

// MaterializedViews lists the populated ones in the order of their dependencies.
func MaterializedViews(ctx context.Context, conn *pgx.Conn) ([]Relation, error) {
	rows, err := conn.Query(ctx, `
		WITH RECURSIVE views AS (
			SELECT c.oid, 0 AS depth FROM pg_class c WHERE c.relkind = 'm' AND c.relispopulated
			UNION ALL
			SELECT r.ev_class, v.depth + 1 FROM views v
			JOIN pg_depend d ON d.refobjid = v.oid AND d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
			JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> v.oid
			WHERE v.depth < 100)
		SELECT n.nspname, c.relname, c.relkind::text, max(v.depth)::bigint
		FROM views v JOIN pg_class c ON c.oid = v.oid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'm' AND c.relispopulated GROUP BY 1, 2, 3 ORDER BY 4, 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list the materialized views: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Relation])
}

// Refresh computes a materialized view anew.
func Refresh(ctx context.Context, conn *pgx.Conn, r Relation) error {
	if _, err := conn.Exec(ctx, "REFRESH MATERIALIZED VIEW "+Ident(r.Schema, r.Name)); err != nil {
		return fmt.Errorf("refresh materialized view %s.%s: %w", r.Schema, r.Name, err)
	}
	return nil
}

// UpdateExtensions brings the extensions of a database to the versions that the server ships. It returns what it changed.
func UpdateExtensions(ctx context.Context, conn *pgx.Conn) (changed []string, err error) {
	rows, err := conn.Query(ctx, `SELECT e.extname, e.extversion, a.default_version FROM pg_extension e
		JOIN pg_available_extensions a ON a.name = e.extname WHERE a.default_version <> e.extversion ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the extensions: %w", err)
	}
	type extension struct{ Name, Have, Default string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[extension])
	if err != nil {
		return nil, fmt.Errorf("list the extensions: %w", err)
	}
	for _, x := range all {
		if _, err := conn.Exec(ctx, "ALTER EXTENSION "+Ident(x.Name)+" UPDATE"); err != nil {
			return changed, fmt.Errorf("update extension %s from %s to %s: %w", x.Name, x.Have, x.Default, err)
		}
		changed = append(changed, fmt.Sprintf("%s %s to %s", x.Name, x.Have, x.Default))
	}
	return changed, nil
}

// OutdatedExtensions counts the extensions that the server has in a newer version.
func OutdatedExtensions(ctx context.Context, conn *pgx.Conn) (n int, err error) {
	err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname
		WHERE a.default_version <> e.extversion`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("list the extensions: %w", err)
	}
	return n, nil
}
