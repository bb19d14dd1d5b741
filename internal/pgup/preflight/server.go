package preflight

import "github.com/lullhq/lull/internal/checks"

// server is what the source has to be, and to allow.
var server = []checks.Check{
	{
		ID: "standby", Severity: checks.Blocker, Once: true, Title: "The source is a standby",
		Why: "A standby takes no publication and no fence, and clients write to its primary.",
		Fix: "Name the primary in the source's dsn.",
		SQL: `SELECT format('it replays up to %s', pg_last_wal_replay_lsn()) AS object WHERE pg_is_in_recovery()`,
	},
	{
		ID: "superuser", Severity: checks.Blocker, Once: true, Title: "Lull's role on the source is not a superuser",
		Why: "A publication of all tables and a fence need one.",
		Fix: "Use a superuser in the source's dsn, one that is Lull's alone.",
		SQL: `SELECT current_user AS object FROM pg_roles WHERE rolname = current_user AND NOT rolsuper`,
	},
	{
		ID: "wal_level", Severity: checks.Blocker, Once: true, Title: "The source does not write what logical replication needs",
		Why: "The copy follows the source by logical replication from its log.",
		Fix: "On the source: ALTER SYSTEM SET wal_level = logical, then restart it.",
		SQL: `SELECT 'wal_level = ' || setting AS object, 'ALTER SYSTEM SET wal_level = logical' AS command
		      FROM pg_settings WHERE name = 'wal_level' AND setting <> 'logical'`,
	},
	{
		ID: "slots", Severity: checks.Blocker, Once: true, Title: "Too few replication slots are free on the source",
		Why: "The copy of each database follows it by a slot of its own.",
		Fix: "On the source: raise max_replication_slots and restart it, or drop slots that nobody uses.",
		SQL: `SELECT format('%s of %s are free and %s are needed, one a database', greatest(0, most - used), most, @databases::int) AS object,
		             format('ALTER SYSTEM SET max_replication_slots = %s', used + @databases::int + 2) AS command
		      FROM (SELECT current_setting('max_replication_slots')::int AS most, (SELECT count(*)::int FROM pg_replication_slots) AS used) AS s
		      WHERE most - used < @databases::int`,
	},
	{
		ID: "senders", Severity: checks.Blocker, Once: true, Title: "Too few WAL senders are free on the source",
		Why: "The base backup takes two for a while, and each database one that stays.",
		Fix: "On the source: raise max_wal_senders and restart it.",
		SQL: `SELECT format('%s of %s are free and %s are needed', greatest(0, most - used), most, @databases::int + 2) AS object,
		             format('ALTER SYSTEM SET max_wal_senders = %s', used + @databases::int + 4) AS command
		      FROM (SELECT current_setting('max_wal_senders')::int AS most, (SELECT count(*)::int FROM pg_stat_replication) AS used) AS s
		      WHERE most - used < @databases::int + 2`,
	},
	{
		ID: "workers", Severity: checks.Blocker, Once: true, Title: "Too few workers for the way back are allowed on the source",
		Why: "On the way back the source follows the new server, with a worker for each database.",
		Fix: "On the source: raise max_logical_replication_workers and restart it, or write `way_back: off` in the plan.",
		SQL: `SELECT format('max_logical_replication_workers = %s and %s are needed', setting, @databases::int) AS object,
		             format('ALTER SYSTEM SET max_logical_replication_workers = %s', @databases::int + 2) AS command
		      FROM pg_settings WHERE name = 'max_logical_replication_workers' AND setting::int < @databases::int AND @way_back::bool`,
	},
	{
		ID: "output_plugin_libraries", Severity: checks.Blocker, Once: true, Title: "The source does not allow the output plugin pgoutput",
		Why: "Since the minor versions of August 2026 a server decodes its log only by the plugins of this list (CVE-2026-6471).",
		Fix: "On the source: add pgoutput to output_plugin_libraries and reload.",
		SQL: `SELECT 'output_plugin_libraries = ' || setting AS object,
		             format('ALTER SYSTEM SET output_plugin_libraries = %s', concat_ws(', ', nullif(setting, ''), 'pgoutput')) AS command
		      FROM pg_settings WHERE name = 'output_plugin_libraries' AND 'pgoutput' <> ALL (regexp_split_to_array(setting, '[ ,"]+'))`,
	},
	{
		ID: "max_slot_wal_keep_size", Severity: checks.Warning, Once: true, Source: checks.Versions{From: 13},
		Title: "The source throws away WAL that a slot needs",
		Why:   "A copy that falls behind by more has lost its slot, and is made again from the beginning.",
		Fix:   "Set it to -1 for the time of the upgrade.",
		SQL: `SELECT 'max_slot_wal_keep_size = ' || current_setting(name) AS object, 'ALTER SYSTEM SET max_slot_wal_keep_size = -1' AS command
		      FROM pg_settings WHERE name = 'max_slot_wal_keep_size' AND setting <> '-1'`,
	},
	{
		ID: "plpgsql", Severity: checks.Blocker, Title: "The language plpgsql is not there",
		Why: "It takes plpgsql to freeze definitions while a copy follows the database.",
		Fix: "CREATE EXTENSION plpgsql in that database.",
		SQL: `SELECT current_database() AS object, 'CREATE EXTENSION plpgsql' AS command
		      WHERE current_database() = ANY (@upgraded::text[]) AND NOT EXISTS (SELECT FROM pg_language WHERE lanname = 'plpgsql')`,
	},
}
