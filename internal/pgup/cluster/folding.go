package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// TextSearchIndexes gives the oids of the indexes of one database that hold words as full text search and pg_trgm fold
// them. Since 18 these go by the provider of the database, and before by the C library always (release notes of 18,
// section "Migration").
const TextSearchIndexes = `
	SELECT DISTINCT i.indexrelid AS oid FROM pg_index i, unnest(i.indclass::oid[]) AS o JOIN pg_opclass k ON k.oid = o
	WHERE EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datlocprovider <> 'c')
	  AND (k.opcintype = 'tsvector'::regtype OR k.opcname IN ('gin_trgm_ops', 'gist_trgm_ops'))`

// UnicodeDependents gives what is kept in one database, from 17 on, by what the server's own tables say of letters: its kind, which
// is index, constraint, partitions, column or view, its relation, and its name where it is not the relation itself. pg_upgrade
// looks for the same before it goes to another version of Unicode (src/bin/pg_upgrade/check.c of 18, check_for_unicode_update),
// but for generated columns and the functions for regular expressions.
const UnicodeDependents = `
	WITH orders AS (
	  SELECT oid FROM pg_collation WHERE collprovider = 'b' AND colllocale <> 'C'
	  UNION ALL SELECT 'pg_catalog."default"'::regcollation FROM pg_database WHERE datname = current_database() AND datlocprovider = 'b' AND datlocale <> 'C'
	), calls AS (
	  SELECT format('FUNCEXPR :funcid %s\y', oid) AS node FROM pg_proc
	  WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ('normalize', 'is_normalized', 'unicode_assigned')
	  UNION ALL SELECT format('FUNCEXPR :funcid %s\y[^{}]*:inputcollid %s\y', p.oid, o.oid) FROM pg_proc p, orders o
	  WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(lower|upper|initcap|casefold|regexp_.*)$' AND p.proargtypes[0] = 'text'::regtype
	  UNION ALL SELECT format('OPEXPR :opno %s\y[^{}]*:inputcollid %s\y', p.oid, o.oid) FROM pg_operator p, orders o
	  WHERE p.oprnamespace = 'pg_catalog'::regnamespace AND p.oprname IN ('~', '~*', '!~', '!~*', '~~*', '!~~*') AND p.oprright = 'text'::regtype
	), pattern AS (SELECT string_agg(node, '|') AS node FROM calls)
	SELECT 'index' AS kind, indexrelid AS oid, NULL::name AS name FROM pg_index, pattern WHERE indexprs::text ~ node OR indpred::text ~ node
	UNION ALL SELECT 'constraint', conrelid, conname FROM pg_constraint, pattern WHERE conrelid <> 0 AND conbin::text ~ node
	UNION ALL SELECT 'partitions', partrelid, NULL FROM pg_partitioned_table, pattern WHERE partexprs::text ~ node
	UNION ALL SELECT 'column', d.adrelid, a.attname FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum, pattern
	  WHERE a.attgenerated <> '' AND d.adbin::text ~ node
	UNION ALL SELECT 'view', c.oid, NULL FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class, pattern WHERE c.relkind = 'm' AND r.ev_action::text ~ node`

// Folding is by which rules a server tells letters from each other and folds them.
type Folding struct {
	Major   int
	Unicode string // version of its own tables; "" before 17, which had no order that goes by them
}

// FoldingOf asks a server.
func FoldingOf(ctx context.Context, conn *pgx.Conn) (f Folding, err error) {
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int / 10000").Scan(&f.Major); err != nil {
		return f, fmt.Errorf("ask for the version: %w", err)
	}
	if f.Major < 17 {
		return f, nil
	}
	if err := conn.QueryRow(ctx, "SELECT unicode_version()").Scan(&f.Unicode); err != nil {
		return f, fmt.Errorf("ask for the version of Unicode: %w", err)
	}
	return f, nil
}

// RefoldedIndexes lists the indexes on this server, the target, that a copy brought along and that hold letters folded by rules which it does not go by.
func RefoldedIndexes(ctx context.Context, conn *pgx.Conn, source, target Folding) (out []Relation, err error) {
	const named = `SELECT DISTINCT n.nspname, c.relname, c.relkind::text, pg_relation_size(c.oid), quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM (%s) AS x JOIN pg_class c ON c.oid = x.oid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' ORDER BY 4 DESC, 1, 2`
	for _, x := range []struct {
		other bool
		which string
	}{
		{source.Major < 18 && target.Major >= 18, TextSearchIndexes},
		{source.Unicode != "" && source.Unicode != target.Unicode, UnicodeDependents},
	} {
		if !x.other {
			continue
		}
		rows, err := conn.Query(ctx, fmt.Sprintf(named, x.which))
		if err != nil {
			return nil, fmt.Errorf("look for indexes of letters that are folded otherwise: %w", err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Relation])
		if err != nil {
			return nil, fmt.Errorf("look for indexes of letters that are folded otherwise: %w", err)
		}
		out = append(out, found...)
	}
	return out, nil
}
