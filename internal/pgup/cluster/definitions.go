package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// definitionCatalogs are the catalogs in which something is defined, each with the column
// that a row of the database's own has a high number in, and the condition under which it
// belongs to something temporary.
var definitionCatalogs = []struct{ name, oid, temporary string }{
	{"pg_class", "oid", "relpersistence = 't'"}, {"pg_attribute", "attrelid", "attrelid IN (SELECT oid FROM t)"},
	{"pg_attrdef", "oid", "adrelid IN (SELECT oid FROM t)"}, {"pg_index", "indexrelid", "indrelid IN (SELECT oid FROM t)"},
	{"pg_constraint", "oid", "conrelid IN (SELECT oid FROM t)"}, {"pg_trigger", "oid", "tgrelid IN (SELECT oid FROM t)"},
	{"pg_rewrite", "oid", "ev_class IN (SELECT oid FROM t)"}, {"pg_policy", "oid", "polrelid IN (SELECT oid FROM t)"},
	{"pg_inherits", "inhrelid", "inhrelid IN (SELECT oid FROM t)"}, {"pg_partitioned_table", "partrelid", "false"},
	{"pg_sequence", "seqrelid", "seqrelid IN (SELECT oid FROM t)"}, {"pg_statistic_ext", "oid", "stxrelid IN (SELECT oid FROM t)"},
	{"pg_type", "oid", "typnamespace IN (SELECT oid FROM n)"}, {"pg_proc", "oid", "pronamespace IN (SELECT oid FROM n)"},
	{"pg_namespace", "oid", "nspname LIKE 'pg\\_%'"}, {"pg_enum", "oid", "false"}, {"pg_extension", "oid", "false"}, {"pg_event_trigger", "oid", "false"},
	{"pg_publication", "oid", "false"}, {"pg_publication_rel", "oid", "false"}, {"pg_default_acl", "oid", "false"}, {"pg_cast", "oid", "false"},
	{"pg_operator", "oid", "false"}, {"pg_opclass", "oid", "false"}, {"pg_opfamily", "oid", "false"}, {"pg_collation", "oid", "false"}, {"pg_conversion", "oid", "false"},
	{"pg_language", "oid", "false"}, {"pg_foreign_server", "oid", "false"}, {"pg_ts_config", "oid", "false"}, {"pg_ts_dict", "oid", "false"},
	{"pg_authid", "", "false"}, {"pg_auth_members", "", "false"}, {"pg_db_role_setting", "", "false"},
}

// definitionsSQL gives one value that is the same as before when nothing was defined, changed
// or dropped in between, and takes a fraction of a millisecond.
//
// A change of a definition writes a row of a catalog or deletes one. A written row carries
// its transaction's id, which is given once only, so the number of rows and the sum of their
// ids tell any change, but for a coincidence. Rows are found by the catalog's index from the
// first number that is not the system's own on. VACUUM and ANALYZE write in place and keep
// the id. Temporary tables do not count. TRUNCATE and REINDEX do: a value that differs
// calls for a closer look, one that is equal for none.
func definitionsSQL() string {
	sums := make([]string, len(definitionCatalogs))
	for i, c := range definitionCatalogs {
		where := "NOT (" + c.temporary + ")"
		if c.oid != "" {
			where += " AND " + c.oid + " >= 16384"
		}
		if c.name == "pg_attribute" {
			where += " AND attnum > 0"
		}
		// age() is int4 arithmetic on ids; the difference to a fixed one does not move with the clock.
		sums[i] = fmt.Sprintf("(SELECT count(*) || ' ' || coalesce(sum(age(xmin)::bigint - age('3'::xid)) FILTER (WHERE xmin <> '1'::xid AND xmin <> '2'::xid), 0) FROM %s WHERE %s)", c.name, where)
	}
	return "WITH t AS (SELECT oid FROM pg_class WHERE relpersistence = 't'), n AS (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_temp\\_%' OR nspname LIKE 'pg\\_toast\\_temp\\_%') SELECT concat_ws(',', " + strings.Join(sums, ", ") + ")"
}

// PrepareDefinitions makes Definitions one round trip whose plan is ready.
func PrepareDefinitions(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Prepare(ctx, "lull_definitions", definitionsSQL()); err != nil {
		return fmt.Errorf("prepare looking for changes of definitions: %w", err)
	}
	return nil
}

// Definitions is the value of the connection's database now. PrepareDefinitions comes first.
func Definitions(ctx context.Context, conn *pgx.Conn) (value string, err error) {
	if err := conn.QueryRow(ctx, "lull_definitions").Scan(&value); err != nil {
		return "", fmt.Errorf("look for changes of definitions: %w", err)
	}
	return value, nil
}
