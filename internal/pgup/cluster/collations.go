package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Collation is an order of text, and the version of the library that makes it.
type Collation struct {
	Schema   string
	Name     string
	Provider string // pg_collation.collprovider: c for the C library, i for ICU
	Version  string // "" when the server does not tell: the C library before 13
}

// Collations lists the orders that depend on a library. The C locale sorts by bytes everywhere.
func Collations(ctx context.Context, conn *pgx.Conn) ([]Collation, error) {
	rows, err := conn.Query(ctx, `SELECT n.nspname, k.collname, k.collprovider::text, coalesce(pg_collation_actual_version(k.oid), '')
		FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace
		WHERE k.collprovider = 'i' OR k.collprovider = 'c' AND k.collcollate NOT IN ('C', 'POSIX') AND k.collcollate NOT ILIKE 'C.%'`)
	if err != nil {
		return nil, fmt.Errorf("list the collations: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Collation])
}

// Resorted are the orders of text in which two servers may differ.
type Resorted struct {
	schemas, names []string
	providers      []string // of which any order differs: then the databases' default of it does too
}

// Resort holds the orders of the source against those of the target.
func Resort(source, target []Collation) (r Resorted) {
	was := map[[2]string]Collation{}
	for _, c := range source {
		was[[2]string{c.Schema, c.Name}] = c
	}
	for _, c := range target {
		before, ok := was[[2]string{c.Schema, c.Name}]
		if !ok || before.Version == c.Version && c.Version != "" {
			continue
		}
		r.schemas, r.names, r.providers = append(r.schemas, c.Schema), append(r.names, c.Name), append(r.providers, c.Provider)
	}
	return r
}

// StaleIndexes lists the indexes that a copy brought along in an order which this server's
// libraries do not agree with. A search in such an index misses rows that are there
// (manual, section 23.2.5). What the catalog says of the version an order was made with is
// no help: pg_upgrade leaves the built-in collations to the new server's initdb.
func StaleIndexes(ctx context.Context, conn *pgx.Conn, r Resorted) ([]Relation, error) {
	rows, err := conn.Query(ctx, `
		WITH stale AS (
			SELECT k.oid FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace
			JOIN unnest($1::text[], $2::text[]) AS s(schema, name) ON s.schema = n.nspname AND s.name = k.collname
			UNION ALL
			SELECT k.oid FROM pg_collation k, pg_database d WHERE k.collprovider = 'd' AND d.datname = current_database()
			   AND d.datcollate NOT IN ('C', 'POSIX') AND d.datcollate NOT ILIKE 'C.%'
			   AND coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = ANY($3::text[]))
		SELECT DISTINCT n.nspname, c.relname, c.relkind::text, pg_relation_size(c.oid), quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'i' AND EXISTS (SELECT 1 FROM unnest(x.indcollation::oid[]) AS u(oid) JOIN stale s ON s.oid = u.oid)
		ORDER BY 4 DESC, 1, 2`, r.schemas, r.names, r.providers)
	if err != nil {
		return nil, fmt.Errorf("look for indexes in another order: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Relation])
}

// Reindex builds one index anew.
func Reindex(ctx context.Context, conn *pgx.Conn, r Relation) error {
	if _, err := conn.Exec(ctx, "REINDEX INDEX "+Ident(r.Schema, r.Name)); err != nil {
		return fmt.Errorf("rebuild index %s.%s: %w", r.Schema, r.Name, err)
	}
	return nil
}
