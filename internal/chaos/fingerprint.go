package chaos

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Everything of a server that Lull may touch, and what lies near it, each as a list of lines.
var (
	ofServer = map[string]string{
		"databases":     `SELECT concat_ws(' ', datname, datdba::regrole, datconnlimit, datallowconn, datistemplate, datacl) FROM pg_database ORDER BY 1`,
		"roles":         `SELECT concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolvaliduntil) FROM pg_roles ORDER BY 1`,
		"members":       `SELECT concat_ws(' ', roleid::regrole, member::regrole, admin_option) FROM pg_auth_members ORDER BY 1`,
		"role settings": `SELECT concat_ws(' ', setdatabase, setrole, setconfig) FROM pg_db_role_setting ORDER BY 1`,
		"settings":      `SELECT concat_ws(' ', name, setting, source) FROM pg_settings WHERE source NOT IN ('client', 'session', 'user', 'database', 'database user') ORDER BY 1`,
		"slots":         `SELECT concat_ws(' ', slot_name, plugin, slot_type, database) FROM pg_replication_slots ORDER BY 1`,
		"origins":       `SELECT roname FROM pg_replication_origin ORDER BY 1`,
		"subscriptions": `SELECT subname::text FROM pg_subscription ORDER BY 1`,
		"prepared":      `SELECT gid FROM pg_prepared_xacts ORDER BY 1`,
	}
	ofDatabase = map[string]string{
		"publications":   `SELECT concat_ws(' ', pubname, pubowner::regrole, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot) FROM pg_publication ORDER BY 1`,
		"published":      `SELECT concat_ws(' ', prpubid, prrelid::regclass) FROM pg_publication_rel ORDER BY 1`,
		"schemas":        `SELECT concat_ws(' ', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' ORDER BY 1`,
		"relations":      `SELECT concat_ws(' ', oid::regclass, relkind, relowner::regrole, relreplident, relhastriggers, relpersistence, reloptions, relacl) FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_(toast_)?temp_' ORDER BY 1`,
		"indexes":        `SELECT concat_ws(' ', indexrelid::regclass, indisreplident, indisvalid, indisclustered) FROM pg_index ORDER BY 1`,
		"triggers":       `SELECT concat_ws(' ', tgname, tgrelid::regclass, tgenabled, tgisinternal) FROM pg_trigger ORDER BY 1`,
		"event triggers": `SELECT concat_ws(' ', evtname, evtevent, evtenabled) FROM pg_event_trigger ORDER BY 1`,
		"functions":      `SELECT concat_ws(' ', oid::regprocedure, proconfig) FROM pg_proc ORDER BY 1`,
		"types":          `SELECT concat_ws(' ', oid::regtype, typtype) FROM pg_type WHERE typnamespace::regnamespace::text !~ '^pg_(toast_)?temp_' ORDER BY 1`,
		"extensions":     `SELECT concat_ws(' ', extname, extversion) FROM pg_extension ORDER BY 1`,
		"default rights": `SELECT concat_ws(' ', defaclrole::regrole, defaclnamespace, defaclobjtype, defaclacl) FROM pg_default_acl ORDER BY 1`,
	}
)

// Fingerprint is a server that Lull works on, as it is now. At is how its superuser reaches a database.
func Fingerprint(ctx context.Context, at func(database string) string, databases []string) (map[string]string, error) {
	out := map[string]string{}
	ask := func(prefix, db string, queries map[string]string) error {
		for what, query := range queries {
			lines, err := column(ctx, at(db), query)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", what, db, err)
			}
			out[prefix+what] = strings.Join(lines, "\n")
		}
		return nil
	}
	if err := ask("", "postgres", ofServer); err != nil {
		return nil, err
	}
	for _, db := range databases {
		if err := ask(db+": ", db, ofDatabase); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PoolerFingerprint is what a pooler runs with, and the files in its folder but for its logs and its process number.
func PoolerFingerprint(ctx context.Context, console *pgx.Conn, dir string) (map[string]string, error) {
	rows, err := console.Query(ctx, "SHOW CONFIG")
	if err != nil {
		return nil, err
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return fmt.Sprint(values[:min(2, len(values))]...), err
	})
	if err != nil {
		return nil, err
	}
	out := map[string]string{"pooler: settings": strings.Join(lines, "\n")}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if slices.Contains([]string{".log", ".out", ".pid"}, filepath.Ext(f.Name())) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		out["pooler: file "+f.Name()] = string(b)
	}
	return out, nil
}

// Differences names each part of a fingerprint that has changed, and how.
func Differences(before, now map[string]string) (out []string) {
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if is, there := now[what]; is != before[what] || !there {
			out = append(out, fmt.Sprintf("%s changed from: %s to: %s", what, extra(before[what], is), extra(is, before[what])))
		}
	}
	for _, what := range slices.Sorted(maps.Keys(now)) {
		if _, known := before[what]; !known {
			out = append(out, what+" is new")
		}
	}
	return out
}

// extra gives the lines of a text that the other does not have.
func extra(text, other string) string {
	known := map[string]bool{}
	for line := range strings.Lines(other) {
		known[strings.TrimSpace(line)] = true
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !known[line] {
			out = append(out, line)
		}
	}
	return strings.Join(out, " | ")
}
