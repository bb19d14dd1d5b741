package tryout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// attempt holds one database of the source against the same one of the throw-away server.
type attempt func(ctx context.Context, src, dst *pgx.Conn, database string) ([]checks.Finding, error)

// extensions asks what the new server has of those that are in use.
func extensions(ctx context.Context, src, dst *pgx.Conn, database string) ([]checks.Finding, error) {
	rows, err := src.Query(ctx, `SELECT extname::text, extversion FROM pg_extension ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the extensions: %w", err)
	}
	used, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Version string }])
	if err != nil {
		return nil, fmt.Errorf("list the extensions: %w", err)
	}
	var missing, updates, stuck []checks.Object
	for _, x := range used {
		var is string
		var way bool
		err := dst.QueryRow(ctx, `SELECT default_version, default_version = $2 OR EXISTS (
			SELECT FROM pg_extension_update_paths($1) WHERE source = $2 AND target = default_version AND path IS NOT NULL)
			FROM pg_available_extensions WHERE name = $1`, x.Name, x.Version).Scan(&is, &way)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			missing = append(missing, checks.Object{Name: x.Name, Detail: x.Version})
		case err != nil:
			return nil, fmt.Errorf("ask for extension %s: %w", x.Name, err)
		case !way:
			stuck = append(stuck, checks.Object{Name: x.Name, Detail: fmt.Sprintf("no way from %s to %s", x.Version, is)})
		case is != x.Version:
			updates = append(updates, checks.Object{Name: x.Name, Detail: fmt.Sprintf("%s to %s", x.Version, is)})
		}
	}
	out := append(found("extension-missing", database, missing), found("extension-path", database, stuck)...)
	return append(out, found("extension-updates", database, updates)...), nil
}

// libraries loads every library that functions are in, as pg_upgrade does.
func libraries(ctx context.Context, src, dst *pgx.Conn, database string) ([]checks.Finding, error) {
	rows, err := src.Query(ctx, `SELECT p.probin, min(p.oid::regprocedure::text) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
		WHERE l.lanname = 'c' AND p.probin IS NOT NULL AND p.oid >= 16384 GROUP BY 1 ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the libraries: %w", err)
	}
	used, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Library, Function string }])
	if err != nil {
		return nil, fmt.Errorf("list the libraries: %w", err)
	}
	var out []checks.Object
	for _, x := range used {
		refused, err := load(ctx, dst, x.Library)
		if err != nil {
			return nil, err
		}
		if refused != "" {
			out = append(out, checks.Object{Name: x.Library, Detail: x.Function + ": " + refused})
		}
	}
	return found("libraries", database, out), nil
}

// collations looks for indexes whose order the libraries of the new server do not agree with.
func collations(ctx context.Context, src, dst *pgx.Conn, database string) ([]checks.Finding, error) {
	was, err := cluster.Collations(ctx, src)
	if err != nil {
		return nil, err
	}
	is, err := cluster.Collations(ctx, dst)
	if err != nil {
		return nil, err
	}
	stale, err := cluster.StaleIndexes(ctx, src, cluster.Resort(was, is))
	if err != nil {
		return nil, err
	}
	var out []checks.Object
	for _, r := range stale {
		out = append(out, checks.Object{Name: cluster.Ident(r.Schema, r.Name), Detail: fmt.Sprintf("%d kB", r.Bytes/1024)})
	}
	return found("collation-libraries", database, out), nil
}

// rows puts a row of each table in as the processes do that apply changes: without a search_path, and as
// a replica. It is taken back. Rows that others refer to are not there, so keys and checks have no say.
func rows(ctx context.Context, src, dst *pgx.Conn, database string) ([]checks.Finding, error) {
	tables, err := sampled(ctx, src)
	if err != nil {
		return nil, err
	}
	var out []checks.Object
	for _, x := range tables {
		if len(x.Columns) == 0 {
			continue
		}
		var row bytes.Buffer
		_, err := src.PgConn().CopyTo(ctx, &row, "COPY (SELECT "+x.columns()+" FROM ONLY "+x.name()+" LIMIT 1) TO STDOUT")
		if isRefused(err) || err == nil && row.Len() == 0 {
			continue // one that is locked, or empty
		}
		if err == nil {
			err = x.apply(ctx, dst, &row)
		}
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && telling(refused.Code):
			out = append(out, checks.Object{Name: x.name(), Detail: refused.Message})
		case err != nil && refused == nil:
			return nil, fmt.Errorf("try a row of %s: %w", x.name(), err)
		}
	}
	return found("apply-rehearsal", database, out), nil
}

func isRefused(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused)
}

// telling leaves out what says nothing: integrity (class 23), because the other rows are not there.
func telling(code string) bool { return !strings.HasPrefix(code, "23") }

type table struct {
	Schema, Name string
	Columns      []string
}

func (t table) name() string { return cluster.Ident(t.Schema, t.Name) }

func (t table) columns() string {
	quoted := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		quoted[i] = cluster.Ident(c)
	}
	return strings.Join(quoted, ", ")
}

func sampled(ctx context.Context, src *pgx.Conn) ([]table, error) {
	rows, err := src.Query(ctx, `SELECT n.nspname, c.relname, ARRAY(SELECT a.attname::text FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(to_jsonb(a) ->> 'attgenerated', '') = '' ORDER BY a.attnum) AS columns
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[table])
}

func (t table) apply(ctx context.Context, dst *pgx.Conn, row *bytes.Buffer) error {
	var there bool
	if err := dst.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", t.name()).Scan(&there); err != nil || !there {
		return err
	}
	if _, err := dst.Exec(ctx, "BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL search_path = ''"); err != nil {
		return err
	}
	_, err := dst.PgConn().CopyFrom(ctx, row, "COPY "+t.name()+" ("+t.columns()+") FROM STDIN")
	_, ended := dst.Exec(ctx, "ROLLBACK")
	if err != nil {
		return err
	}
	return ended
}
