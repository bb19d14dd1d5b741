package security

import "github.com/lullhq/lull/internal/checks"

// roles are those that may do more than most.
var roles = []checks.Check{
	{
		ID: "role-superuser", Severity: checks.Warning, Once: true, Topic: users, Title: "Roles besides the first are superusers",
		Why:    "No rule holds for a superuser: it reads every table, and files and programs of the machine too.",
		Fix:    "Take it away, and give what is needed by grants or predefined roles.",
		Breaks: "What the role did as a superuser without a grant of its own, among it extensions, backups and replication.",
		SQL: `SELECT rolname AS object, CASE WHEN NOT rolcanlogin THEN 'cannot log in' END AS detail, format('ALTER ROLE %I NOSUPERUSER', rolname) AS command
		      FROM pg_roles WHERE rolsuper AND oid <> 10 ORDER BY 1`,
	},
	{
		ID: "role-attributes", Severity: checks.Warning, Once: true, Topic: users, Title: "Roles have attributes that reach far",
		Why:    "CREATEROLE can give itself most of what others may, before 16 nearly everything. REPLICATION reads the whole cluster from its log. BYPASSRLS sees the rows that policies hide.",
		Fix:    "Take away what the role does not use.",
		Breaks: "Programs that make roles, standbys and backups that log in as the role, exports that count on seeing all rows.",
		SQL: `SELECT r.rolname AS object, concat_ws(', ', CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END) AS detail,
		             format('ALTER ROLE %I %s', r.rolname, concat_ws(' ', CASE WHEN r.rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN r.rolreplication THEN 'NOREPLICATION' END, CASE WHEN r.rolbypassrls THEN 'NOBYPASSRLS' END)) AS command
		      FROM pg_roles r WHERE NOT r.rolsuper AND r.rolname !~ '^pg_' AND (r.rolcreaterole OR r.rolreplication OR r.rolbypassrls) ORDER BY 1`,
	},
	{
		ID: "role-predefined", Severity: checks.Warning, Once: true, Source: checks.Versions{From: 11}, Topic: users, Title: "Roles are members of predefined roles that reach far",
		Why:    "Who runs programs or writes files as the server's user has become a superuser with one more step. Who reads or writes all data needs no grant on any table.",
		Fix:    "Take the membership away, and grant what is needed on the tables themselves.",
		Breaks: "COPY from and to files or programs, exports of whole databases, subscriptions made by the role.",
		SQL: `SELECT m.rolname AS object, 'in ' || g.rolname AS detail, format('REVOKE %I FROM %I', g.rolname, m.rolname) AS command,
		             CASE WHEN g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files') THEN 'fix' END AS severity
		      FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
		      WHERE g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files', 'pg_read_all_data', 'pg_write_all_data', 'pg_create_subscription', 'pg_maintain')
		        AND NOT m.rolsuper AND m.rolname !~ '^pg_' ORDER BY 1, 2`,
	},
}

// contents are what is in each database.
var contents = []checks.Check{
	{
		ID: "public-create", Severity: checks.Warning, Topic: users, Title: "Everybody may create objects in a schema",
		Why:    "Whoever can log in can put a function or an operator there that others then call with their own privileges (CVE-2018-1058). Since 15 new databases do not allow it, but an upgraded one still does.",
		Fix:    "Take it away, and grant it to the roles that make objects there.",
		Breaks: "Migrations and programs that create tables in the schema as a role that does not own it.",
		SQL: `SELECT n.nspname AS object, format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname) AS command
		      FROM pg_namespace n, aclexplode(n.nspacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' AND` + ours + `ORDER BY 1`,
	},
	{
		ID: "public-writes", Severity: checks.Warning, Topic: users, Title: "Everybody may change the rows of tables",
		Why:    "Every role that can log in can do it, those of the future among them.",
		Fix:    "Take it away, and grant it to those who write there.",
		Breaks: "Programs whose role has no grant of its own on the table.",
		SQL: `SELECT c.oid::regclass AS object, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS detail,
		             format('REVOKE %s ON %s FROM PUBLIC', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), c.oid::regclass) AS command
		      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) AS a
		      WHERE a.grantee = 0 AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER') AND c.relkind IN ('r', 'p', 'v', 'f') AND` + ours + `GROUP BY c.oid ORDER BY 1`,
	},
	{
		ID: "definer-search-path", Severity: checks.Warning, Topic: users, Title: "SECURITY DEFINER functions look names up where their caller says",
		Why:    "The caller's search_path, or a temporary table of the caller's, decides which tables and functions the body uses, with the privileges of the function's owner.",
		Fix:    "Fix the search_path of each: the schemas that its body needs, and pg_temp as the last one.",
		Breaks: "A body that uses tables of another schema without naming it: add that schema to the path.",
		SQL: `SELECT p.oid::regprocedure AS object, concat_ws(', ', 'owned by ' || r.rolname, CASE WHEN r.rolsuper THEN 'a superuser' END, coalesce(s.path, 'no search_path')) AS detail,
		             format('ALTER %s %s SET search_path = %I, pg_temp', CASE WHEN @from::int < 11 THEN 'FUNCTION' ELSE 'ROUTINE' END, p.oid::regprocedure, n.nspname) AS command,
		             CASE WHEN r.rolsuper AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)) THEN 'fix' END AS severity
		      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
		        LEFT JOIN LATERAL (SELECT c AS path FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%') AS s ON true
		      WHERE p.prosecdef AND coalesce(s.path, '') !~ 'pg_temp"?$' AND` + ours + `AND` + unowned + `ORDER BY p.oid::regprocedure::text`,
	},
	{
		ID: "language-untrusted", Severity: checks.Warning, Topic: users, Title: "Untrusted languages are there",
		Why:    "A function in one does on the machine whatever the server's own user may.",
		Fix:    "Drop the language when no function uses it, or know each of its functions.",
		Breaks: "Functions in that language: DROP refuses while there are any.",
		SQL: `SELECT l.lanname AS object, format('functions: %s', (SELECT count(*) FROM pg_proc p WHERE p.prolang = l.oid)) AS detail,
		             CASE WHEN d.refobjid IS NULL THEN format('DROP LANGUAGE %I', l.lanname) ELSE format('DROP EXTENSION %I', e.extname) END AS command
		      FROM pg_language l LEFT JOIN pg_depend d ON d.classid = 'pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e' LEFT JOIN pg_extension e ON e.oid = d.refobjid
		      WHERE NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c') ORDER BY 1`,
	},
	{
		ID: "extension-risky", Severity: checks.Note, Topic: patches, Title: "Extensions reach out of the database",
		Why:    "Each is of use to somebody, and each is what an intruder looks for first.",
		Fix:    "Drop what nobody uses.",
		Breaks: "Functions, views and foreign tables that use it: DROP refuses while there are any.",
		SQL: `SELECT e.extname AS object, x.why AS detail, format('DROP EXTENSION %I', e.extname) AS command
		      FROM pg_extension e JOIN (VALUES ('adminpack', 'reads and writes files of the server'), ('dblink', 'connects from the server to others'),
		        ('file_fdw', 'reads files of the server, and runs programs'), ('postgres_fdw', 'connects from the server to others, with passwords that it keeps'),
		        ('pageinspect', 'reads pages past all privileges'), ('pg_surgery', 'changes rows past all checks'), ('pg_cron', 'runs commands by the clock as any role'),
		        ('http', 'sends requests from the server'), ('pg_net', 'sends requests from the server'), ('plsh', 'runs shell scripts'),
		        ('old_snapshot', 'shows what others do'), ('xml2', 'is not kept up any more')) AS x(name, why) ON x.name = e.extname ORDER BY 1`,
	},
}
