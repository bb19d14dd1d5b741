package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
)

// extension is one that the server has in a newer version.
type extension struct {
	Name, Have, Default string
	Tables              []string // its configuration: rows in them belong to the user as well
}

// ExtensionUpdate is what an update did.
type ExtensionUpdate struct {
	Text string // "hstore 1.7 to 1.8"
	// Changed are the configuration tables whose rows the update's own script changed: the
	// new version of the extension brings rows of its own.
	Changed []string
}

// UpdateExtensions brings the extensions of a database to the versions that the server
// ships. The copy and the replication carry the rows of configuration tables. A script
// that fills such a table once more must not double them: then it is taken back and refused.
func UpdateExtensions(ctx context.Context, conn *pgx.Conn) (done []ExtensionUpdate, err error) {
	all, err := outdated(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		one := ExtensionUpdate{Text: fmt.Sprintf("%s %s to %s", x.Name, x.Have, x.Default)}
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) (err error) {
			one.Changed, err = x.update(ctx, tx)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("update extension %s from %s to %s: %w", x.Name, x.Have, x.Default, err)
		}
		done = append(done, one)
	}
	return done, nil
}

func outdated(ctx context.Context, conn *pgx.Conn) ([]extension, error) {
	rows, err := conn.Query(ctx, `SELECT e.extname, e.extversion, a.default_version,
			ARRAY(SELECT format('"%s"."%s"', replace(n.nspname, '"', '""'), replace(c.relname, '"', '""')) FROM unnest(e.extconfig) o JOIN pg_class c ON c.oid = o
				JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p') ORDER BY 1)
		FROM pg_extension e JOIN pg_available_extensions a ON a.name = e.extname WHERE a.default_version <> e.extversion ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the extensions: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[extension])
	if err != nil {
		return nil, fmt.Errorf("list the extensions: %w", err)
	}
	return all, nil
}

// update runs the scripts and looks at the configuration before and after.
func (x extension) update(ctx context.Context, tx pgx.Tx) (changed []string, err error) {
	before, err := x.rows(ctx, tx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "ALTER EXTENSION "+Ident(x.Name)+" UPDATE"); err != nil {
		return nil, err
	}
	after, err := x.rows(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, table := range x.Tables {
		for row, n := range before[table] {
			if after[table][row] > n {
				return nil, hint.Wrap(errors.New("its script put rows into "+table+" that were there already"),
					"update the extension on the source first, then lull abort and run again")
			}
		}
		if !maps.Equal(before[table], after[table]) {
			changed = append(changed, table)
		}
	}
	return slices.Clip(changed), nil
}

// rows counts equal rows, by digest, of every configuration table.
func (x extension) rows(ctx context.Context, tx pgx.Tx) (map[string]map[string]int64, error) {
	out := map[string]map[string]int64{}
	for _, table := range x.Tables {
		rows, err := tx.Query(ctx, `SELECT md5(t::text), count(*) FROM `+table+` t GROUP BY 1`)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		out[table] = map[string]int64{}
		var row string
		var n int64
		if _, err := pgx.ForEachRow(rows, []any{&row, &n}, func() error { out[table][row] = n; return nil }); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
	}
	return out, nil
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
