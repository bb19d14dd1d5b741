package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// layout is what there is to compare, and how both sides can be asked for it.
type layout struct {
	tables []table
	lowest int // major of the older side
	hash   hashing
}

// table is one that has rows of its own, on the source.
type table struct {
	Schema, Name    string
	Bytes           int64
	Rows            float64 // the planner's estimate; 0 or less = unknown
	Columns         []column
	Key             []keyColumn
	OperatorSchemas []string
	There           bool // on the target
}

type column struct {
	Name      string
	Nullable  bool
	Type      string // as format_type writes it
	Base      string // the built-in type below domains and arrays, "" = somebody's own
	Extension string // that brought the type, or ""
}

type keyColumn struct{ Name, Type string }

// String is the table as people and SQL write it.
func (t table) String() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// survey reads what is published on the source and looks whether the target has it.
func survey(ctx context.Context, src, dst *pgx.Conn, publication string) (layout, error) {
	l := layout{}
	s, err := major(src)
	if err != nil {
		return l, err
	}
	d, err := major(dst)
	if err != nil {
		return l, err
	}
	l.lowest = min(s, d)
	var text []byte
	err = inSnapshot(ctx, src, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, dialect{major: s}.tables(), publication).Scan(&text)
	})
	if err != nil {
		return l, fmt.Errorf("list the tables on the source: %w", err)
	}
	if err := json.Unmarshal(text, &l.tables); err != nil {
		return l, fmt.Errorf("read the list of tables: %w", err)
	}
	slices.SortStableFunc(l.tables, func(a, b table) int { return int(max(-1, min(1, b.Bytes-a.Bytes))) })
	for i := range l.tables {
		if l.lowest < 12 && l.tables[i].floatKey() {
			l.tables[i].Key = nil // its text with 15 digits does not find it again
		}
	}
	if err := l.look(ctx, dst); err != nil {
		return l, fmt.Errorf("list the tables on the target: %w", err)
	}
	l.hash, err = agree(ctx, src, dst, l.lowest)
	return l, err
}

func (l layout) look(ctx context.Context, dst *pgx.Conn) error {
	names := make([]string, len(l.tables))
	for i, t := range l.tables {
		names[i] = t.String()
	}
	rows, err := dst.Query(ctx, `SELECT x.n::int, to_regclass(x.name) IS NOT NULL FROM unnest($1::text[]) WITH ORDINALITY x(name, n)`, names)
	if err != nil {
		return err
	}
	var n int
	var there bool
	_, err = pgx.ForEachRow(rows, []any{&n, &there}, func() error {
		l.tables[n-1].There = there
		return nil
	})
	return err
}

// floats write another text before 12.
var floats = []string{"float4", "float8", "point", "line", "lseg", "box", "path", "polygon", "circle"}

func (t table) floatKey() bool {
	return slices.ContainsFunc(t.Key, func(k keyColumn) bool {
		return k.Type == "real" || k.Type == "double precision"
	})
}

// unstable lists the columns whose text might differ between servers while their values
// do not. They are compared all the same: equal text is an equal value.
func (l layout) unstable() (out []Unstable) {
	for _, t := range l.tables {
		for _, c := range t.Columns {
			reason := ""
			switch {
			case l.lowest < 12 && slices.Contains(floats, c.Base):
				reason = "compared to 15 digits: the older server cannot write more that the newer one writes alike"
			case c.Extension != "":
				reason = "written by extension " + c.Extension + ", which may be of another version on the target"
			case c.Base == "":
				reason = "written by a type of your own"
			}
			if reason != "" {
				out = append(out, Unstable{Table: t.String(), Column: c.Name, Type: c.Type, Reason: reason})
			}
		}
	}
	return out
}

// tables is the query for the permanent tables that have rows, as JSON. With a name, for
// those of a publication; partitions of a published parent are published. A key is a
// unique index whose columns are never null, the primary key before the replica identity.
func (d dialect) tables() string {
	keys := d.since(11, `i.indnkeyatts`, `i.indnatts`)
	return `
		WITH RECURSIVE listed AS (
			SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE CASE $1 WHEN '' THEN true ELSE EXISTS (SELECT 1 FROM pg_publication_tables p
				WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname) END
			  AND c.relkind IN ('r','p') AND ` + userSchema + `
			UNION
			SELECT c.oid, c.relkind FROM listed l JOIN pg_inherits i ON i.inhparent = l.oid AND l.relkind = 'p' JOIN pg_class c ON c.oid = i.inhrelid)
		SELECT coalesce(json_agg(json_build_object('Schema', n.nspname, 'Name', c.relname, 'Bytes', pg_table_size(c.oid), 'Rows', c.reltuples,
			'Columns', (SELECT json_agg(json_build_object('Name', a.attname, 'Nullable', NOT a.attnotnull, 'Type', format_type(a.atttypid, a.atttypmod),
					'Base', b.base, 'Extension', coalesce(b.extension, '')) ORDER BY a.attnum)
				FROM pg_attribute a, LATERAL (` + baseType + `) b WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
			'Key', (SELECT json_agg(json_build_object('Name', a.attname, 'Type', format_type(a.atttypid, a.atttypmod)) ORDER BY x.n)
				FROM unnest(k.keys) WITH ORDINALITY x(attnum, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.attnum),
			'OperatorSchemas', (SELECT json_agg(DISTINCT o.nspname) FROM unnest(k.classes) x JOIN pg_opclass p ON p.oid = x
				JOIN pg_namespace o ON o.oid = p.opcnamespace WHERE o.nspname <> 'pg_catalog')) ORDER BY n.nspname, c.relname), '[]')
		FROM listed l JOIN pg_class c ON c.oid = l.oid JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN LATERAL (
			SELECT (i.indkey::int2[])[0:` + keys + ` - 1] AS keys, (i.indclass::oid[])[0:` + keys + ` - 1] AS classes FROM pg_index i
			WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
			  AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:` + keys + ` - 1]) AND NOT a.attnotnull)
			ORDER BY i.indisprimary DESC, i.indisreplident DESC, ` + keys + `, i.indexrelid LIMIT 1) k ON true
		WHERE c.relkind = 'r' AND c.relpersistence = 'p'`
}

// baseType goes below domains and arrays. An enum writes its label and a composite type
// its columns, so those are as good as built in.
const baseType = `
	WITH RECURSIVE down AS (
		SELECT t.oid, t.typtype, t.typbasetype, t.typelem, t.typcategory, t.typname, t.typnamespace FROM pg_type t WHERE t.oid = a.atttypid
		UNION ALL
		SELECT t.oid, t.typtype, t.typbasetype, t.typelem, t.typcategory, t.typname, t.typnamespace FROM down d JOIN pg_type t
			ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype WHEN d.typcategory = 'A' THEN d.typelem END)
	SELECT CASE WHEN d.typnamespace = 'pg_catalog'::regnamespace OR d.typtype <> 'b' THEN d.typname ELSE '' END AS base,
	       (SELECT x.extname FROM pg_depend e JOIN pg_extension x ON x.oid = e.refobjid
	        WHERE e.classid = 'pg_type'::regclass AND e.objid = d.oid AND e.deptype = 'e') AS extension
	FROM down d WHERE d.typtype <> 'd' AND d.typcategory <> 'A'`
