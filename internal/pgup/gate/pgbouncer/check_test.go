package pgbouncer

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// findings gives each finding something to find.
func findings(t *testing.T, p rig) {
	healthy := p.bouncer(t, pgtest.BouncerOptions{})
	ids := func(t *testing.T, pooler gate.Pooler, from gate.Addr) (out []string) {
		t.Helper()
		g, err := New(pooler, from, addr(p.target))
		must(t, err)
		defer g.Close()
		for _, f := range g.Check(t.Context(), time.Minute) {
			out = append(out, f.ID)
			if f.Text == "" || f.Hint == "" {
				t.Errorf("%s lacks words: %+v", f.ID, f)
			}
			if strings.Contains(f.Text, healthy.Password) {
				t.Errorf("%s tells the password", f.ID)
			}
		}
		return out
	}
	pooler := func(b *pgtest.Bouncer) gate.Pooler {
		return gate.Pooler{Name: "main", Admin: b.DSN("pgbouncer"), Config: b.Config()}
	}
	tests := []struct {
		name string
		want []string
		// with gives the pooler, and the source if it is not the one the pooler stands before.
		with func(t *testing.T) (gate.Pooler, gate.Addr)
	}{
		{"nothing", nil, func(*testing.T) (gate.Pooler, gate.Addr) {
			return pooler(healthy), addr(p.source)
		}},
		{"wrong password", []string{PoolerLogin}, func(*testing.T) (gate.Pooler, gate.Addr) {
			x := pooler(healthy)
			x.Admin = strings.Replace(x.Admin, healthy.Password, "wrong", 1)
			return x, addr(p.source)
		}},
		{"nobody listens", []string{PoolerLogin}, func(*testing.T) (gate.Pooler, gate.Addr) {
			x := pooler(healthy)
			x.Admin = "host=127.0.0.1 port=1 user=lull"
			return x, addr(p.source)
		}},
		{"stats user", []string{PoolerAdmin}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			b := p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{"admin_users": "someone", "stats_users": pgtest.Superuser}})
			return pooler(b), addr(p.source)
		}},
		{"session pooling", []string{PoolerSession}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			return pooler(p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{"pool_mode": "session"}})), addr(p.source)
		}},
		{"session pooling of one database", []string{PoolerSession}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			return pooler(p.bouncer(t, pgtest.BouncerOptions{Databases: map[string]string{"jobs": "host=10.0.0.1 pool_mode=session"}})), addr(p.source)
		}},
		{"clients are thrown out", []string{PoolerWait}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			return pooler(p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{"query_wait_timeout": "30"}})), addr(p.source)
		}},
		{"one database paused", []string{PoolerPaused}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			b := p.bouncer(t, pgtest.BouncerOptions{})
			_, err := open(t, b, p.source, p.target).main.run(t.Context(), "PAUSE postgres")
			must(t, err)
			return pooler(b), addr(p.source)
		}},
		{"siblings", []string{PoolerSiblings}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			return pooler(p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{"so_reuseport": "1"}})), addr(p.source)
		}},
		{"no entry", []string{PoolerEntries}, func(*testing.T) (gate.Pooler, gate.Addr) {
			return pooler(healthy), gate.Addr{Host: "127.0.0.1", Port: 1}
		}},
		{"target in use", []string{PoolerTarget}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			return pooler(pgtest.StartBouncer(t, p.target, pgtest.BouncerOptions{Databases: map[string]string{"old": "port=" + port(p.source)}}, "postgres")), addr(p.source)
		}},
		{"other file", []string{PoolerFileOther}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			x := pooler(healthy)
			b, err := os.ReadFile(x.Config)
			must(t, err)
			x.Config += ".copy"
			must(t, healthy.Owner.WriteFile(x.Config, b))
			return x, addr(p.source)
		}},
		{"broken file", []string{PoolerFile}, func(t *testing.T) (gate.Pooler, gate.Addr) {
			b := p.bouncer(t, pgtest.BouncerOptions{})
			must(t, b.Owner.WriteFile(b.Config(), []byte("[databases")))
			return pooler(b), addr(p.source)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x, from := tt.with(t)
			got := ids(t, x, from)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func port(s *pgtest.Server) string { return strings.TrimPrefix(addr(s).String(), "127.0.0.1:") }

func TestReadVersion(t *testing.T) {
	t.Parallel()
	tests := map[string][2]int{
		"PgBouncer 1.24.1": {1, 24}, "PgBouncer version 1.8": {1, 8}, "PgBouncer 1.25.0dev": {1, 25}, "1.18.0": {1, 18},
	}
	for _, text := range slices.Sorted(maps.Keys(tests)) {
		major, minor, ok := readVersion(text)
		if got := [2]int{major, minor}; !ok || got != tests[text] {
			t.Errorf("%q reads as %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "PgBouncer", "PgBouncer one.two"} {
		if _, _, ok := readVersion(text); ok {
			t.Errorf("%q reads as a version", text)
		}
	}
}
