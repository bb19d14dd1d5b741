package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
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

// fingerprint is the source and its pooler, as they are now.
func (g *ground) fingerprint(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for what, query := range ofServer {
		out[what] = strings.Join(column(t, g.at(g.source.Port, "postgres"), query), "\n")
	}
	for _, db := range databases {
		for what, query := range ofDatabase {
			out[db+": "+what] = strings.Join(column(t, g.at(g.source.Port, db), query), "\n")
		}
	}
	for name, text := range g.poolerNow(t) {
		out["pooler: "+name] = text
	}
	return out
}

// poolerNow is what the pooler runs with, and its files but for its logs.
func (g *ground) poolerNow(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{"settings": g.poolerSettings(t)}
	files, err := os.ReadDir(g.pooler.Dir)
	must(t, err)
	for _, f := range files {
		if path := filepath.Join(g.pooler.Dir, f.Name()); !strings.HasSuffix(path, ".log") && !strings.HasSuffix(path, ".out") {
			b, err := os.ReadFile(path)
			must(t, err)
			out["file "+f.Name()] = string(b)
		}
	}
	return out
}

func (g *ground) poolerSettings(t *testing.T) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(g.pooler.PgBouncer.DSN("pgbouncer", pgtest.Superuser) + " password=" + g.pooler.Password)
	must(t, err)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	must(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), "SHOW CONFIG")
	must(t, err)
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		var text strings.Builder
		for _, v := range values[:min(2, len(values))] {
			if s, ok := v.(string); ok {
				text.WriteString(s + " ")
			}
		}
		return text.String(), err
	})
	must(t, err)
	return strings.Join(lines, "\n")
}

// verifySame names each part of a fingerprint that has changed.
func verifySame(t *testing.T, before, after map[string]string) {
	t.Helper()
	for what, was := range before {
		if now, there := after[what]; now != was || !there {
			t.Errorf("%s changed\nfrom: %s\n  to: %s", what, changed(was, now), changed(now, was))
		}
	}
	for what := range after {
		if _, known := before[what]; !known {
			t.Errorf("%s is new", what)
		}
	}
}

// changed gives the lines of a text that the other does not have.
func changed(text, other string) string {
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
