package preflight

import "github.com/lullhq/lull/internal/checks"

// routines are functions, operators and what is made of them.
var routines = []checks.Check{
	{
		ID: "postfix-operators", Severity: checks.Blocker, Source: checks.Versions{To: 13}, Target: checks.Versions{From: 14},
		Title: "There are postfix operators", Why: "PostgreSQL 14 took them away: pg_upgrade refuses.",
		Fix: "Drop them, and call their functions instead.",
		SQL: `SELECT oid::regoperator AS object, oprcode AS detail, format('DROP OPERATOR %I.%s (%s, NONE)', (SELECT nspname FROM pg_namespace WHERE oid = oprnamespace), oprname, format_type(oprleft, NULL)) AS command
		      FROM pg_operator WHERE oprright = 0 AND oid >= 16384 ORDER BY 1`,
	},
	{
		ID: "polymorphic-functions", Severity: checks.Blocker, Source: checks.Versions{To: 13}, Target: checks.Versions{From: 14},
		Title: "Aggregates and operators are made of array functions that take other types since PostgreSQL 14",
		Why:   "array_append and its kin take anycompatible types since 14, so the definitions cannot be loaded: pg_upgrade refuses.",
		Fix:   "Drop them before, and create them afterwards with anycompatiblearray and anycompatible.",
		SQL: `WITH changed AS (SELECT unnest(ARRAY['array_append(anyarray,anyelement)', 'array_cat(anyarray,anyarray)', 'array_prepend(anyelement,anyarray)',
		          'array_remove(anyarray,anyelement)', 'array_replace(anyarray,anyelement,anyelement)', 'array_position(anyarray,anyelement)',
		          'array_position(anyarray,anyelement,integer)', 'array_positions(anyarray,anyelement)', 'width_bucket(anyelement,anyarray)']::regprocedure[]) AS oid)
		      SELECT format('aggregate %s', a.aggfnoid::regprocedure) AS object, p.proname AS detail, format('DROP AGGREGATE %s', a.aggfnoid::regprocedure) AS command
		      FROM pg_aggregate a JOIN pg_proc p ON p.oid IN (a.aggtransfn, a.aggfinalfn) JOIN changed c ON c.oid = p.oid WHERE a.aggfnoid::oid >= 16384
		      UNION
		      SELECT format('operator %s', o.oid::regoperator), p.proname, format('DROP OPERATOR %s', o.oid::regoperator)
		      FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode JOIN changed c ON c.oid = p.oid WHERE o.oid >= 16384 ORDER BY 1`,
	},
	{
		ID: "encoding-conversions", Severity: checks.Blocker, Source: checks.Versions{To: 13}, Target: checks.Versions{From: 14},
		Title: "There are encoding conversions of your own",
		Why:   "PostgreSQL 14 calls the functions of conversions in another way: pg_upgrade refuses.",
		Fix:   "Drop them, and create them afterwards with a function for the new version.",
		SQL: `SELECT format('%I.%I', n.nspname, c.conname) AS object, format('%s to %s', pg_encoding_to_char(conforencoding), pg_encoding_to_char(contoencoding)) AS detail,
		             format('DROP CONVERSION %I.%I', n.nspname, c.conname) AS command
		      FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.oid >= 16384 ORDER BY 1`,
	},
	{
		ID: "unqualified-functions", Severity: checks.Warning,
		Title: "Functions in indexes, checks or generated columns may not find what they name",
		Why:   "Replication applies rows with an empty search_path, and since 17 so does the making of indexes and statistics. A function that names a table or another function without its schema fails then, and the copy stops.",
		Fix:   "Name schemas in the function, or give it a path of its own: ALTER FUNCTION ... SET search_path.",
		SQL: `SELECT p.oid::regprocedure AS object, l.lanname AS detail, format('ALTER FUNCTION %s SET search_path = %I, pg_temp', p.oid::regprocedure, n.nspname) AS command
		      FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
		      WHERE p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal') AND n.nspname !~ '^pg_'
		        AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%')
		        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
		        AND EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
		                    AND d.classid IN ('pg_attrdef'::regclass, 'pg_class'::regclass, 'pg_constraint'::regclass)) ORDER BY 1`,
	},
	{
		ID: "event-triggers", Severity: checks.Note, Title: "There are event triggers",
		Why:  "They run at definitions, on the new server as well.",
		Fix:  "See that what they call is there on the new server's machine, too.",
		Lull: "Lull has event triggers of its own while the copy follows, and takes them away again.",
		SQL: `SELECT evtname AS object, evtevent || ', ' || evtfoid::regprocedure AS detail FROM pg_event_trigger e WHERE evtname NOT LIKE 'lull%'
		        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e') ORDER BY 1`,
	},
	{
		ID: "removed-extensions", Severity: checks.Blocker, Title: "Extensions are gone in the new version",
		Why: "pg_upgrade loads every library that the old server has functions of, and refuses when one is not there.",
		Fix: "Drop them, and see what used them.",
		SQL: `SELECT e.extname AS object, format('until %s', r.last) AS detail, format('DROP EXTENSION %I', e.extname) AS command
		      FROM pg_extension e JOIN (VALUES ('chkpass', 10), ('timetravel', 11), ('plpythonu', 14), ('plpython2u', 14), ('hstore_plpythonu', 14), ('hstore_plpython2u', 14),
		          ('jsonb_plpythonu', 14), ('jsonb_plpython2u', 14), ('ltree_plpythonu', 14), ('ltree_plpython2u', 14), ('adminpack', 16), ('old_snapshot', 16)) AS r(name, last)
		        ON r.name = e.extname AND @to::int > r.last ORDER BY 1`,
	},
	{
		ID: "schedulers", Severity: checks.Warning, Title: "Something runs jobs inside the database",
		Why: "Its jobs would run on both servers, or make tables while definitions are frozen.",
		Fix: "See that no job is due in the window, and that jobs of the new server begin only after the switch.",
		SQL: `SELECT extname AS object, extversion AS detail FROM pg_extension
		      WHERE extname IN ('pg_cron', 'pg_partman', 'pgagent', 'pg_net', 'timescaledb', 'citus', 'pg_timetable', 'pglogical', 'bdr', 'spock') ORDER BY 1`,
	},
}
