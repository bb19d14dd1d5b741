package preflight

import "github.com/lullhq/lull/internal/checks"

// activity is what goes on just now. It is another in an hour.
var activity = []checks.Check{
	{
		ID: "long-transactions", Severity: checks.Warning, Once: true, Title: "Transactions have been open for long",
		Why: "A slot is made only when every transaction that was open before has ended, and a hold waits for them as well.",
		Fix: "Find out whose they are, and end them before the start: SELECT pg_terminate_backend(pid).",
		SQL: `SELECT format('pid %s', pid) AS object, format('%s, %s, since %s', usename, state, xact_start::timestamptz(0)) AS detail, format('SELECT pg_terminate_backend(%s)', pid) AS command
		      FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name NOT LIKE 'lull%'
		        AND xact_start < clock_timestamp() - @long_ms::bigint * interval '1 ms' ORDER BY xact_start`,
	},
	{
		ID: "standbys", Severity: checks.Warning, Once: true, Title: "Standbys and others follow the source",
		Why: "They do not follow the new server: it is another cluster. Who reads from them reads the past after the switch.",
		Fix: "Build new ones from the new server before the switch, and move their readers.",
		SQL: `SELECT coalesce(nullif(application_name, ''), format('pid %s', pid)) AS object, concat_ws(', ', client_addr, state, sync_state) AS detail
		      FROM pg_stat_replication WHERE application_name NOT LIKE 'lull%' AND application_name <> 'pg_basebackup' ORDER BY 1`,
	},
	{
		ID: "session-state", Severity: checks.Warning, Title: "Sessions keep what does not move to another server",
		Why: "Advisory locks, temporary tables and LISTEN belong to one connection to one server. After the switch they are gone, and no statement fails that would say so.",
		Fix: "Let those clients connect anew after the switch, or keep them out of the window.",
		SQL: `SELECT format('pid %s', l.pid) AS object, format('advisory locks: %s', count(*)) AS detail FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		      WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.application_name NOT LIKE 'lull%' GROUP BY l.pid
		      UNION ALL
		      SELECT n.nspname, format('temporary tables: %s', count(*)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		      WHERE c.relpersistence = 't' AND c.relkind = 'r' GROUP BY n.nspname
		      UNION ALL
		      SELECT format('pid %s', pid), left(query, 60) FROM pg_stat_activity
		      WHERE datname = current_database() AND query ~* '^\s*listen\s' AND application_name NOT LIKE 'lull%' ORDER BY 1, 2`,
	},
	{
		ID: "publications", Severity: checks.Warning, Title: "Others may subscribe to the source",
		Why: "A publication comes along, but a subscriber of it stays with the old server until somebody moves it, and positions do not carry over.",
		Fix: "Plan for each subscriber: after the switch it gets a new subscription without a copy of the data, or one with.",
		SQL: `SELECT pubname AS object, CASE WHEN puballtables THEN 'all tables' END AS detail FROM pg_publication WHERE pubname NOT LIKE 'lull%' ORDER BY 1`,
	},
}
