package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/faultnet"
	"github.com/lullhq/lull/internal/pgserver"
)

// world is what one case happens in: a cluster of three databases behind a pooler, with a
// network in between that can fail, clients, lull.yaml and a plan.
type world struct {
	*ground
	dir      string // lull.yaml and what lies beside it
	near     string // the servers' folder
	spot     string // where the target will be
	lull     string // the program
	source   pgserver.Server
	pooler   pgserver.PgBouncer
	target   pgserver.Server // nothing is there yet
	toSource *faultnet.Proxy // lull, the target and the pooler reach the source through it
	toPooler *faultnet.Proxy // lull reaches the pooler's console through it
	disk     *disk           // nil: the target is on an ordinary one
	health   *httptest.Server
	clients  *clients
}

// newWorld starts everything; close ends it, also when this fails.
func (g *ground) newWorld(ctx context.Context, dir string) (w *world, err error) {
	w = &world{ground: g, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(context.WithoutCancel(ctx)))
		}
	}()
	if w.near, err = g.old.Owner.TempDir(); err != nil {
		return w, err
	}
	w.spot = filepath.Join(w.near, "target")
	if err := g.old.Owner.MkdirAll(w.spot); err != nil {
		return w, err
	}
	ports, err := pgserver.FreePorts(4)
	if err != nil {
		return w, err
	}
	w.source = pgserver.Server{Install: g.old, Data: filepath.Join(w.near, "pg13"), Port: ports[0]}
	w.target = pgserver.Server{Install: g.new, Data: filepath.Join(w.spot, "pg17"), Port: ports[1], SocketDir: w.spot}
	w.pooler = pgserver.PgBouncer{Program: g.pgbouncer, Owner: g.old.Owner, Dir: filepath.Join(w.near, "pgbouncer"), Port: ports[2]}
	if err := g.copySource(ctx, w.source.Data); err != nil {
		return w, err
	}
	if err := w.source.Spawn(ctx, nil); err != nil {
		return w, err
	}
	if w.toSource, err = faultnet.New(w.source.Port); err != nil {
		return w, err
	}
	if w.toPooler, err = faultnet.New(w.pooler.Port); err != nil {
		return w, err
	}
	if err := w.startPooler(ctx); err != nil {
		return w, err
	}
	w.health = httptest.NewServer(http.HandlerFunc(w.answer))
	err = w.writeFiles(ports[3])
	return w, err
}

func (w *world) startPooler(ctx context.Context) error {
	p := pgserver.Pooling{
		Databases: map[string]string{},
		Users:     map[string]string{superuser: w.password, client: client},
		Settings:  map[string]string{"admin_users": superuser},
	}
	for _, db := range databases {
		p.Databases[db] = fmt.Sprintf("host=127.0.0.1 port=%d", w.toSource.Port())
	}
	if err := w.pooler.Configure(p); err != nil {
		return err
	}
	return w.pooler.Spawn(ctx)
}

// answer is the application's health page, which asks its database as the application does.
func (w *world) answer(rw http.ResponseWriter, r *http.Request) {
	if _, err := column(r.Context(), w.through("app"), "SELECT count(*)::text FROM customer"); err != nil {
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
	}
}

func (w *world) writeFiles(page int) error {
	config := fmt.Sprintf(`organization: Example
server: {listen: "127.0.0.1:%d"}
components:
  app: {name: App}
clusters:
  main:
    source: {dsn: "host=127.0.0.1 port=%d user=%s dbname=postgres", password_file: secret}
    target: {data: %s, host: 127.0.0.1, port: %d, socket_dir: %s}
    bin: [%s, %s]
    poolers: [main]
poolers:
  main: {admin: "host=127.0.0.1 port=%d user=%s dbname=pgbouncer", password_file: secret, config: %s}
`, page, w.toSource.Port(), superuser, w.target.Data, w.target.Port, w.spot, w.old.Bin, w.new.Bin, w.toPooler.Port(), superuser, w.pooler.Config())
	plan := fmt.Sprintf(`maintenance: %s
title: Database upgrade
summary: We move our database to PostgreSQL %d.
window: {start: %s, zone: UTC, allow: 4h}
components: {app: under_maintenance}
steps:
  - upgrade: {cluster: main, to: %d, seed: physical, budget: 30m}
  - check: {http: "%s", expect: 200, budget: 30s}
`, id, toMajor, time.Now().UTC().Add(-time.Minute).Format("2006-01-02 15:04"), toMajor, w.health.URL)
	for name, text := range map[string]string{"lull.yaml": config, "plan.yaml": plan, "secret": w.password + "\n"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// through is how the application reaches a database.
func (w *world) through(db string) string {
	return w.pooler.DSN(db, client) + " password=" + client + " default_query_exec_mode=exec connect_timeout=5"
}

// past is how a client reaches a server that does not go through the pooler.
func (w *world) past(port int, db string) string {
	s := w.source
	s.Port = port
	return s.DSN(db, client) + " password=" + client + " connect_timeout=5"
}

// at is how Lull's own role reaches a server: no fence keeps a superuser out.
func (w *world) at(port int, db string) string {
	s := w.source
	s.Port = port
	return s.DSN(db, superuser) + " password=" + w.password + " connect_timeout=30"
}

// console is the pooler's own.
func (w *world) console(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(w.pooler.DSN("pgbouncer", superuser) + " password=" + w.password)
	if err != nil {
		return nil, err
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return pgx.ConnectConfig(ctx, cfg)
}

// command is lull, as a person types it.
func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.lull, args...)
	if w.disk != nil {
		cmd = w.disk.program(ctx, w.dir, w.lull, args...)
	}
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "EMAIL=", "XDG_CONFIG_HOME=/nonexistent")
	return cmd
}

// onTargetDisk is how this process reaches a file of the target's.
func (w *world) onTargetDisk(file string) string {
	if w.disk == nil {
		return file
	}
	return w.disk.path(file)
}

// running says that a process is there, and not only its name until somebody reaps it.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(after, "Z")
}

// postmaster is the process of the target, 0 when there is none.
func (w *world) postmaster() int {
	b, err := os.ReadFile(w.onTargetDisk(filepath.Join(w.target.Data, "postmaster.pid")))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0
	}
	return pid
}

// pgctl runs the target's pg_ctl where the target is.
func (w *world) pgctl(ctx context.Context, args ...string) error {
	cmd := w.new.Command(ctx, "pg_ctl", append(args, "--pgdata", w.target.Data)...)
	if w.disk != nil {
		who := []string{}
		if o := w.new.Owner; o.UID != 0 {
			who = []string{fmt.Sprintf("--reuid=%d", o.UID), fmt.Sprintf("--regid=%d", o.GID), "--clear-groups"}
		}
		cmd = w.disk.program(ctx, "/", "setpriv", append(append(who, cmd.Path), cmd.Args[1:]...)...)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl %s: %w: %s", args[0], err, out)
	}
	return nil
}

// startTarget is what a person does about a new server that is down.
func (w *world) startTarget(ctx context.Context) error {
	if pid := w.postmaster(); pid > 0 {
		soon(ctx, func() bool { return !there(pid) || running(pid) })
	}
	if err := w.pgctl(ctx, "status"); err == nil {
		return nil
	}
	return w.pgctl(ctx, "start", "--wait", "--silent", "--log", filepath.Join(w.spot, "person.log"),
		"--options", fmt.Sprintf("-p %d -k %s", w.target.Port, w.spot))
}

func (w *world) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var failed []error
	if w.clients != nil {
		w.clients.end()
	}
	if w.health != nil {
		w.health.CloseClientConnections()
		w.health.Close()
	}
	if pid := w.postmaster(); pid > 0 {
		soon(ctx, func() bool { return !there(pid) || running(pid) }) // not one that is dead and not reaped
	}
	if w.postmaster() > 0 && w.pgctl(ctx, "status") == nil {
		failed = append(failed, w.pgctl(ctx, "stop", "--wait", "--silent", "--mode", "immediate"))
	}
	if w.disk != nil {
		failed = append(failed, w.disk.close())
	}
	failed = append(failed, w.pooler.Stop(ctx))
	if _, err := os.Stat(w.source.Data); err == nil {
		failed = append(failed, w.source.Stop(ctx, "immediate"))
	}
	for _, p := range []*faultnet.Proxy{w.toSource, w.toPooler} {
		if p != nil {
			p.Close()
		}
	}
	if w.near != "" {
		failed = append(failed, os.RemoveAll(w.near))
	}
	return errors.Join(failed...)
}
