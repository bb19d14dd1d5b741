package preflight

import (
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/checks"
)

// Removed is a setting that versions from Since on do not know any more.
type Removed struct {
	Name  string
	Since int
	Now   string // what takes its place, or why nothing does
}

// RemovedSettings are those that any version from 10 on had (release notes, "Migration").
var RemovedSettings = []Removed{
	{"replacement_sort_tuples", 11, "nothing: sorting is by quicksort"},
	{"default_with_oids", 12, "nothing: there are no tables with oids any more"},
	{"wal_keep_segments", 13, "wal_keep_size, in megabytes: the number of segments times 16"},
	{"operator_precedence_warning", 14, "nothing: it warned of a change in 9.5"},
	{"vacuum_cleanup_index_scale_factor", 14, "nothing: vacuum decides by itself"},
	{"stats_temp_directory", 15, "nothing: statistics are in shared memory"},
	{"force_parallel_mode", 16, "debug_parallel_query"},
	{"promote_trigger_file", 16, "pg_ctl promote or pg_promote()"},
	{"vacuum_defer_cleanup_age", 16, "hot_standby_feedback or a replication slot"},
	{"lc_collate", 16, "nothing: it belongs to a database"},
	{"lc_ctype", 16, "nothing: it belongs to a database"},
	{"old_snapshot_threshold", 17, "transaction_timeout or idle_in_transaction_session_timeout"},
	{"db_user_namespace", 17, "nothing: it was never used"},
	{"trace_recovery_messages", 17, "log_min_messages"},
}

// changedDefault is a setting whose default became another one.
type changedDefault struct {
	name       string
	since      int
	before     string // of the versions before, as pg_settings has it
	after, why string
}

var changedDefaults = []changedDefault{
	{"jit", 12, "off", "on", "short queries with a high estimate get slower, long ones faster"},
	{"password_encryption", 14, "md5", "scram-sha-256", "clients older than 2017 cannot use a password that is set from then on"},
	{"checkpoint_completion_target", 14, "0.5", "0.9", "checkpoints are spread out"},
	{"hash_mem_multiplier", 15, "1", "2", "hash joins and aggregates take more memory, and more plans use them"},
	{"log_checkpoints", 15, "off", "on", "the log has more lines"},
	{"log_autovacuum_min_duration", 15, "-1", "600000", "the log has more lines"},
	{"effective_io_concurrency", 18, "1", "16", "bitmap scans read ahead"},
	{"maintenance_io_concurrency", 18, "10", "16", "maintenance reads ahead"},
}

// settings are those of the source that do not come along, or come along as something else.
var settings = []checks.Check{
	{
		ID: "role-settings-removed", Severity: checks.Blocker, Once: true, Source: checks.Versions{To: 16}, Title: "Roles or databases have settings that the new version does not know",
		Why: "pg_upgrade loads ALTER ROLE ... SET and ALTER DATABASE ... SET as they are, and stops at a name that is gone.",
		Fix: "Reset them.",
		SQL: `SELECT coalesce('role ' || quote_ident(r.rolname), '') || coalesce(' in database ' || quote_ident(d.datname), '') AS object,
		             format('%s, now %s', c, x.now) AS detail,
		             CASE WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I RESET %s', d.datname, x.name)
		                  ELSE format('ALTER ROLE %I%s RESET %s', r.rolname, ' IN DATABASE ' || quote_ident(d.datname), x.name) END AS command
		      FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
		        JOIN (VALUES ` + removedRows() + `) AS x(name, since, now) ON split_part(c, '=', 1) = x.name AND @to::int >= x.since ORDER BY 1, 2`,
	},
	{
		ID: "changed-defaults", Severity: checks.Note, Once: true, Title: "Defaults are others in the new version",
		Why: "You have not set these, so the new server goes by its own default, and plans or memory may change with it.",
		Fix: "Nothing. If nothing is to change on that day, set the old value on the source, from where it comes along, or in target.settings of lull.yaml.",
		SQL: `SELECT s.name AS object, format('%s until now, %s since %s: %s', s.setting, x.after, x.since, x.why) AS detail, format('ALTER SYSTEM SET %s = %L', s.name, x.before) AS command
		      FROM pg_settings s JOIN (VALUES ` + defaultRows() + `) AS x(name, since, before, after, why) ON x.name = s.name
		      WHERE s.source = 'default' AND @from::int < x.since AND @to::int >= x.since ORDER BY 1`,
	},
	{
		ID: "pending-restart", Severity: checks.Warning, Once: true, Title: "Settings wait for a restart of the source",
		Why: "The new server gets the values that are in force on the source, not the ones in its files.",
		Fix: "Restart the source before, take the change back, or write the value in target.settings of lull.yaml.",
		SQL: `SELECT name AS object, format('now %s', current_setting(name)) AS detail FROM pg_settings WHERE pending_restart ORDER BY 1`,
	},
	{
		ID: "ssl", Severity: checks.Fix, Once: true, Title: "The source speaks TLS, and the new server will not by itself",
		Why: "Keys and certificates belong to a machine, and Lull does not copy them. Rules of pg_hba.conf that ask for TLS refuse everybody then.",
		Fix: "Put key and certificate where the new server can read them, and name them in target.settings of lull.yaml: ssl, ssl_cert_file, ssl_key_file.",
		SQL: `SELECT 'ssl_cert_file = ' || current_setting('ssl_cert_file') AS object FROM pg_settings WHERE name = 'ssl' AND setting = 'on' AND NOT @target_ssl::bool`,
	},
	{
		ID: "archiving", Severity: checks.Fix, Once: true, Title: "The source archives its log, and the new server will not",
		Why: "The new server is another cluster. In the same archive its log would lie among that of the old one, and a restore would take the wrong file.",
		Fix: "Prepare an archive for it, set archive_mode and archive_command in target.settings of lull.yaml, and take a base backup right after the switch.",
		SQL: `SELECT 'archive_mode = ' || setting AS object, nullif(current_setting('archive_command'), '') AS detail
		      FROM pg_settings WHERE name = 'archive_mode' AND setting <> 'off' AND NOT @target_archives::bool`,
	},
	{
		ID: "synchronous-standbys", Severity: checks.Warning, Once: true, Title: "Commits wait for standbys",
		Why: "The new server begins without, so that no commit waits for a standby that is not there. Until you set it again a commit is on one machine.",
		Fix: "Build standbys of the new server before the switch, and set synchronous_standby_names there when they follow.",
		SQL: `SELECT 'synchronous_standby_names = ' || setting AS object, 'ALTER SYSTEM RESET synchronous_standby_names' AS command
		      FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting <> ''`,
	},
	{
		ID: "role-settings", Severity: checks.Warning, Once: true, Title: "Settings of a role or a database reach the processes that apply changes",
		Why: "These processes log in as Lull's role into each database. A time-out or a read-only default ends them again and again.",
		Fix: "Reset them for Lull's role, or give them to the clients' roles instead of the database.",
		SQL: `SELECT coalesce('role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)) AS object, c AS detail,
		             CASE WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I RESET %s', d.datname, split_part(c, '=', 1))
		                  ELSE format('ALTER ROLE %I%s RESET %s', r.rolname, ' IN DATABASE ' || quote_ident(d.datname), split_part(c, '=', 1)) END AS command
		      FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
		      WHERE (s.setrole = 0 OR r.rolname = current_user)
		        AND split_part(c, '=', 1) IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
		          'default_transaction_read_only', 'session_replication_role', 'default_transaction_isolation')
		        AND split_part(c, '=', 2) NOT IN ('0', 'off', 'origin', 'read committed') ORDER BY 1, 2`,
	},
	{
		ID: "client-timeouts", Severity: checks.Warning, Once: true, Title: "Clients have time-outs that a hold may use up",
		Why: "The server's clock stands still while a client is held, but who has such a limit here mostly has one in the application and its driver as well, and that one fires.",
		Fix: "See what time-outs the application has, and lower hold_budget in the plan to less than half of the shortest.",
		SQL: `SELECT who AS object, format('%s = %s', name, value) AS detail FROM (
		          SELECT 'everybody' AS who, name, current_setting(name) AS value FROM pg_settings
		          WHERE source NOT IN ('default', 'session', 'client') AND name IN ('statement_timeout', 'transaction_timeout')
		          UNION ALL
		          SELECT coalesce('role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)), split_part(c, '=', 1), split_part(c, '=', 2)
		          FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
		          WHERE split_part(c, '=', 1) IN ('statement_timeout', 'transaction_timeout')) AS t,
		        LATERAL (SELECT CASE WHEN value ~ '^[0-9]+$' THEN value::numeric ELSE extract(epoch FROM value::interval)::numeric * 1000 END AS ms) AS m
		      WHERE ms > 0 AND ms < 2 * @hold_ms::bigint ORDER BY 1`,
	},
}

func removedRows() string {
	rows := make([]string, len(RemovedSettings))
	for i, r := range RemovedSettings {
		rows[i] = fmt.Sprintf("('%s', %d, '%s')", r.Name, r.Since, r.Now)
	}
	return strings.Join(rows, ",\n\t\t          ")
}

func defaultRows() string {
	rows := make([]string, len(changedDefaults))
	for i, d := range changedDefaults {
		rows[i] = fmt.Sprintf("('%s', %d, '%s', '%s', '%s')", d.name, d.since, d.before, d.after, d.why)
	}
	return strings.Join(rows, ",\n\t\t          ")
}
