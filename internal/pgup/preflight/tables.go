package preflight

import "github.com/lullhq/lull/internal/checks"

// ours keeps system schemas out, and what is Lull's own.
const ours = ` n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'lull') `

// tables are tables, indexes and constraints.
var tables = []checks.Check{
	{
		ID: "oids", Severity: checks.Blocker, Source: checks.Versions{To: 11}, Target: checks.Versions{From: 12}, Title: "Tables were made WITH OIDS",
		Why: "PostgreSQL 12 took the hidden column away: pg_upgrade refuses.",
		Fix: "ALTER TABLE ... SET WITHOUT OIDS, or make a column of your own of it first.",
		SQL: `SELECT c.oid::regclass AS object, format('ALTER TABLE %s SET WITHOUT OIDS', c.oid::regclass) AS command
		      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relhasoids AND c.relkind IN ('r', 'p') AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "not-null-inheritance", Severity: checks.Blocker, Target: checks.Versions{From: 18}, Title: "Columns may be null where the table above says not",
		Why: "Since 18 a NOT NULL is inherited without exception: pg_upgrade refuses.",
		Fix: "SET NOT NULL on the table below, after its nulls are gone.",
		SQL: `SELECT format('%s.%I', i.inhrelid::regclass, below.attname) AS object, format('not null in %s', i.inhparent::regclass) AS detail,
		             format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', i.inhrelid::regclass, below.attname) AS command
		      FROM pg_inherits i JOIN pg_attribute above ON above.attrelid = i.inhparent JOIN pg_attribute below ON below.attrelid = i.inhrelid AND below.attname = above.attname
		      WHERE below.attnum > 0 AND above.attnotnull AND NOT below.attnotnull ORDER BY 1`,
	},
	{
		ID: "invalid-indexes", Severity: checks.Warning, Title: "Indexes are invalid",
		Why: "A build with CONCURRENTLY was broken off. Nothing uses them, and every write keeps them up to date, on the new server as well.",
		Fix: "Rebuild or drop them.",
		SQL: `SELECT i.indexrelid::regclass AS object, format('on %s', i.indrelid::regclass) AS detail, format('REINDEX INDEX %s', i.indexrelid::regclass) AS command
		      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		      WHERE NOT i.indisvalid AND c.relkind = 'i' AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "unvalidated-constraints", Severity: checks.Note, Title: "Constraints are not validated",
		Why: "Rows from before may break them. They come along as they are.",
		Fix: "Validate them when it suits.",
		SQL: `SELECT format('%s on %s', k.conname, k.conrelid::regclass) AS object, format('ALTER TABLE %s VALIDATE CONSTRAINT %I', k.conrelid::regclass, k.conname) AS command
		      FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE NOT k.convalidated AND k.conrelid <> 0 AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "replica-identity", Severity: checks.Note, Title: "Tables have no key that replication can use",
		Why:  "Once they are published, the application's own UPDATE and DELETE would fail.",
		Fix:  "Nothing. A primary key makes the copy faster.",
		Lull: "Lull sets the best unique index as REPLICA IDENTITY, or FULL where there is none, before it publishes them, and sets back what was there.",
		SQL: `SELECT c.oid::regclass AS object, format('REPLICA IDENTITY %s', CASE c.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX' END) AS detail
		      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND` + ours + `
		        AND NOT (c.relreplident = 'f'
		          OR (c.relreplident = 'd' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate))
		          OR (c.relreplident = 'i' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid))) ORDER BY 1`,
	},
	{
		ID: "no-equality", Severity: checks.Blocker, Title: "Rows change in tables without a key that have a type without an equality",
		Why: "Without a key the whole row says which one has changed, and nobody can compare these types: the copy stops at the first UPDATE or DELETE.",
		Fix: "Give them a primary key.",
		SQL: `SELECT format('%s.%I', c.oid::regclass, a.attname) AS object, format_type(a.atttypid, NULL) AS detail,
		             format('ALTER TABLE %s ADD COLUMN row_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY', c.oid::regclass) AS command
		      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stat_user_tables s ON s.relid = c.oid
		        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		        JOIN LATERAL (SELECT coalesce(nullif(t.typbasetype, 0), t.oid) AS oid, t.typtype, t.typcategory FROM pg_type t WHERE t.oid = a.atttypid) AS t ON true
		      WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND s.n_tup_upd + s.n_tup_del > 0 AND` + ours + `
		        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
		                        AND NOT EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attnum = ANY (i.indkey::int2[]) AND NOT b.attnotnull))
		        AND t.typtype NOT IN ('e', 'c', 'r', 'm') AND t.typcategory NOT IN ('A', 'S')
		        AND NOT EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod WHERE m.amname IN ('btree', 'hash') AND o.opcdefault AND o.opcintype = t.oid)
		      ORDER BY 1`,
	},
	{
		ID: "triggers-in-apply", Severity: checks.Warning, Title: "Triggers fire for replicated rows",
		Why: "ENABLE ALWAYS and ENABLE REPLICA fire on the new server for every row that comes from the old one, where they have fired already: what they write is there twice.",
		Fix: "Make ordinary triggers of them until the switch, or see that they do no harm.",
		SQL: `SELECT format('%s on %s', t.tgname, t.tgrelid::regclass) AS object, CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END AS detail,
		             format('ALTER TABLE %s ENABLE TRIGGER %I', t.tgrelid::regclass, t.tgname) AS command
		      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		      WHERE NOT t.tgisinternal AND t.tgenabled IN ('A', 'R') AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "generated-columns", Severity: checks.Note, Source: checks.Versions{From: 12}, Title: "Columns are generated",
		Why: "Their values are not replicated. The new server computes them as rows arrive, by its own functions and its own order of text.",
		Fix: "Nothing, as long as the functions in them are immutable as they say.",
		SQL: `SELECT format('%s.%I', a.attrelid::regclass, a.attname) AS object, pg_get_expr(d.adbin, d.adrelid) AS detail
		      FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		      WHERE a.attgenerated <> '' AND NOT a.attisdropped AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "deferrable-keys", Severity: checks.Note, Title: "Keys are deferrable",
		Why:  "Replication cannot find rows by a key that is checked only at the end of a transaction.",
		Fix:  "Nothing, or make them NOT DEFERRABLE.",
		Lull: "Lull finds the rows by another key, or by the whole row.",
		SQL: `SELECT format('%s on %s', k.conname, k.conrelid::regclass) AS object, pg_get_constraintdef(k.oid) AS detail
		      FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE k.condeferrable AND k.contype IN ('p', 'u') AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "row-security", Severity: checks.Note, Title: "Tables have row security",
		Why:  "A subscription's owner that it is in force for could not apply a row.",
		Fix:  "Nothing.",
		Lull: "Lull's role is a superuser, for whom it is not in force, and the policies come along.",
		SQL: `SELECT c.oid::regclass AS object, CASE WHEN c.relforcerowsecurity THEN 'forced' END AS detail
		      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "materialized-views", Severity: checks.Note, Title: "There are materialized views",
		Why:  "Replication does not carry them.",
		Fix:  "Nothing, but keep REFRESH jobs out of the window.",
		Lull: "Lull refreshes them in their order before the switch, and once more after it where something below them has changed.",
		SQL: `SELECT c.oid::regclass AS object, CASE WHEN c.relispopulated THEN pg_size_pretty(pg_relation_size(c.oid)) ELSE 'not populated, and stays so' END AS detail
		      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "foreign-tables", Severity: checks.Warning, Title: "The database reads other servers",
		Why: "The new server's machine has to reach them, and be let in there.",
		Fix: "Try the connection from the new machine, and add its address to their rules.",
		SQL: `SELECT s.srvname AS object, concat_ws(' ', w.fdwname, array_to_string(s.srvoptions, ' ')) AS detail
		      FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw ORDER BY 1`,
	},
	{
		ID: "extension-tables", Severity: checks.Note, Title: "Extensions keep rows of yours",
		Why:  "The new version of an extension may bring rows of its own into the same tables.",
		Fix:  "Nothing.",
		Lull: "Lull carries the rows, and takes an update of an extension back that would double one.",
		SQL: `SELECT o::regclass AS object, e.extname AS detail FROM pg_extension e, unnest(e.extconfig) AS o
		      JOIN pg_class c ON c.oid = o WHERE c.relkind IN ('r', 'p') ORDER BY 1`,
	},
	{
		ID: "keys-near-end", Severity: checks.Warning, Title: "Keys are running out",
		Why: "When the type of the key or the sequence is used up, every INSERT fails. An upgrade is a good time to notice.",
		Fix: "Change the type of the column and of its sequence to bigint, on a day of its own: the table is written anew.",
		SQL: `SELECT coalesce(format('%s.%I', o.attrelid::regclass, o.attname), format('%I.%I', s.schemaname, s.sequencename)) AS object,
		             format('%s of %s used', s.last_value, m.most) AS detail,
		             CASE WHEN o.attrelid IS NOT NULL THEN format('ALTER SEQUENCE %I.%I AS bigint; ALTER TABLE %s ALTER COLUMN %I TYPE bigint', s.schemaname, s.sequencename, o.attrelid::regclass, o.attname)
		                  ELSE format('ALTER SEQUENCE %I.%I AS bigint NO MAXVALUE', s.schemaname, s.sequencename) END AS command
		      FROM pg_sequences s LEFT JOIN LATERAL (
		          SELECT a.attrelid, a.attname, a.atttypid FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		          WHERE d.classid = 'pg_class'::regclass AND d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass AND d.deptype IN ('a', 'i') LIMIT 1) AS o ON true,
		        LATERAL (SELECT least(s.max_value, CASE o.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE s.max_value END) AS most) AS m
		      WHERE NOT s.cycle AND s.increment_by > 0 AND s.last_value > 0.8 * m.most AND s.schemaname !~ '^pg_' ORDER BY 1`,
	},
}
