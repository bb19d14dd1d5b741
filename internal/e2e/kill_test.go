package e2e

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilledAnywhere runs a maintenance and kills it at every step, again and again. The same
// command carries on each time, and the clients of three databases notice nothing but a wait.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each life is an upgrade of its own: left to the long form")
	}
	seeds := []uint64{1}
	if *long {
		seeds = []uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()}
	}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	for _, n := range seeds {
		t.Run("seed "+strconv.FormatUint(n, 10), func(t *testing.T) { killAnywhere(t, n) })
	}
}

func killAnywhere(t *testing.T, n uint64) {
	again := 1
	if *long {
		again = 3
	}
	t.Logf("repeat with: go test ./internal/e2e -run TestKilledAnywhere -seed %d -long=%v", n, *long)
	g := lay(t)
	settings := g.poolerSettings(t)
	c := g.startClients(t)
	g.ask(t, "schedule", "plan.yaml")
	g.liveToTheEnd(t, rand.New(rand.NewPCG(n, 0)), again)
	if state := g.state(t); state != "completed" {
		t.Errorf("the maintenance is %s", state)
	}
	g.verifyHolds(t)
	g.verifyMoved(t)
	c.verify(t)
	verifyCompleted(t, g.record(t))
	g.ask(t, "finish", "plan.yaml")
	g.verifyNothingLeft(t)
	verifySame(t, map[string]string{"pooler: settings": settings}, map[string]string{"pooler: settings": g.poolerSettings(t)})
	for _, f := range leftByGate(t, g.pooler.Dir) {
		t.Errorf("left beside the pooler's configuration: %s", f)
	}
	g.verifyBanners(t)
	t.Run("again", func(t *testing.T) { g.hasNothingLeftToDo(t) })
	t.Run("report", func(t *testing.T) { g.reports(t) })
}

// liveToTheEnd starts lull run again and again until one comes to its end by itself.
func (g *ground) liveToTheEnd(t *testing.T, random *rand.Rand, again int) {
	t.Helper()
	left := moments(random, again)
	planned, began := len(left), time.Now()
	for lives := 1; ; lives++ {
		g.makeHoldsLast(t, len(left) > 0 && left[0].lasting)
		var at *moment
		if left, at = g.begin(t, "run").until(left); at == nil {
			t.Logf("%d lives in %s, %d moments missed or left", lives, time.Since(began).Round(time.Second), planned-lives+1)
			return
		}
		t.Logf("%6.2f s  killed %s, %s", time.Since(began).Seconds(), at.name, at.wait.Round(time.Millisecond))
		if lives > planned {
			t.Fatal("it does not come to an end")
		}
	}
}

// verifyMoved asks every database, the way the application does, where it is.
func (g *ground) verifyMoved(t *testing.T) {
	t.Helper()
	for _, db := range databases {
		if got := column(t, g.through(db), "SELECT current_setting('server_version_num')::int / 10000 || ' at port ' || current_setting('port')"); got[0] != strconv.Itoa(toMajor)+" at port "+strconv.Itoa(g.target.Port) {
			t.Errorf("clients of %s are on %s", db, got[0])
		}
		if old := column(t, g.at(g.source.Port, db), "SELECT application_name FROM pg_stat_activity WHERE usename = '"+client+"'"); len(old) > 0 {
			t.Errorf("clients of %s are still on the old server: %v", db, old)
		}
	}
}

// verifyBanners looks that each site has two commits more, and its banner off.
func (g *ground) verifyBanners(t *testing.T) {
	t.Helper()
	for _, site := range []string{"www", "blog"} {
		dir := g.dir + "/sites/" + site
		if n := strings.TrimSpace(git(t, dir, "rev-list", "--count", "HEAD")); n != "3" {
			t.Errorf("site %s has %s commits: %s", site, n, git(t, dir, "log", "--oneline"))
		}
		if text := git(t, dir, "show", "HEAD:_data/banner_notification.yml"); !strings.Contains(text, "enabled: false") {
			t.Errorf("the banner of %s is on: %s", site, text)
		}
		if status := git(t, dir, "status", "--porcelain"); status != "" {
			t.Errorf("site %s is not clean: %s", site, status)
		}
	}
}

func (g *ground) hasNothingLeftToDo(t *testing.T) {
	t.Helper()
	before := len(g.record(t))
	if said := g.ask(t, "run", "plan.yaml"); !strings.Contains(said, "Nothing is left to do") {
		t.Errorf("a completed run, run again, says %q", said)
	}
	if after := len(g.record(t)); after != before {
		t.Errorf("it added %d facts to the record", after-before)
	}
}

func (g *ground) reports(t *testing.T) {
	t.Helper()
	text := g.ask(t, "report", "plan.yaml")
	for _, want := range []string{"title: ", "in 3 databases moved", "The app waited for", "had its planner statistics", "| Upgrade to PostgreSQL 17 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not have %q:\n%s", want, text)
		}
	}
}
