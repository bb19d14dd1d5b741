package demo

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/pgserver"
)

// The files are ones that Lull takes, from a folder with an awkward name too.
func TestFilesAreOrdinary(t *testing.T) {
	t.Parallel()
	g := &Ground{Dir: t.TempDir(), Servers: "/elsewhere", passwords: map[string]string{superuser: "one", appRole: "two"}}
	if err := g.secrets(); err != nil {
		t.Fatal(err)
	}
	g.Source.Port, g.Target = 20001, pgserver.Server{Install: pgserver.Install{Major: 18}, Data: "/elsewhere/it's \"pg17\"", Port: 20002}
	g.Pooler = pgserver.PgBouncer{Dir: g.Dir + "/servers/pgbouncer", Port: 20003}
	sites := []Site{{Name: "www", Repository: g.Dir + "/sites/www", URL: "http://127.0.0.1:4000/"}}
	now := time.Date(2026, 12, 5, 4, 30, 59, 0, time.UTC)
	f, err := g.writeFiles(sites, "127.0.0.1:20004", "http://127.0.0.1:4010/health", now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(f.Config)
	if err != nil {
		t.Fatal(err)
	}
	p, err := config.LoadPlan(f.Plan, c)
	if err != nil {
		t.Fatal(err)
	}
	start, end, err := p.Window.Resolve()
	if err != nil || start.After(now) || now.Sub(start) >= time.Minute || end.Sub(start) != windowAllow {
		t.Errorf("the window is %s to %s, %v", start, end, err)
	}
	main := c.Clusters["main"]
	source, err := main.Source.Conninfo()
	if err != nil || source.Reveal() != "host=127.0.0.1 port=20001 user=lull dbname=postgres password=one" {
		t.Errorf("the source is reached with %s, %v", main.Source, err)
	}
	if main.Target.Data != g.Target.Data || main.Target.Port != 20002 || c.Poolers["main"].Config != g.Pooler.Config() || c.Sites["www"].Repository != sites[0].Repository {
		t.Errorf("got %+v", c)
	}
	if f.Page != c.Server.URL+"/" || p.Steps[1].Upgrade.To != 18 || p.Steps[2].Check.HTTP != "http://127.0.0.1:4010/health" {
		t.Errorf("got %+v, page %s", p, f.Page)
	}
}
