package preflight

import (
	"strings"

	"github.com/lullhq/lull/internal/checks"
)

// types are those that the new version does not know, or stores in another way. pg_upgrade takes
// the files of a table as they are, so it refuses all of these.
var types = []checks.Check{
	{
		ID: "removed-types", Severity: checks.Blocker, Source: checks.Versions{To: 11}, Target: checks.Versions{From: 12},
		Title: "Columns have a type that PostgreSQL 12 took away",
		Why:   "abstime, reltime and tinterval are gone: pg_upgrade refuses, and no dump of the table can be loaded.",
		Fix:   "Change the type: abstime to timestamptz, reltime to interval, tinterval to two columns.",
		SQL: usesOf(`SELECT oid FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typname IN ('abstime', 'reltime', 'tinterval')`,
			`CASE a.atttypid::regtype::text WHEN 'abstime' THEN 'timestamptz' WHEN 'reltime' THEN 'interval' END`),
	},
	{
		ID: "sql-identifier", Severity: checks.Blocker, Source: checks.Versions{To: 11}, Target: checks.Versions{From: 12},
		Title: "Columns have the type information_schema.sql_identifier",
		Why:   "PostgreSQL 12 stores it in another way, and pg_upgrade takes the files as they are.",
		Fix:   "Change the type to name or text.",
		SQL:   usesOf(`SELECT oid FROM pg_type WHERE typnamespace = 'information_schema'::regnamespace AND typname = 'sql_identifier'`, `'text'`),
	},
	{
		ID: "aclitem", Severity: checks.Blocker, Source: checks.Versions{To: 15}, Target: checks.Versions{From: 16},
		Title: "Columns have the type aclitem",
		Why:   "PostgreSQL 16 stores it in another way, and pg_upgrade takes the files as they are.",
		Fix:   "Change the type to text.",
		SQL:   usesOf(`SELECT 'pg_catalog.aclitem'::regtype::oid AS oid`, `CASE WHEN a.atttypid::regtype::text LIKE '%[]' THEN 'text[]' ELSE 'text' END`),
	},
	{
		ID: "reg-types", Severity: checks.Blocker, Title: "Columns hold numbers of objects that are others after an upgrade",
		Why: "pg_upgrade keeps the numbers of tables, types and roles, but not those that regproc, regoper, regconfig, regnamespace and the like hold.",
		Fix: "Change the type to text.",
		SQL: usesOf(`SELECT oid FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typname IN ('regcollation', 'regconfig', 'regdictionary',
		         'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure')`,
			`CASE WHEN a.atttypid::regtype::text LIKE '%[]' THEN 'text[]' ELSE 'text' END`),
	},
	{
		ID: "system-row-types", Severity: checks.Blocker, Title: "Columns have the row type of a system table or view",
		Why: "These types have other columns and other numbers in each version.",
		Fix: "Change the type to text or jsonb, or give the column a type of your own.",
		SQL: usesOf(`SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'c' AND (t.oid < 16384 OR n.nspname = 'information_schema')`, `'text'`),
	},
	{
		ID: "user-types", Severity: checks.Note, Title: "Columns have types of your own",
		Why:  "Clients keep the numbers of such types, and a client that is moved between servers goes on with the old ones.",
		Fix:  "Nothing.",
		Lull: "The new server is made with pg_upgrade, which keeps the numbers of types, enum values, tables and roles.",
		SQL: `SELECT format_type(t.oid, NULL) AS object, format('columns: %s', count(*)) AS detail
		      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
		      WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND t.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		      GROUP BY t.oid ORDER BY 1`,
	},
}

// usesOf asks for the columns of tables, materialized views and indexes of these types, or of domains,
// arrays, ranges and composite types that are made of them: what pg_upgrade asks (check.c). A plain column
// of a table gets a command that changes its type, where to gives one.
func usesOf(types, to string) string {
	return strings.NewReplacer("BASETYPES", types, "NEWTYPE", to).Replace(`WITH RECURSIVE oids AS (
		    SELECT oid FROM (BASETYPES) AS base
		    UNION ALL
		    SELECT * FROM (
		        WITH x AS (SELECT oid FROM oids)
		        SELECT t.oid FROM pg_type t JOIN x ON t.typbasetype = x.oid WHERE t.typtype = 'd'
		        UNION ALL SELECT t.oid FROM pg_type t JOIN x ON t.typelem = x.oid WHERE t.typtype = 'b'
		        UNION ALL SELECT t.oid FROM pg_attribute a JOIN x ON a.atttypid = x.oid JOIN pg_class c ON c.oid = a.attrelid
		                  JOIN pg_type t ON t.oid = c.reltype WHERE t.typtype = 'c' AND NOT a.attisdropped
		        UNION ALL SELECT t.oid FROM pg_range r JOIN x ON r.rngsubtype = x.oid JOIN pg_type t ON t.oid = r.rngtypid) AS more)
		SELECT format('%s.%I', c.oid::regclass, a.attname) AS object, format_type(a.atttypid, a.atttypmod) AS detail,
		       CASE WHEN c.relkind = 'r' THEN format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %2$I::text::%3$s', c.oid::regclass, a.attname, to_type) END AS command
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (SELECT NEWTYPE AS to_type) AS target
		WHERE a.atttypid IN (SELECT oid FROM oids) AND NOT a.attisdropped AND c.relkind IN ('r', 'm', 'i')
		  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t' ORDER BY 1`)
}
