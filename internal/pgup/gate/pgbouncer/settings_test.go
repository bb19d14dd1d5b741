package pgbouncer

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// configured makes sure that the pooler runs with a setting.
func configured(t *testing.T, b *pgtest.Bouncer, key, want string) {
	t.Helper()
	c, err := newConsole(b.DSN("pgbouncer"))
	must(t, err)
	defer c.close()
	rows, err := c.run(t.Context(), "SHOW CONFIG")
	must(t, err)
	for _, r := range rows {
		if r["key"] == key && r["value"] != want {
			t.Errorf("%s is %s, want %s", key, r["value"], want)
		}
	}
}

// settingsTakenBack leaves a gate as a process leaves it that is killed, and settles with another.
func settingsTakenBack(t *testing.T, p rig) {
	for name, cut := range map[string]func(*Gate, *testing.T){
		"after staging":   func(*Gate, *testing.T) {},
		"after the pause": func(g *Gate, t *testing.T) { must(t, g.Hold(soon(t, time.Minute))) },
		"after the resume": func(g *Gate, t *testing.T) {
			must(t, g.Hold(soon(t, time.Minute)))
			must(t, g.Release(soon(t, time.Second)))
		},
	} {
		b := p.bouncer(t, pgtest.BouncerOptions{})
		dead, err := New(gate.Pooler{Name: "main", Admin: b.DSN("pgbouncer"), Config: b.Config()}, addr(p.source), addr(p.target))
		must(t, err)
		must(t, dead.Stage(soon(t, time.Minute)))
		cut(dead, t)
		dead.main.close()
		dead.pauser.close()
		g := open(t, b, p.source, p.target)
		must(t, g.Release(soon(t, time.Minute)))
		g.Close()
		t.Log(name)
		configured(t, b, "server_login_retry", "15")
		configured(t, b, "server_idle_timeout", "600")
		configured(t, b, "max_db_connections", "0")
	}
}
