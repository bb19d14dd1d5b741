package roles_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/roles"
)

const (
	old = "old-Kah7-quoo9"
	new = "new-eeV2-aiNg5"
)

// ground is an old server behind a pooler, and the new one that is being made of it.
type ground struct {
	servers []*pgtest.Server
	pooler  *pgtest.Bouncer
	users   string // the pooler's file
	r       roles.Rotation
	handed  []roles.Secret
}

func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{}
	for _, major := range []int{13, 17} {
		s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"app"}, Settings: map[string]string{"log_statement": "all", "log_min_duration_statement": "0"}})
		s.Exec(t, "postgres", `SET password_encryption = 'md5'`, `CREATE ROLE web LOGIN PASSWORD '`+old+`'`, `CREATE ROLE etl LOGIN PASSWORD '`+old+`'`)
		if err := s.Owner.WriteFile(filepath.Join(s.Data, "pg_hba.conf"), []byte("local all all scram-sha-256\nhost all all all md5\n")); err != nil {
			t.Fatal(err)
		}
		s.Exec(t, "postgres", `SELECT pg_reload_conf()`)
		g.servers = append(g.servers, s)
		g.r.Servers = append(g.r.Servers, cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password})
	}
	g.pooler = pgtest.StartBouncer(t, g.servers[0], pgtest.BouncerOptions{Users: map[string]string{"web": old, "etl": old}, Settings: map[string]string{"auth_type": "md5"}}, "app")
	g.users = filepath.Join(g.pooler.Dir, "users.txt")
	if err := os.Chmod(g.users, 0o640); err != nil {
		t.Fatal(err)
	}
	g.r.Poolers = []gate.Pooler{{Name: "main", Kind: gate.PgBouncer, Admin: g.pooler.PgBouncer.DSN("pgbouncer", pgtest.Superuser) + " password=" + g.pooler.Password, Config: g.pooler.Config()}}
	g.r.Hand = func(_ context.Context, s roles.Secret) error { g.handed = append(g.handed, s); return nil }
	return g
}

func (g *ground) ways(role, password string) map[string]string {
	out := map[string]string{"pooler": g.pooler.PgBouncer.DSN("app", role) + " default_query_exec_mode=simple_protocol password=" + password}
	for _, s := range g.servers {
		out[fmt.Sprint("server ", s.Major)] = s.Server.DSN("app", role) + " password=" + password
	}
	return out
}

// lets shows that everybody lets the role in by the one password, and by the other not.
func (g *ground) lets(t *testing.T, role, by, notBy string) {
	t.Helper()
	for way, dsn := range g.ways(role, by) {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err == nil {
			_, err = conn.Exec(t.Context(), "SELECT 1")
			_ = conn.Close(t.Context())
		}
		if err != nil {
			t.Errorf("%s cannot log in at the %s: %v", role, way, err)
		}
	}
	for way, dsn := range g.ways(role, notBy) {
		if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("%s logs in at the %s by the other password", role, way)
		}
	}
}

func (g *ground) verifiers(t *testing.T) (out []string) {
	t.Helper()
	for _, s := range g.servers {
		var v string
		if err := s.Connect(t, "postgres").QueryRow(t.Context(), `SELECT rolpassword FROM pg_authid WHERE rolname = 'web'`).Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	b, err := os.ReadFile(g.users)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, string(b))
}

func TestRotate(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	g.lets(t, "web", old, new)
	done, err := g.r.Do(t.Context(), "web", new)
	if err != nil {
		t.Fatal(err)
	}
	if done.Was != "md5" || done.Servers != 2 || len(done.Poolers) != 1 || len(g.handed) != 1 || g.handed[0].Password != new {
		t.Errorf("%+v, handed over %d", done, len(g.handed))
	}
	g.lets(t, "web", new, old)
	g.lets(t, "etl", old, new)
	v := g.verifiers(t)
	if v[0] != v[1] || !strings.HasPrefix(v[0], "SCRAM-SHA-256$4096:") || !strings.Contains(v[2], v[0]) {
		t.Errorf("they are not alike: %q", v)
	}
	if info, err := os.Stat(g.users); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the users' file has mode %v, %v", info.Mode(), err)
	}
	for _, s := range g.servers {
		said, err := os.ReadFile(s.Data + ".log")
		if err != nil {
			t.Fatal(err)
		}
		if text := string(said); strings.Contains(text, new) || strings.Contains(text, v[0]) || !strings.Contains(text, "CREATE ROLE web") {
			t.Error("the server's log has the new password, or what is kept of it, or is not kept at all")
		}
	}
}

// The same password in another form changes nothing for those who log in, nor for those who are there: the pooler
// opens new connections to the server for them.
func TestRotateToTheSame(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	dsn := g.ways("web", old)["pooler"]
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := g.r.Do(t.Context(), "web", old); err != nil {
		t.Fatal(err)
	}
	if _, err := g.pooler.Connect(t, "pgbouncer").Exec(t.Context(), "RECONNECT"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("a client that was there before: %v", err)
	}
	g.lets(t, "web", old, new)
}

// Whatever fails, all is as it was.
func TestRotateTakesBack(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	before := g.verifiers(t)
	failed := errors.New("the safe is full")
	same := func(name string) {
		t.Helper()
		for i, v := range g.verifiers(t) {
			if v != before[i] {
				t.Errorf("%s: %q became %q", name, before[i], v)
			}
		}
		if left, err := filepath.Glob(filepath.Join(g.pooler.Dir, "*.lull")); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %q, %v", name, left, err)
		}
	}
	g.r.Hand = func(context.Context, roles.Secret) error { return failed }
	if _, err := g.r.Do(t.Context(), "web", new); !errors.Is(err, failed) {
		t.Error(err)
	}
	same("hand")
	g.servers[1].Exec(t, "postgres", `ALTER ROLE web RENAME TO gone`)
	if _, err := g.r.Do(t.Context(), "web", new); err == nil || !strings.Contains(err.Error(), "no role") {
		t.Error(err)
	}
	g.servers[1].Exec(t, "postgres", `ALTER ROLE gone RENAME TO web`, `ALTER ROLE web PASSWORD '`+before[1]+`'`)
	same("role")
	g.r.Hand = func(context.Context, roles.Secret) error {
		g.servers[1].Exec(t, "postgres", `ALTER ROLE web RENAME TO gone`)
		return nil
	}
	if _, err := g.r.Do(t.Context(), "web", new); err == nil {
		t.Error("the second server has no such role any more")
	}
	g.servers[1].Exec(t, "postgres", `ALTER ROLE gone RENAME TO web`, `ALTER ROLE web PASSWORD '`+before[1]+`'`)
	same("second server")
	g.r.Hand = func(ctx context.Context, _ roles.Secret) error { return g.pooler.Stop(ctx) }
	if _, err := g.r.Do(t.Context(), "web", new); err == nil {
		t.Error("the pooler did not run any more")
	}
	same("pooler")
	for _, s := range g.servers {
		conn, err := pgx.Connect(t.Context(), s.Server.DSN("app", "web")+" password="+old)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close(t.Context())
	}
}
