package compare

import "strings"

// triggers, without the ones that a partition has from its parent, which some majors
// list and some do not, unless somebody enabled or disabled just that one.
func (d dialect) triggers() string {
	enabled := `CASE g.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replica' ELSE 'enabled always' END`
	own := d.since(13, `(g.tgparentid = 0 AND NOT g.tgisinternal OR EXISTS (SELECT 1 FROM pg_trigger p
		WHERE p.oid = g.tgparentid AND NOT p.tgisinternal AND p.tgenabled <> g.tgenabled))`, `NOT g.tgisinternal`)
	return `SELECT 'trigger', ` + relationName + ` || '.' || quote_ident(g.tgname), ` + relationName + `,
		replace(pg_get_triggerdef(g.oid), ' EXECUTE PROCEDURE ', ' EXECUTE FUNCTION ') || ' ' || ` + enabled + `, ''
		FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE ` + own + ` AND ` + userSchema + ` AND ` + unowned("pg_class", "c.oid")
}

// rules other than views. How they are written out changed between majors.
func (d dialect) rules() string {
	return `SELECT 'rule', ` + relationName + ` || '.' || quote_ident(r.rulename), ` + relationName + `,
		` + words(`r.ev_type::text`, when(`r.is_instead`, `instead`), `r.ev_enabled::text`) + `, md5(pg_get_ruledef(r.oid))
		FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE r.rulename <> '_RETURN' AND ` + userSchema + ` AND ` + unowned("pg_class", "c.oid")
}

func (d dialect) policies() string {
	roles := `(SELECT string_agg(CASE x WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x)) END, ', ' ORDER BY pg_get_userbyid(x)::text COLLATE "C") FROM unnest(p.polroles) x)`
	definition := words(`CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END`, `p.polcmd::text`, `'to ' || `+roles,
		`'using ' || pg_get_expr(p.polqual, p.polrelid)`, `'with check ' || pg_get_expr(p.polwithcheck, p.polrelid)`)
	return `SELECT 'policy', ` + relationName + ` || '.' || quote_ident(p.polname), ` + relationName + `, ` + definition + `, ''
		FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE ` + userSchema + ` AND ` + unowned("pg_class", "c.oid")
}

func (d dialect) statistics() string {
	return `SELECT 'statistics', quote_ident(m.nspname) || '.' || quote_ident(x.stxname), ` + relationName + `, pg_get_statisticsobjdef(x.oid), ''
		FROM pg_statistic_ext x JOIN pg_namespace m ON m.oid = x.stxnamespace JOIN pg_class c ON c.oid = x.stxrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE ` + userSchema + ` AND ` + unowned("pg_class", "c.oid")
}

// functions of all sorts, their source as a hash. An SQL-standard body is kept parsed,
// and written out differently by majors.
func (d dialect) functions() string {
	sort := d.since(11, `CASE f.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window function' ELSE 'function' END`,
		`CASE WHEN f.proisagg THEN 'aggregate' WHEN f.proiswindow THEN 'window function' ELSE 'function' END`)
	// From 14 on a procedure's IN is written out.
	arguments := `regexp_replace(pg_get_function_arguments(f.oid), '(^|, )IN ', '\1', 'g')`
	types := `(SELECT coalesce(string_agg(format_type(x.oid, NULL), ', ' ORDER BY x.n), '') FROM unnest(f.proargtypes) WITH ORDINALITY x(oid, n))`
	path := ""
	if d.leave.DefinerPath {
		path = ` WHERE NOT (f.prosecdef AND x LIKE 'search_path=%')`
	}
	definition := words(sort, `'(' || `+arguments+` || ')'`, `'returns ' || pg_get_function_result(f.oid)`,
		`'language ' || l.lanname`, `'volatility ' || f.provolatile::text`, `'parallel ' || f.proparallel::text`,
		when(`f.proisstrict`, `strict`), when(`f.prosecdef`, `security definer`), when(`f.proleakproof`, `leakproof`),
		`'cost ' || f.procost`, `(SELECT 'rows ' || f.prorows WHERE f.prorows <> 0)`,
		`(SELECT 'set ' || string_agg(x, ', ' ORDER BY x COLLATE "C") FROM unnest(f.proconfig) x`+path+`)`,
		`(SELECT 'state ' || g.aggtransfn || ' final ' || g.aggfinalfn || ' initial ' || coalesce(g.agginitval, '-') FROM pg_aggregate g WHERE g.aggfnoid = f.oid)`,
		`'symbol ' || f.probin`, `'source ' || md5(f.prosrc)`)
	local := d.since(14, `coalesce(md5(pg_get_function_sqlbody(f.oid)), '')`, `''`)
	return withOwner(`function`, `quote_ident(n.nspname) || '.' || quote_ident(f.proname) || '(' || `+types+` || ')'`,
		definition, local, `f.proowner`, d.privileges("f", "f.proacl", "f.proowner"),
		`FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang JOIN pg_namespace n ON n.oid = f.pronamespace
		WHERE `+userSchema+` AND `+unowned("pg_proc", "f.oid")+` AND `+notOfRange("f.oid"))
}

// notOfRange leaves out what a range type brings along: its constructors, and from 14
// those of its multirange.
func notOfRange(oid string) string {
	return `NOT EXISTS (SELECT 1 FROM pg_depend r JOIN pg_type t ON t.oid = r.refobjid
		WHERE r.classid = 'pg_proc'::regclass AND r.objid = ` + oid + ` AND r.deptype = 'i' AND r.refclassid = 'pg_type'::regclass)`
}

// types that somebody made: enums, domains, ranges, base types, and composite types,
// whose columns are compared with those of tables.
func (d dialect) types() string {
	definition := words(`CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range' WHEN 'c' THEN 'composite' ELSE 'base type' END`,
		`(SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)`,
		`CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END`,
		when(`t.typnotnull`, `not null`), `'default ' || t.typdefault`,
		`(SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid)`)
	return withOwner(`type`, `quote_ident(n.nspname) || '.' || quote_ident(t.typname)`, definition, `''`, `t.typowner`, d.privileges("T", "t.typacl", "t.typowner"),
		`FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE (t.typtype IN ('e','d','r') OR t.typtype = 'c' AND c.relkind = 'c' OR t.typtype = 'b' AND t.typelem = 0)
		AND `+userSchema+` AND `+unowned("pg_type", "t.oid"))
}

// extensions by name: the target may well ship another version.
func (d dialect) extensions() string {
	return `SELECT 'extension', quote_ident(e.extname), '', 'in schema ' || quote_ident(n.nspname), e.extversion
		FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`
}

// publications other than Lull's.
func (d dialect) publications() string {
	definition := words(when(`p.puballtables`, `all tables`), when(`p.pubinsert`, `insert`), when(`p.pubupdate`, `update`), when(`p.pubdelete`, `delete`),
		`(SELECT 'for ' || string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel r WHERE r.prpubid = p.oid)`)
	return `SELECT 'publication', quote_ident(p.pubname), '', ` + definition + `, '' FROM pg_publication p WHERE p.pubname !~ '^` + own + `(_|$)'`
}

func (d dialect) eventTriggers() string {
	return `SELECT 'event trigger', quote_ident(g.evtname), '', ` +
		words(`g.evtevent::text`, `g.evtfoid::regproc::text`, `g.evtenabled::text`, `array_to_string(g.evttags, ', ')`) + `, ''
		FROM pg_event_trigger g WHERE g.evtname !~ '^` + own + `(_|$)' AND ` + unowned("pg_event_trigger", "g.oid")
}

func (d dialect) defaultPrivileges() string {
	// The ACL is written whole here, so the owner's own default does not come in.
	acl := strings.Replace(d.privileges("r", "a.defaclacl", "a.defaclrole"), `coalesce(a.defaclacl, acldefault('r', a.defaclrole))`, `a.defaclacl`, 1)
	return `SELECT 'default privileges', concat_ws(' ', quote_ident(pg_get_userbyid(a.defaclrole)), quote_ident(n.nspname), a.defaclobjtype), '', ` + acl + `, ''
		FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace WHERE coalesce(n.nspname, '') <> '` + own + `'`
}

// others are compared by name alone.
func (d dialect) others() []string {
	named := func(kind, catalog, prefix string) string {
		return `SELECT '` + kind + `', quote_ident(n.nspname) || '.' || quote_ident(o.` + prefix + `name), '', '', ''
			FROM ` + catalog + ` o JOIN pg_namespace n ON n.oid = o.` + prefix + `namespace WHERE ` + userSchema + ` AND ` + unowned(catalog, "o.oid")
	}
	return []string{
		named("collation", "pg_collation", "coll"), named("conversion", "pg_conversion", "con"),
		named("operator class", "pg_opclass", "opc"), named("operator family", "pg_opfamily", "opf"),
		named("text search configuration", "pg_ts_config", "cfg"), named("text search dictionary", "pg_ts_dict", "dict"),
		`SELECT 'operator', o.oid::regoperator::text, '', o.oprcode::regproc::text, ''
			FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE ` + userSchema + ` AND ` + unowned("pg_operator", "o.oid"),
		`SELECT 'cast', format_type(o.castsource, NULL) || ' as ' || format_type(o.casttarget, NULL), '', concat_ws(' ', o.castcontext, o.castmethod, NULLIF(o.castfunc, 0)::regprocedure), ''
			FROM pg_cast o WHERE o.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM pg_type m WHERE m.oid = o.casttarget AND m.typtype = 'm') AND ` + unowned("pg_cast", "o.oid"),
		`SELECT 'foreign server', quote_ident(o.srvname), '', w.fdwname::text, ''
			FROM pg_foreign_server o JOIN pg_foreign_data_wrapper w ON w.oid = o.srvfdw WHERE ` + unowned("pg_foreign_server", "o.oid"),
		`SELECT 'language', quote_ident(o.lanname), '', '', '' FROM pg_language o WHERE o.lanispl AND ` + unowned("pg_language", "o.oid"),
	}
}
