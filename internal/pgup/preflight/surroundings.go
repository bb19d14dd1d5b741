package preflight

import (
	"time"

	"github.com/lullhq/lull/internal/checks"
)

// surroundings are what else uses the source.
var surroundings = []checks.Check{
	{
		ID: "lull-schema", Severity: checks.Blocker, Title: "There is a schema named lull that this maintenance did not make",
		Why: "Another upgrade is under way, or something of one was left.",
		Fix: "Finish or abort the other upgrade, or drop schema lull.",
		SQL: `SELECT current_database() AS object, 'DROP SCHEMA lull CASCADE' AS command
		      FROM pg_namespace WHERE nspname = 'lull' AND current_database() = ANY (@upgraded::text[])`,
	},
	{
		ID: "tablespaces", Severity: checks.Blocker, Once: true, Title: "The source has tablespaces of its own",
		Why: "They lie outside of the data folder, and this version of Lull does not copy them.",
		Fix: "Move their tables to pg_default first, and drop them.",
		SQL: `SELECT spcname AS object, pg_tablespace_location(oid) AS detail, format('DROP TABLESPACE %I', spcname) AS command
		      FROM pg_tablespace WHERE oid >= 16384 ORDER BY 1`,
	},
	{
		ID: "subscriptions", Severity: checks.Blocker, Once: true, Title: "The source follows other servers",
		Why: "Its subscriptions do not come along: a position in another server's log is that of one subscriber.",
		Fix: "Drop them, and create them on the new server afterwards.",
		SQL: `SELECT s.subname AS object, 'in database ' || d.datname AS detail FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid ORDER BY 1`,
	},
	{
		ID: "prepared-transactions", Severity: checks.Blocker, Once: true, Title: "Prepared transactions are open on the source",
		Why: "A slot waits for them, and pg_upgrade refuses a server that has one.",
		Fix: "COMMIT PREPARED or ROLLBACK PREPARED them.",
		SQL: `SELECT gid AS object, format('since %s, in database %s', prepared::timestamptz(0), database) AS detail, format('ROLLBACK PREPARED %L', gid) AS command
		      FROM pg_prepared_xacts ORDER BY prepared`,
	},
	{
		ID: "foreign-slot", Severity: checks.Blocker, Once: true, Title: "A slot of a name that is this maintenance's own exists on the source, and it did not make it",
		Why: "Whoever made it may count on it.",
		Fix: "Drop it if nobody uses it.",
		SQL: `SELECT slot_name AS object, plugin AS detail, format('SELECT pg_drop_replication_slot(%L)', slot_name) AS command
		      FROM pg_replication_slots WHERE left(slot_name, length(@prefix::text)) = @prefix::text ORDER BY 1`,
	},
	{
		ID: "slot", Severity: checks.Warning, Once: true, Title: "The source has replication slots of somebody else",
		Why: "Positions do not carry over to the new server: a consumer of changes begins anew there, and a standby is built anew.",
		Fix: "Plan for their consumers.",
		SQL: `SELECT slot_name AS object, concat_ws(', ', slot_type, plugin, 'database ' || database, CASE WHEN active THEN 'in use' ELSE 'nobody connected' END) AS detail
		      FROM pg_replication_slots WHERE left(slot_name, length(@prefix::text)) <> @prefix::text ORDER BY 1`,
	},
	{
		ID: "clock", Severity: checks.Warning, Once: true, Title: "The clocks of the two servers do not agree",
		Why:  "What is written right after the switch is dated by the new server's clock: where that is behind, rows look older than those before them.",
		Fix:  "Have both machines ask the same time servers (chrony, systemd-timesyncd), and wait until they agree.",
		How:  "clock_timestamp() of the source against the clock of this machine: more than a second and what the answer took.",
		Look: clockOf(time.Now),
	},
	{
		ID: "superusers", Severity: checks.Warning, Once: true, Title: "Superusers other than Lull are connected",
		Why: "While a server is closed to clients no superuser can log in there, and a client that comes back with Lull's own role stops the switch.",
		Fix: "Let them connect through roles that are not superusers.",
		SQL: `SELECT a.usename AS object, format('sessions: %s', count(*)) AS detail FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
		      WHERE r.rolsuper AND a.backend_type = 'client backend' AND a.application_name NOT LIKE 'lull%' GROUP BY a.usename ORDER BY 1`,
	},
}
