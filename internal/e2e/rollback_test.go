package e2e

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRollbackLosesNothing completes a maintenance, goes back while clients work, and kills the
// way back at each of its steps. The source is then as it was found, with all that was
// committed on either server.
func TestRollbackLosesNothing(t *testing.T) {
	t.Parallel()
	n := max(1, *seed)
	if *long && *seed == 0 {
		n = rand.Uint64()
	}
	t.Logf("repeat with: go test ./internal/e2e -run TestRollbackLosesNothing -seed %d", n)
	random := rand.New(rand.NewPCG(n, 0))
	g := lay(t)
	c := g.startClients(t)
	before := g.fingerprint(t)
	if said := g.ask(t, "rehearse", "plan.yaml", "--with-rollback"); !strings.Contains(said, "The way back was tried in every database") || !strings.Contains(said, "Everything is as it was before.") {
		t.Errorf("the rehearsal says: %s", said)
	}
	eventually(t, "the end of lull's sessions", func() bool { return len(g.leftOn(t, g.source.Port)) == 0 })
	verifySame(t, before, g.fingerprint(t))
	g.verifyFolder(t)
	if said := g.ask(t, "check", "plan.yaml"); !strings.Contains(said, "Clients are held for") {
		t.Errorf("lull check does not say how long it will take: %s", said)
	}
	g.ask(t, "schedule", "plan.yaml")
	g.ask(t, "run", "plan.yaml")
	g.verifyMoved(t)
	g.verifyForecast(t)
	left := momentsBack(random)
	for at := new(moment); at != nil; {
		if left, at = g.begin(t, "rollback").until(left); at != nil {
			t.Logf("killed %s, %s", at.name, at.wait.Round(time.Millisecond))
		}
	}
	g.verifyBack(t)
	c.verify(t)
	eventually(t, "the end of lull's sessions", func() bool { return len(g.leftOn(t, g.source.Port)) == 0 })
	verifySame(t, before, g.fingerprint(t))
	g.verifyFolder(t, "pg17", "pg17.server.log")
	g.verifyProcesses(t)
	if entries := g.record(t); entries[len(entries)-1].Event.Kind() != "rolled_back" {
		t.Errorf("the record ends with %q", entries[len(entries)-1].Event.Kind())
	}
	g.refusesToRun(t)
}

// verifyBack asks every database, the way the application does, whether it is on the old server.
func (g *ground) verifyBack(t *testing.T) {
	t.Helper()
	for _, db := range databases {
		if got := column(t, g.through(db), "SELECT current_setting('port')"); got[0] != strconv.Itoa(g.source.Port) {
			t.Errorf("clients of %s are at port %s, the old server is at %d", db, got[0], g.source.Port)
		}
	}
}

// momentsBack are when rollbacks are killed: soon after each step begins, and shortly before the hold or in it.
func momentsBack(random *rand.Rand) (out []moment) {
	for _, step := range back {
		if step == "upgrade/rollback/switch" {
			for range 3 {
				out = append(out, moment{name: "after the watchdog was ready", place: step, after: ready, wait: time.Duration(random.Int64N(int64(60 * time.Millisecond)))})
			}
			continue
		}
		out = append(out, moment{name: "soon after the start of " + step, place: step, after: kind("step_started"), wait: time.Duration(random.Int64N(int64(soon / 3)))})
	}
	return out
}
