package security

import "github.com/lullhq/lull/internal/checks"

// settings are those of the server as a whole.
var settings = []checks.Check{
	{
		ID: "checksums-off", Severity: checks.Warning, Once: true, Topic: patches, Title: "Data checksums are off",
		Why:    "A page that the disk has changed is read as if it were right, and copied to every standby and backup.",
		Fix:    "Stop the server, run pg_checksums --enable on its data folder (12 or newer), start it.",
		Breaks: "Nothing that is in order. It costs the time to read all files once, and a few percent when pages are written.",
		SQL:    `SELECT 'data_checksums = ' || setting AS object FROM pg_settings WHERE name = 'data_checksums' AND setting = 'off'`,
	},
	{
		ID: "log-connections", Severity: checks.Warning, Once: true, Topic: logging, Title: "Logins are not logged",
		Why:    "Nobody can tell afterwards who came from where and how. It is also what tells whom a new rule would refuse.",
		Fix:    "Turn it on. Sessions that begin afterwards are logged.",
		Breaks: "Nothing. The log gets two or three lines more a session.",
		SQL:    `SELECT name || ' = ' || setting AS object, 'ALTER SYSTEM SET log_connections = on' AS command FROM pg_settings WHERE name = 'log_connections' AND setting IN ('off', '')`,
	},
	{
		ID: "log-disconnections", Severity: checks.Note, Once: true, Topic: logging, Title: "Ends of sessions are not logged",
		Why:    "How long somebody was there is not known afterwards.",
		Fix:    "Turn it on.",
		Breaks: "Nothing. The log gets a line more a session.",
		SQL:    `SELECT name || ' = ' || setting AS object, 'ALTER SYSTEM SET log_disconnections = on' AS command FROM pg_settings WHERE name = 'log_disconnections' AND setting = 'off'`,
	},
	{
		ID: "log-failures", Severity: checks.Warning, Once: true, Topic: logging, Title: "Logins that failed are not logged",
		Why:    "They are FATAL messages. Somebody who tries passwords for weeks leaves no trace.",
		Fix:    "Log warnings and what is worse.",
		Breaks: "Nothing. The log gets more lines.",
		SQL:    `SELECT name || ' = ' || setting AS object, 'ALTER SYSTEM SET log_min_messages = warning' AS command FROM pg_settings WHERE name = 'log_min_messages' AND setting = 'panic'`,
	},
	{
		ID: "log-line-prefix", Severity: checks.Note, Once: true, Topic: logging, Title: "Lines of the log do not say who and from where",
		Why:    "A login that failed is then known by its role at most, and not by its address.",
		Fix:    "Have time, process, role, database, program and address in it.",
		Breaks: "Programs that read the log and know only the old form of its lines.",
		SQL: `SELECT 'log_line_prefix = ' || quote_literal(setting) AS object, 'ALTER SYSTEM SET log_line_prefix = ''%m [%p] %q%u@%d %a %h ''' AS command
		      FROM pg_settings WHERE name = 'log_line_prefix' AND NOT (setting ~ '%u' AND setting ~ '%[hr]' AND setting ~ '%[mtn]')
		        AND 'stderr' = ANY (regexp_split_to_array(current_setting('log_destination'), '[ ,]+'))`,
	},
	{
		ID: "log-file-mode", Severity: checks.Warning, Once: true, Topic: logging, Title: "The log may be read by every user of the machine",
		Why:    "Statements are in it, with names, values and now and then a password.",
		Fix:    "Let its owner read it, and its group if need be. It holds for files that are begun afterwards.",
		Breaks: "Programs that collect the log as another user: put that user into the group and set 0640.",
		SQL:    `SELECT name || ' = ' || setting AS object, 'ALTER SYSTEM SET log_file_mode = ''0600''' AS command FROM pg_settings WHERE name = 'log_file_mode' AND setting !~ '0$'`,
	},
	{
		ID: "log-statements", Severity: checks.Warning, Once: true, Topic: logging, Title: "Statements with passwords are logged",
		Why:    "CREATE ROLE and ALTER ROLE are logged as they were typed, with the password, and every statement with its values when all are.",
		Fix:    "Log no statements, or set passwords only as verifiers, as \\password of psql does.",
		Breaks: "Whoever counts on the log as a record of what was done.",
		SQL: `SELECT name || ' = ' || setting AS object, format('ALTER SYSTEM RESET %I', name) AS command
		      FROM pg_settings WHERE name = 'log_statement' AND setting <> 'none' OR name = 'log_min_duration_statement' AND setting = '0' ORDER BY 1`,
	},
	{
		ID: "listen-everywhere", Severity: checks.Note, Once: true, Topic: login, Title: "The server listens on every address of its machine",
		Why:    "An interface that is added one day, or was forgotten, is open at once. Only pg_hba.conf and a firewall are left.",
		Fix:    "Name the addresses that clients use, and restart.",
		Breaks: "Clients that use another address of the machine.",
		SQL: `SELECT DISTINCT 'listen_addresses = ' || setting AS object, 'ALTER SYSTEM SET listen_addresses = ''localhost''' AS command
		      FROM (SELECT setting FROM pg_settings WHERE name = 'listen_addresses'
		            UNION ALL (SELECT setting FROM pg_file_settings WHERE name = 'listen_addresses' ORDER BY seqno DESC LIMIT 1)) AS s
		      WHERE setting ~ '[*]|0[.]0[.]0[.]0|(^|[ ,])::($|[ ,])'`,
	},
	{
		ID: "data-folder-mode", Severity: checks.Note, Once: true, Source: checks.Versions{From: 11}, Topic: permissions, Title: "The data folder may be read by a group",
		Why:    "Whoever is in the group has every row and every verifier of a password, past all privileges.",
		Fix:    "chmod -R g-rwx on the data folder, unless a backup needs it, and restart.",
		Breaks: "Backups that run as another user of the group.",
		SQL:    `SELECT name || ' = ' || setting AS object FROM pg_settings WHERE name = 'data_directory_mode' AND setting <> '0700'`,
	},
	{
		ID: "system-tables-open", Severity: checks.Fix, Once: true, Topic: server, Title: "Superusers may change the system's own tables",
		Why:    "A slip there destroys the cluster, and nothing of it is logged or checked.",
		Fix:    "Turn it off. Before 14 it takes a restart.",
		Breaks: "Nothing in ordinary use.",
		SQL:    `SELECT name || ' = ' || setting AS object, 'ALTER SYSTEM RESET allow_system_table_mods' AS command FROM pg_settings WHERE name = 'allow_system_table_mods' AND setting = 'on'`,
	},
}

// leftovers are ways out of the cluster that nobody may remember.
var leftovers = []checks.Check{
	{
		ID: "slots-left", Severity: checks.Warning, Once: true, Topic: replication, Title: "Nobody reads from replication slots",
		Why:    "A slot keeps the log until the disk is full, and whoever may replicate reads from it all that was written meanwhile.",
		Fix:    "Drop what nobody comes back for.",
		Breaks: "A standby, a backup or a program that only paused: it has to begin anew.",
		SQL: `SELECT slot_name AS object, concat_ws(', ', slot_type, 'of ' || database, 'keeps ' || pg_size_pretty(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn))) AS detail,
		             format('SELECT pg_drop_replication_slot(%L)', slot_name) AS command
		      FROM pg_replication_slots WHERE NOT active AND slot_name !~ '^lull_' ORDER BY 1`,
	},
	{
		ID: "publications-left", Severity: checks.Note, Topic: replication, Title: "Publications are read by no slot",
		Why:    "Whoever may replicate gets by it what it names, and every change of those tables is looked up in it.",
		Fix:    "Drop what nobody subscribes to.",
		Breaks: "A subscriber that makes its slot later.",
		SQL: `SELECT p.pubname AS object, format('DROP PUBLICATION %I', p.pubname) AS command
		      FROM pg_publication p WHERE p.pubname !~ '^lull_'
		        AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.database = current_database() AND s.active) ORDER BY 1`,
	},
	{
		ID: "subscriptions-left", Severity: checks.Note, Topic: replication, Title: "Subscriptions are turned off",
		Why:    "Each keeps how another server is reached, often with a password, and a slot there.",
		Fix:    "Drop it. Without its slot: ALTER SUBSCRIPTION ... SET (slot_name = NONE) first.",
		Breaks: "What was only paused begins anew.",
		SQL: `SELECT s.subname AS object, concat_ws(', ', 'slot ' || s.subslotname, CASE WHEN s.subconninfo ~ 'password' THEN 'has a password' END) AS detail,
		             format('ALTER SUBSCRIPTION %I SET (slot_name = NONE); DROP SUBSCRIPTION %I', s.subname, s.subname) AS command
		      FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
		      WHERE NOT s.subenabled AND s.subname !~ '^lull_' ORDER BY 1`,
	},
}
