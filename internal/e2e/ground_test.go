package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/chaos"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// Of the maintenance that all tests run.
const (
	fromMajor, toMajor = 13, 17

	id     = "postgres-17"
	client = "client" // the application's role, and its password
)

var databases = []string{"app", "shop", "mail"}

// ground is what a user has: a cluster of three databases behind a pooler, two sites, a
// service that answers, lull.yaml and a plan.
type ground struct {
	dir      string // lull.yaml and what lies beside it
	near     string // where the servers' user can reach it: the target, and nothing else
	lull     string // the program
	source   *pgtest.Server
	pooler   *pgtest.Bouncer
	target   pgserver.Server // nothing is there yet
	listen   string          // of the status page
	mayWait  time.Duration   // a client, for the longest hold
	stubborn *stubborn
	kills    []time.Time
}

func lay(t *testing.T) *ground {
	t.Helper()
	g := &ground{dir: t.TempDir(), lull: program(t), mayWait: mayWait}
	if *long {
		g.mayWait = mayWaitAlone
	}
	g.source = pgtest.Start(t, fromMajor, pgtest.Options{Databases: databases})
	g.source.Exec(t, "postgres", "CREATE ROLE "+client+" LOGIN PASSWORD '"+client+"'")
	for _, db := range databases {
		g.source.Exec(t, db, chaos.Schema, "VACUUM (ANALYZE)")
	}
	g.source.Exec(t, "postgres", "ALTER DATABASE mail CONNECTION LIMIT 80", "ALTER DATABASE app SET work_mem = '5MB'",
		"ALTER ROLE "+client+" IN DATABASE shop SET statement_timeout = '1min'")
	g.pooler = pgtest.StartBouncer(t, g.source, pgtest.BouncerOptions{Users: map[string]string{client: client}}, databases...)
	g.place(t)
	sites := g.serveSites(t)
	for _, site := range []string{"www", "blog"} {
		newSite(t, filepath.Join(g.dir, "sites", site))
	}
	g.write(t, "lull.yaml", g.config(sites))
	g.write(t, "plan.yaml", g.plan(sites))
	g.write(t, "secret", g.source.Password+"\n")
	return g
}

// place finds room for the target. What lull starts there outlives lull, so the test ends it.
func (g *ground) place(t *testing.T) {
	t.Helper()
	in := pgtest.Install(t, toMajor)
	near, err := in.Owner.TempDir()
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(near)) })
	ports, err := pgserver.FreePorts(2)
	must(t, err)
	g.near, g.listen = near, fmt.Sprintf("127.0.0.1:%d", ports[1])
	g.target = pgserver.Server{Install: in, Data: filepath.Join(near, "pg17"), Port: ports[0], SocketDir: near}
	t.Cleanup(func() { must(t, g.target.Stop(context.Background(), "immediate")) })
}

// serveSites is the web: two sites, and the application's own health page, which asks its
// database through the pooler as the application does.
func (g *ground) serveSites(t *testing.T) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	for _, path := range []string{"/www/", "/blog/"} {
		mux.HandleFunc(path, func(http.ResponseWriter, *http.Request) {})
	}
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		conn, err := pgx.Connect(r.Context(), g.through("app"))
		if err == nil {
			_, err = conn.Exec(r.Context(), "SELECT count(*) FROM customer")
			_ = conn.Close(r.Context())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// through is how the application reaches a database.
func (g *ground) through(db string) string {
	return g.pooler.PgBouncer.DSN(db, client) + " password=" + client + " default_query_exec_mode=exec"
}

func (g *ground) config(sites string) string {
	return fmt.Sprintf(`organization: Example
server: {listen: "%[1]s", url: "http://%[1]s"}
components:
  app: {name: App}
clusters:
  main:
    source: {dsn: "%[2]s", password_file: secret}
    target: {data: %[3]s, host: 127.0.0.1, port: %[4]d, socket_dir: %[5]s}
    bin: [%[6]s, %[7]s]
    poolers: [main]
poolers:
  main: %[8]s
sites:
  www: {repository: sites/www, banner: _data/banner_notification.yml, url: "%[9]s/www/"}
  blog: {repository: sites/blog, banner: _data/banner_notification.yml, url: "%[9]s/blog/"}
`, g.listen, g.source.Server.DSN("postgres", pgtest.Superuser), g.target.Data, g.target.Port, g.near,
		g.source.Bin, g.target.Bin, g.gate(), sites)
}

// gate is the pooler in lull.yaml.
func (g *ground) gate() string {
	return fmt.Sprintf(`{admin: "%s", password_file: secret, config: %s}`, g.pooler.PgBouncer.DSN("pgbouncer", pgtest.Superuser), g.pooler.Config())
}

func (g *ground) plan(sites string) string {
	return fmt.Sprintf(`maintenance: %s
title: Database upgrade
summary: We move our database to PostgreSQL 17.
window: {start: %s, zone: UTC, allow: 2h}
components: {app: under_maintenance}
steps:
  - banner: on
  - command: {run: [touch, %[3]s], undo: [rm, -f, %[3]s], budget: 30s}
  - upgrade: {cluster: main, to: %[4]d, seed: physical, budget: 30m}
  - check: {http: "%[5]s/health", expect: 200, budget: 30s}
  - banner: off
`, id, time.Now().UTC().Add(-time.Minute).Format("2006-01-02 15:04"), g.touched(), toMajor, sites)
}

// touched is the file that the plan's command makes.
func (g *ground) touched() string { return filepath.Join(g.dir, "touched") }

func (g *ground) write(t *testing.T, name, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(g.dir, name), []byte(content), 0o600))
}

const banner = `# The strip on top of every page.
enabled: false
text: Nothing is planned
url: https://example.com/status
`

// newSite makes the repository of a site.
func newSite(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "_data", "banner_notification.yml")
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(banner), 0o644))
	for _, args := range [][]string{
		{"init", "--quiet", "--template=", "--initial-branch=main"}, {"config", "user.name", "Ann Author"},
		{"config", "user.email", "ann@example.com"}, {"add", "."}, {"commit", "--quiet", "-m", "Begin"},
	} {
		git(t, dir, args...)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return string(out)
}

// environ keeps the settings of whoever runs the tests out of them.
func environ() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "EMAIL=", "XDG_CONFIG_HOME=/nonexistent")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
