package cli_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// eyes see what Lull could have changed on the shared servers and poolers.
type eyes struct {
	mu       sync.Mutex // a connection serves one script at a time
	bases    []*pgx.Conn
	consoles []*pgconn.PgConn
	configs  []string
}

func open(t *testing.T, servers []*pgtest.Server, poolers []*pgtest.Bouncer) *eyes {
	t.Helper()
	e := &eyes{}
	for _, s := range servers {
		for _, db := range []string{"postgres", "app", "shop"} {
			// lull's check asks who else is connected, and these are not somebody else.
			conn, err := pgx.Connect(t.Context(), s.DSN(db)+" application_name=lull-test")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close(context.Background()) })
			e.bases = append(e.bases, conn)
		}
	}
	for _, p := range poolers {
		console, err := pgconn.Connect(t.Context(), p.DSN("pgbouncer"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { console.Close(context.Background()) })
		e.consoles, e.configs = append(e.consoles, console), append(e.configs, p.Config())
	}
	return e
}

// fingerprint is all that an upgrade changes on a source, by the catalog that holds it.
const fingerprint = `
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT 'publication ' || pubname FROM pg_publication UNION ALL
		SELECT 'slot ' || slot_name FROM pg_replication_slots UNION ALL
		SELECT 'subscription ' || subname FROM pg_subscription UNION ALL
		SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)' UNION ALL
		SELECT 'relation ' || oid::regclass || ' ' || relkind || relreplident FROM pg_class WHERE oid >= 16384 UNION ALL
		SELECT 'database ' || datname || ' ' || datconnlimit || datallowconn FROM pg_database UNION ALL
		SELECT 'role ' || rolname || ' ' || rolconnlimit || rolcanlogin FROM pg_roles UNION ALL
		SELECT 'setting ' || setdatabase || ' ' || setrole || ' ' || setconfig::text FROM pg_db_role_setting UNION ALL
		SELECT 'file setting ' || name || ' ' || setting FROM pg_file_settings
	) AS things(line)`

func (e *eyes) look(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out strings.Builder
	for _, conn := range e.bases {
		var text string
		if err := conn.QueryRow(ctx, fingerprint).Scan(&text); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "server %d, database %s\n%s\n", conn.Config().Port, conn.Config().Database, text)
	}
	for i, console := range e.consoles {
		text, err := state(ctx, console)
		if err != nil {
			return "", err
		}
		config, err := os.ReadFile(e.configs[i])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "pooler %s\n%s%s\n", e.configs[i], text, config)
	}
	return out.String(), nil
}

// state is where a pooler sends its clients, and whether it holds them.
func state(ctx context.Context, console *pgconn.PgConn) (string, error) {
	var out strings.Builder
	for _, command := range []string{"SHOW DATABASES", "SHOW STATE"} {
		results, err := console.Exec(ctx, command).ReadAll()
		if err != nil {
			return "", err
		}
		for _, r := range results {
			for _, row := range r.Rows {
				for i, f := range r.FieldDescriptions {
					if slices.Contains([]string{"name", "host", "port", "database", "paused", "disabled", "key", "value"}, f.Name) {
						fmt.Fprintf(&out, "%s=%s ", f.Name, row[i])
					}
				}
				out.WriteByte('\n')
			}
		}
	}
	return out.String(), nil
}

// look sees all that a command could have changed: the servers, the poolers, the files
// of the script, the site's commits and Lull's own record.
func (g *ground) look(ts *testscript.TestScript) string {
	servers, err := g.eyes.look(g.ctx)
	ts.Check(err)
	files, err := listing(ts.MkAbs("."), ts.Getenv("TARGET"))
	ts.Check(err)
	commits := aside(ts, "git", "-C", "sites/www", "rev-parse", "HEAD")
	record := aside(ts, "lull", "status", "--json") // says the same error twice when lull.yaml is wrong
	return servers + files + commits + record
}

// aside runs a program without a word in the script's log.
func aside(ts *testscript.TestScript, program string, args ...string) string {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value(environment{}).(*testscript.Env).Vars
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// environment is the key of what setup has set.
type environment struct{}

// listing is what lies in the folders, without Lull's own store and git's caches.
func listing(dirs ...string) (string, error) {
	var out strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			name := d.Name()
			switch {
			case err != nil:
				return err
			case name == ".git" || name == ".tmp":
				return filepath.SkipDir
			case name == ".said" || strings.HasPrefix(name, "lull.db"):
				return nil
			case !d.Type().IsRegular():
				fmt.Fprintf(&out, "%s %s\n", d.Type(), path)
				return nil
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(&out, "%s %x\n", path, sha256.Sum256(content))
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return out.String(), nil
}
