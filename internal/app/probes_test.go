package app

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

const watchedPlan = `
maintenance: move
title: Move
summary: We move.
window: {start: 2026-12-05 17:00, zone: UTC, allow: 2h}
components: {app: under_maintenance}
steps: [{confirm: Is it done?}]
`

func watched(t *testing.T, site, app string) (*App, *config.Plan) {
	t.Helper()
	dir := t.TempDir()
	a := opened(t, dir, "components:\n"+
		"  app: {name: App, probes: [{http: "+app+"}, {http: "+app+"/2}, {tcp: 127.0.0.1:1}]}\n"+
		"  other: {name: Other, probes: [{http: "+app+"}]}\n"+
		"sites: {www: {repository: www, banner: banner.yml, url: "+site+"}}\n")
	file := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(file, []byte(watchedPlan), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := config.LoadPlan(file, a.Config)
	if err != nil {
		t.Fatal(err)
	}
	return a, p
}

// awaitKept waits until the journal has what is wanted of the site.
func awaitKept(t *testing.T, a *App, want func(u maint.Uptime) bool) {
	t.Helper()
	s := &siteProbes{Journal: a.store}
	var last kept
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if last, err = s.earlier(context.Background(), "move"); err != nil {
			t.Fatal(err)
		}
		if len(last.Tallies) > 0 && want(uptime(last.Tallies[0], false)) {
			return
		}
	}
	t.Fatalf("kept is %+v", last)
}

// A run that is killed while a site is down: the next one goes on counting, and the outage
// reaches from the first look that failed to the first good one, in another life.
func TestSitesAreCountedThroughEveryLife(t *testing.T) {
	t.Parallel()
	site, app := newMoody(t), newMoody(t)
	app.status.Store(http.StatusServiceUnavailable)
	a, p := watched(t, site.URL, app.URL)

	first := a.newSiteProbes(p)
	lease, err := first.Acquire(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	site.status.Store(http.StatusBadGateway)
	awaitKept(t, a, func(u maint.Uptime) bool { return len(u.Outages) == 1 && !u.Outages[0].Over })
	first.stop() // killed: nothing more is kept, and the lock goes with the process
	<-first.done
	release(t.Context(), first.Journal, lease)

	site.status.Store(http.StatusOK)
	second := a.newSiteProbes(p)
	if lease, err = second.Acquire(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	awaitKept(t, a, func(u maint.Uptime) bool { return len(u.Outages) == 1 && u.Outages[0].Over })
	if err := second.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}

	third := a.newSiteProbes(p)
	runner := &run.Runner{Journal: third, Log: a.store, Now: time.Now}
	for range 2 { // once more changes nothing
		if err := runner.Run(t.Context(), p.ID, []run.Item{third.item()}); err != nil {
			t.Fatal(err)
		}
	}
	e := sitesProbed(t, a, p.ID)
	if len(e.Watched) != 3 || !e.Watched[0].To.Before(e.Watched[1].From) {
		t.Errorf("watched %+v", e.Watched)
	}
	names := map[string]bool{}
	for _, u := range e.Sites {
		names[u.Name] = u.Component
	}
	if len(e.Sites) != 3 || names["www"] || !names["App"] || !names["App (2)"] {
		t.Errorf("asked %v", names)
	}
	www := e.Sites[0]
	if www.Name != "www" || len(www.Outages) != 1 || www.Failures < 1 || www.Probes <= www.Failures {
		t.Fatalf("of www: %+v", www)
	}
	o := www.Outages[0]
	if !o.Over || o.From.Before(e.Watched[0].From) || o.From.After(e.Watched[0].To) || o.To.Before(e.Watched[1].From) || www.Down() != o.To.Sub(o.From) {
		t.Errorf("the outage is %+v, watched %+v", o, e.Watched)
	}
}

func sitesProbed(t *testing.T, a *App, id maint.ID) (out maint.SitesProbed) {
	t.Helper()
	entries, err := a.store.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, entry := range entries {
		switch e := entry.Event.(type) {
		case maint.SitesProbed:
			n, out = n+1, e
		case maint.Noted:
			if e.Figures["site_probe_failures"] != float64(out.Sites[0].Failures) || e.Figures["site_downtime_s"] != out.Sites[0].Down().Seconds() {
				t.Errorf("the figures are %v", e.Figures)
			}
		}
	}
	if n != 1 {
		t.Fatalf("it is on record %d times", n)
	}
	return out
}
