package preflight

import (
	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// wholeCluster is what belongs to no database: databases themselves, roles, collations, access rules.
var wholeCluster = []checks.Check{
	{
		ID: "closed-databases", Severity: checks.Blocker, Once: true, Title: "Databases let nobody in",
		Why: "pg_upgrade has to look into every database but template0, and refuses.",
		Fix: "Let connections in again, or drop the database.",
		SQL: `SELECT datname AS object, format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname) AS command
		      FROM pg_database WHERE NOT datallowconn AND datname <> 'template0' AND datconnlimit <> -2 ORDER BY 1`,
	},
	{
		ID: "template0-open", Severity: checks.Blocker, Once: true, Title: "The database template0 lets connections in",
		Why: "pg_upgrade refuses then: it counts on nobody having changed it.",
		Fix: "Close it.",
		SQL: `SELECT datname AS object, 'ALTER DATABASE template0 ALLOW_CONNECTIONS false' AS command FROM pg_database WHERE datname = 'template0' AND datallowconn`,
	},
	{
		ID: "template1-missing", Severity: checks.Blocker, Once: true, Title: "The database template1 is not there",
		Why: "pg_upgrade and many programs log in there.",
		Fix: "Create it from template0.",
		SQL: `SELECT 'template1' AS object, 'CREATE DATABASE template1 TEMPLATE template0 IS_TEMPLATE true' AS command
		      WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'template1')`,
	},
	{
		ID: "invalid-databases", Severity: checks.Blocker, Once: true, Title: "A DROP DATABASE was broken off",
		Why: "What is left of the database can neither be used nor copied: pg_upgrade refuses.",
		Fix: "Drop it again.",
		SQL: `SELECT datname AS object, format('DROP DATABASE %I', datname) AS command FROM pg_database WHERE datconnlimit = -2 ORDER BY 1`,
	},
	{
		ID: "template-databases", Severity: checks.Warning, Once: true, Title: "There are template databases of your own",
		Why: "They come along as they are when the copy is made. What is changed in them after that stays on the old server.",
		Fix: "Change nothing in them during the upgrade, or make ordinary databases of them until it is over.",
		SQL: `SELECT datname AS object, format('ALTER DATABASE %I IS_TEMPLATE false', datname) AS command
		      FROM pg_database WHERE datistemplate AND datallowconn AND datname NOT IN ('template0', 'template1') ORDER BY 1`,
	},
	{
		ID: "bootstrap-role", Severity: checks.Blocker, Once: true, Title: "The role that made the cluster may not log in, or is not a superuser any more",
		Why: "pg_upgrade works as that role, and as no other.",
		Fix: "Give it back what it had, for the time of the upgrade.",
		SQL: `SELECT rolname AS object, concat_ws(', ', CASE WHEN NOT rolcanlogin THEN 'NOLOGIN' END, CASE WHEN NOT rolsuper THEN 'NOSUPERUSER' END) AS detail,
		             format('ALTER ROLE %I LOGIN SUPERUSER', rolname) AS command
		      FROM pg_roles WHERE oid = 10 AND NOT (rolcanlogin AND rolsuper)`,
	},
	{
		ID: "md5-passwords", Severity: checks.Warning, Once: true, Target: checks.Versions{From: 14}, Title: "Passwords are kept as MD5",
		Why: "They come along and go on working, but 18 warns of each, and a version after it will not take them. Since 14 a new password is kept as SCRAM, and an old client cannot use that.",
		Fix: "Set each password anew with password_encryption = scram-sha-256, once all clients and poolers can do SCRAM.",
		SQL: `SELECT rolname AS object FROM pg_authid WHERE rolpassword LIKE 'md5%' ORDER BY 1`,
	},
	{
		ID: "createrole", Severity: checks.Warning, Once: true, Source: checks.Versions{To: 15}, Target: checks.Versions{From: 16},
		Title: "Roles have CREATEROLE",
		Why:   "Since 16 such a role may only change roles that it has ADMIN OPTION on. What it could do to all others fails after the upgrade.",
		Fix:   "Afterwards: GRANT the roles that it looks after to it WITH ADMIN OPTION.",
		SQL:   `SELECT rolname AS object FROM pg_roles WHERE rolcreaterole AND NOT rolsuper AND rolname !~ '^pg_' ORDER BY 1`,
	},
	{
		ID: "collation-version", Severity: checks.Warning, Source: checks.Versions{From: 10}, Title: "Text is sorted by another library than it was",
		Why: "The indexes of this database may already be wrong: a search misses rows that are there, and a unique key lets doubles in. The upgrade would carry the doubles along.",
		Fix: "REINDEX what uses the collation, and then refresh its version.",
		SQL: `SELECT format('%I.%I', n.nspname, c.collname) AS object, format('made with %s, now %s', c.collversion, pg_collation_actual_version(c.oid)) AS detail,
		             format('ALTER COLLATION %I.%I REFRESH VERSION', n.nspname, c.collname) AS command
		      FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
		      WHERE c.collversion IS NOT NULL AND c.collversion <> pg_collation_actual_version(c.oid) ORDER BY 1`,
	},
	{
		ID: "text-search-reindex", Severity: checks.Note, Source: checks.Versions{From: 15, To: 17}, Target: checks.Versions{From: 18},
		Title: "Indexes for text search fold letters in another way in 18",
		Why:   "Since 18 full text search and pg_trgm go by the provider of the database and no more by the C library, so words that are in the index may not be found.",
		Fix:   "Nothing.",
		Lull:  "Lull rebuilds these indexes on the new server before it follows the old one.",
		SQL:   `SELECT x.oid::regclass AS object FROM (` + cluster.TextSearchIndexes + `) AS x JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace WHERE` + ours + `ORDER BY 1`,
	},
	{
		ID: "unicode", Severity: checks.Warning, Source: checks.Versions{From: 17, To: 17}, Target: checks.Versions{From: 18},
		Title: "What is kept goes by a version of Unicode that is another one in 18",
		Why:   "17 knows the letters of Unicode 15.1, 18 those of 16.0. What a constraint let in may not pass it again, and a row may belong into another partition. It concerns letters that were new in 16.0 only.",
		Fix:   "On the new server, afterwards: have constraints look at their rows again, and look whether partitions and generated columns hold such letters.",
		Lull:  "Lull rebuilds such indexes on the new server before it follows the old one, and fills materialized views anew after the switch.",
		SQL: `SELECT concat_ws(' ', x.kind, x.name, CASE WHEN x.name IS NOT NULL THEN 'of' END, x.oid::regclass) AS object, CASE WHEN x.kind IN ('index', 'view') THEN 'note' END AS severity,
		        CASE x.kind WHEN 'constraint' THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', x.oid::regclass, x.name,
		          (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.conrelid = x.oid AND k.conname = x.name)) END AS command
		      FROM (` + cluster.UnicodeDependents + `) AS x JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace WHERE` + ours + `ORDER BY 1`,
	},
	{
		ID: "hba-errors", Severity: checks.Blocker, Once: true, Title: "pg_hba.conf has a line that is wrong",
		Why: "The running server goes by what it read last. The new one gets this file, and does not start with it.",
		Fix: "Correct the line.",
		SQL: `SELECT format('line %s', line_number) AS object, error AS detail FROM pg_hba_file_rules WHERE error IS NOT NULL ORDER BY line_number`,
	},
	{
		ID: "hba-includes", Severity: checks.Blocker, Once: true, Source: checks.Versions{From: 16}, Title: "pg_hba.conf includes other files",
		Why: "The new server gets the file itself, and would look for the others in its own folder.",
		Fix: "Write the rules into pg_hba.conf, or include the others by their full paths and let the new server's user read them.",
		SQL: `SELECT DISTINCT file_name AS object FROM pg_hba_file_rules WHERE file_name <> current_setting('hba_file') ORDER BY 1`,
	},
	{
		ID: "xid-headroom", Severity: checks.Warning, Once: true, Title: "Transaction numbers have not been frozen for long",
		Why: "The copy carries the numbers on. Near the end autovacuum reads every table, and takes the disk from the upgrade.",
		Fix: "VACUUM (FREEZE) the oldest tables of that database before.",
		SQL: `SELECT datname AS object, format('age %s, multixacts %s', age(datfrozenxid), mxid_age(datminmxid)) AS detail
		      FROM pg_database WHERE datallowconn AND greatest(age(datfrozenxid), mxid_age(datminmxid)) > 1200000000 ORDER BY 1`,
	},
}
