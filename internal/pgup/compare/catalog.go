package compare

import (
	"fmt"
	"strings"
)

// dialect knows what the catalogs of a major hold. Every query gives rows of kind,
// identity, object it goes with, definition, and what only the same major writes alike.
type dialect struct {
	major  int
	lowest int // of the two sides
	leave  Leave
}

// since is sql where the catalogs of this major have it, and instead elsewhere.
func (d dialect) since(major int, sql, instead string) string {
	if d.major >= major {
		return sql
	}
	return instead
}

func (d dialect) catalogs() []string {
	list := []string{
		d.schemas(), d.relations(), d.columns(), d.indexes(), d.constraints(), d.sequences(),
		d.triggers(), d.rules(), d.policies(), d.statistics(),
		d.functions(), d.types(), d.extensions(), d.publications(), d.eventTriggers(), d.defaultPrivileges(),
	}
	return append(list, d.others()...)
}

// unowned is true of an object that no extension brought. What an extension brought is
// compared by the extension's name.
func unowned(catalog, oid string) string {
	return fmt.Sprintf(`NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = '%s'::regclass AND e.objid = %s AND e.deptype = 'e')`, catalog, oid)
}

// privileges writes an ACL as a sorted list, with the default where nothing was granted.
// MAINTAIN came with 17, and restoring a GRANT ALL of an older server gives it too.
func (d dialect) privileges(kind, acl, owner string) string {
	var where []string
	if d.lowest < 17 {
		where = append(where, "x.privilege_type <> 'MAINTAIN'")
	}
	if kind == "n" && d.leave.PublicCreate {
		where = append(where, "NOT (x.grantee = 0 AND x.privilege_type = 'CREATE')")
	}
	counted := ""
	if len(where) > 0 {
		counted = "WHERE " + strings.Join(where, " AND ")
	}
	return fmt.Sprintf(`coalesce((SELECT string_agg(x.who || ':' || x.what, ' ' ORDER BY x.who COLLATE "C") FROM (
		SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END AS who,
		       string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ',' ORDER BY x.privilege_type COLLATE "C") AS what
		FROM aclexplode(coalesce(%s, acldefault('%s', %s))) x %s GROUP BY x.grantee) x), '')`, acl, kind, owner, counted)
}

// withOwner makes three rows of one object: itself, its owner, its privileges.
func withOwner(kind, identity, definition, local, owner, privileges, from string) string {
	return fmt.Sprintf(`SELECT r.kind, o.identity, r.of, r.definition, r.local
		FROM (SELECT %[2]s AS identity, %[3]s AS definition, %[4]s AS local, pg_get_userbyid(%[5]s)::text AS owner, %[6]s AS privileges %[7]s) o,
		LATERAL (VALUES ('%[1]s', '', o.definition, o.local), ('owner of %[1]s', o.identity, o.owner, ''),
		                ('privileges on %[1]s', o.identity, o.privileges, '')) r(kind, of, definition, local)`,
		kind, identity, definition, local, owner, privileges, from)
}

// words joins the parts that are not null.
func words(parts ...string) string { return "concat_ws(' ', " + strings.Join(parts, ", ") + ")" }

// when is the text where the condition holds.
func when(condition, text string) string {
	return "CASE WHEN " + condition + " THEN '" + text + "' END"
}

const relationName = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`

func (d dialect) schemas() string {
	return withOwner(`schema`, `quote_ident(n.nspname)`, `''`, `''`, `n.nspowner`, d.privileges("n", "n.nspacl", "n.nspowner"),
		`FROM pg_namespace n WHERE `+userSchema+` AND `+unowned("pg_namespace", "n.oid"))
}

// relations are tables, partitions, views, materialized and foreign ones. How a view is
// written out changed between majors, so its query counts only on one and the same.
func (d dialect) relations() string {
	definition := words(
		`CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END`,
		when(`c.relpersistence = 'u'`, `unlogged`),
		when(`c.relkind = 'm' AND NOT c.relispopulated`, `not populated`),
		when(`c.relrowsecurity`, `row level security`), when(`c.relforcerowsecurity`, `forced`),
		`'partition by ' || pg_get_partkeydef(c.oid)`,
		`(SELECT 'child of ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)`,
		`pg_get_expr(c.relpartbound, c.oid)`,
		`(SELECT 'of ' || format_type(c.reloftype, NULL) WHERE c.reloftype <> 0)`,
		`(SELECT 'with ' || string_agg(x, ', ' ORDER BY x COLLATE "C") FROM unnest(c.reloptions) x)`)
	local := words(`c.reltablespace::text`, `CASE WHEN c.relkind IN ('v','m') THEN md5(pg_get_viewdef(c.oid)) END`)
	return withOwner(`relation`, relationName, definition, local, `c.relowner`, d.privileges("r", "c.relacl", "c.relowner"),
		`FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r','p','v','m','f') AND `+userSchema+` AND `+unowned("pg_class", "c.oid"))
}

// columns of relations and composite types. Where a table inherits, pg_dump may put the
// columns in another order, so there the order counts only on one and the same server.
func (d dialect) columns() string {
	place := `(SELECT count(*) FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attnum > 0 AND b.attnum <= a.attnum AND NOT b.attisdropped)`
	generated := d.since(12, `a.attgenerated <> ''`, `false`)
	definition := words(
		`CASE WHEN c.relispartition OR NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = c.oid) THEN '#' || `+place+` END`,
		`format_type(a.atttypid, a.atttypmod)`,
		`(SELECT 'collate ' || quote_ident(l.collname) FROM pg_collation l, pg_type t WHERE l.oid = a.attcollation AND t.oid = a.atttypid AND t.typcollation <> l.oid)`,
		when(`a.attnotnull`, `not null`),
		`CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END`,
		`CASE WHEN `+generated+` THEN 'generated ' ELSE 'default ' END || pg_get_expr(v.adbin, v.adrelid)`,
		`(SELECT 'granted ' || string_agg(CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END || ':' || x.privilege_type, ' '
		  ORDER BY x.grantee, x.privilege_type COLLATE "C") FROM aclexplode(a.attacl) x)`)
	local := words(place, `a.attstorage::text`, `a.attstattarget::text`, `a.attislocal::text`)
	return `SELECT 'column', ` + relationName + ` || '.' || quote_ident(a.attname), ` + relationName + `, ` + definition + `, ` + local + `
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_attrdef v ON v.adrelid = a.attrelid AND v.adnum = a.attnum
		WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r','p','v','m','f','c') AND ` + userSchema + ` AND ` + unowned("pg_class", "c.oid")
}

func (d dialect) indexes() string {
	return `SELECT 'index', quote_ident(n.nspname) || '.' || quote_ident(x.relname), ` + relationName + `,
		` + words(`pg_get_indexdef(i.indexrelid)`, when(`NOT i.indisvalid`, `(not valid)`), when(`NOT i.indisready`, `(not ready)`)) + `, x.reltablespace::text
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r','p','m') AND ` + userSchema + ` AND ` + unowned("pg_class", "c.oid")
}

// constraints, without those that a partition has from its parent. NOT NULL is a
// constraint of its own from 18 (for domains from 17); the column says it on every major.
func (d dialect) constraints() string {
	definition := words(`pg_get_constraintdef(o.oid)`, when(`NOT o.convalidated`, `(not validated)`))
	where := ` WHERE o.contype NOT IN ('n','t') AND ` + d.since(11, `o.conparentid = 0`, `true`) + ` AND ` + userSchema
	return `SELECT 'constraint', ` + relationName + ` || '.' || quote_ident(o.conname), ` + relationName + `, ` + definition + `, ''
		FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace` + where + ` AND ` + unowned("pg_class", "c.oid") + `
		UNION ALL
		SELECT 'constraint', quote_ident(n.nspname) || '.' || quote_ident(t.typname) || '.' || quote_ident(o.conname), quote_ident(n.nspname) || '.' || quote_ident(t.typname), ` + definition + `, ''
		FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace` + where + ` AND ` + unowned("pg_type", "t.oid")
}

// sequences without their values, which change all the time: see Sequences.
func (d dialect) sequences() string {
	definition := words(`format_type(s.seqtypid, NULL)`, `'start ' || s.seqstart`, `'increment ' || s.seqincrement`,
		`'min ' || s.seqmin`, `'max ' || s.seqmax`, `'cache ' || s.seqcache`, when(`s.seqcycle`, `cycle`),
		`(SELECT 'owned by ' || o.refobjid::regclass::text || '.' || quote_ident(a.attname)
		  FROM pg_depend o JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
		  WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype IN ('a','i') AND o.refclassid = 'pg_class'::regclass LIMIT 1)`)
	return withOwner(`sequence`, relationName, definition, `''`, `c.relowner`, d.privileges("s", "c.relacl", "c.relowner"),
		`FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE `+userSchema+` AND `+unowned("pg_class", "c.oid"))
}
