package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/hint"
)

// Missing is something that the planner knows on the source and not on the target.
type Missing struct {
	Relation  string   `json:"relation"`            // the table, as ANALYZE takes it
	Object    string   `json:"object,omitempty"`    // its index or extended statistics; "" = the table itself
	Columns   []string `json:"columns,omitempty"`   // of the table, or positions in the index
	Inherited bool     `json:"inherited,omitempty"` // over the table with its partitions or children
}

// String is one line for the operator.
func (m Missing) String() string {
	line := m.Relation
	if m.Inherited {
		line += " with its partitions"
	}
	if m.Object != "" {
		line += ", " + m.Object
	}
	if len(m.Columns) > 0 {
		line += " (" + strings.Join(m.Columns, ", ") + ")"
	}
	return line
}

// Statistics lists what has planner statistics on the source and none on the target:
// columns of tables, materialized views and partition parents, index expressions, and
// extended statistics. One query a side. What ANALYZE cannot give is not asked for: on
// a table without rows it stores nothing, while the source may still keep what it knew
// before the table was emptied. Suspects alone are looked into for a row.
func Statistics(ctx context.Context, src, dst *pgx.Conn) ([]Missing, error) {
	source, target, err := both(ctx, src, dst, known)
	if err != nil {
		return nil, fmt.Errorf("compare planner statistics: %w", readable(err))
	}
	suspects := unknown(source, target)
	missing, err := withRows(ctx, dst, suspects)
	if err != nil {
		return nil, fmt.Errorf("look for rows in tables without statistics: %w", err)
	}
	return missing, nil
}

func readable(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" { // insufficient_privilege
		return hint.Wrap(err, "connect as a superuser, or GRANT SELECT ON pg_statistic, pg_statistic_ext_data to Lull's role on both servers")
	}
	return err
}

// fact is one thing that the planner may have statistics of.
type fact struct {
	name, object, column string
	inherited            bool
}

// knowledge is whether statistics are there, and whether ANALYZE would put them there.
type knowledge struct{ has, able bool }

func known(ctx context.Context, conn *pgx.Conn) (map[fact]knowledge, error) {
	v, err := major(conn)
	if err != nil {
		return nil, err
	}
	facts := map[fact]knowledge{}
	err = inSnapshot(ctx, conn, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, dialect{major: v}.knowledge())
		if err != nil {
			return err
		}
		var f fact
		var k knowledge
		_, err = pgx.ForEachRow(rows, []any{&f.name, &f.object, &f.column, &f.inherited, &k.has, &k.able}, func() error {
			facts[f] = k
			return nil
		})
		return err
	})
	return facts, err
}

// knowledge is the query for columns and index expressions, and for extended statistics.
// A partitioned table has statistics only over its partitions, and its indexes have none.
//
// ANALYZE leaves out a column whose statistics target is 0. A type's own function for it,
// which an extension may bring, may store nothing. Of a partial index it may see no row.
func (d dialect) knowledge() string {
	data := d.since(15, `EXISTS (SELECT 1 FROM pg_statistic_ext_data v WHERE v.stxoid = x.oid)`,
		d.since(12, `EXISTS (SELECT 1 FROM pg_statistic_ext_data v WHERE v.stxoid = x.oid AND coalesce(v.stxdndistinct::text, v.stxddependencies::text, v.stxdmcv::text) IS NOT NULL)`,
			`coalesce(x.stxndistinct::text, x.stxdependencies::text) IS NOT NULL`))
	return `
		SELECT ` + relationName + `, r.object, CASE r.object WHEN '' THEN quote_ident(a.attname) ELSE a.attnum::text END, h.inherited,
			c.relispopulated AND EXISTS (SELECT 1 FROM pg_statistic s WHERE s.starelid = a.attrelid AND s.staattnum = a.attnum AND s.stainherit = h.inherited),
			coalesce(a.attstattarget, -1) <> 0 AND coalesce(t.typanalyze::oid, 0) < 16384
				AND NOT (r.partial AND EXISTS (SELECT 1 FROM pg_statistic s WHERE s.starelid = c.oid))
		FROM (SELECT oid AS relation, oid AS owner, '' AS object, false AS partial, '' AS keys FROM pg_class WHERE relkind IN ('r','p','m','f')
			UNION ALL
			SELECT i.indexrelid, i.indrelid, quote_ident(x.relname), i.indpred IS NOT NULL, i.indkey::text
			FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indexprs IS NOT NULL) r
		JOIN pg_class c ON c.oid = r.owner JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = r.relation AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_type t ON t.oid = a.atttypid
		JOIN (VALUES (false), (true)) h(inherited) ON CASE WHEN h.inherited
			THEN r.object = '' AND EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid) ELSE c.relkind <> 'p' END
		WHERE c.relpersistence <> 't' AND ` + userSchema + `
		  AND (r.object = '' OR (string_to_array(r.keys, ' '))[a.attnum] = '0')
		UNION ALL
		SELECT ` + relationName + `, 'statistics ' || quote_ident(m.nspname) || '.' || quote_ident(x.stxname), '', false, ` + data + `,
			` + d.since(13, `coalesce(x.stxstattarget, -1) <> 0`, `true`) + `
		FROM pg_statistic_ext x JOIN pg_namespace m ON m.oid = x.stxnamespace JOIN pg_class c ON c.oid = x.stxrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE ` + userSchema
}

// unknown is what the source knows and the target does not, by table and object. What
// the target does not have at all counts: nothing can be known of it.
func unknown(source, target map[fact]knowledge) []Missing {
	lacking := map[fact]*Missing{}
	for f, s := range source {
		t, there := target[f]
		if !s.has || t.has || there && !t.able {
			continue
		}
		group := fact{name: f.name, object: f.object, inherited: f.inherited}
		if lacking[group] == nil {
			lacking[group] = &Missing{Relation: f.name, Object: f.object, Inherited: f.inherited}
		}
		if f.column != "" {
			lacking[group].Columns = append(lacking[group].Columns, f.column)
		}
	}
	var out []Missing
	for _, m := range lacking {
		slices.Sort(m.Columns)
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Missing) int {
		return cmp.Or(cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Object, b.Object), cmp.Compare(a.String(), b.String()))
	})
	return out
}

// withRows drops the suspects that have no rows on the target.
func withRows(ctx context.Context, dst *pgx.Conn, suspects []Missing) ([]Missing, error) {
	const atOnce = 100 // each takes a lock until the statement ends
	var out []Missing
	for part := range slices.Chunk(suspects, atOnce) {
		empty, err := emptiness(ctx, dst, part)
		if err != nil {
			return nil, err
		}
		for i, m := range part {
			if !empty[i] {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// emptiness says which tables have no row. One that is not there, or a materialized view
// that cannot be read yet, is not empty: it lacks more than statistics.
func emptiness(ctx context.Context, dst *pgx.Conn, list []Missing) ([]bool, error) {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.Relation
	}
	var there []bool
	err := dst.QueryRow(ctx, `SELECT array_agg(coalesce(c.relispopulated, false) ORDER BY x.n)
		FROM unnest($1::text[]) WITH ORDINALITY x(name, n) LEFT JOIN pg_class c ON c.oid = to_regclass(x.name)`, names).Scan(&there)
	if err != nil {
		return nil, err
	}
	var sql []string
	for i, m := range list {
		from := m.Relation // quoted by the server
		if !m.Inherited && m.Object == "" {
			from = "ONLY " + from
		}
		if there[i] {
			sql = append(sql, fmt.Sprintf("SELECT %d WHERE NOT EXISTS (SELECT 1 FROM %s)", i, from))
		}
	}
	empty := make([]bool, len(list))
	if len(sql) == 0 {
		return empty, nil
	}
	rows, err := dst.Query(ctx, strings.Join(sql, " UNION ALL "), pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	var i int
	_, err = pgx.ForEachRow(rows, []any{&i}, func() error {
		empty[i] = true
		return nil
	})
	return empty, err
}
