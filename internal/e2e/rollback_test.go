package e2e

import (
	"math/rand/v2"
	"strconv"
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
	g.ask(t, "schedule", "plan.yaml")
	g.ask(t, "run", "plan.yaml")
	g.verifyMoved(t)
	killed := 0
	for _, m := range momentsBack(random) {
		_, at := g.begin(t, "rollback").until([]moment{m})
		if at == nil {
			break // it came to its end before the moment did
		}
		killed++
	}
	t.Logf("killed %d times", killed)
	if killed < 3 {
		t.Errorf("the rollback was killed %d times only", killed)
	}
	if g.state(t) != "cancelled" {
		g.ask(t, "rollback", "plan.yaml")
	}
	for _, db := range databases {
		if got := column(t, g.through(db), "SELECT current_setting('port')"); got[0] != strconv.Itoa(g.source.Port) {
			t.Errorf("clients of %s are at port %s, the old server is at %d", db, got[0], g.source.Port)
		}
	}
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

// momentsBack are when rollbacks are killed: soon after each step begins, and shortly before the hold or in it.
func momentsBack(random *rand.Rand) (out []moment) {
	begins := func(step string) func(fact) bool {
		return func(f fact) bool { return f.Kind == "step_started" && f.Event.Step == "upgrade/rollback/"+step }
	}
	within := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	out = append(out, moment{name: "in ready", after: begins("ready"), wait: within(soon)})
	for range 3 {
		out = append(out, moment{name: "near the hold", after: ready, wait: within(80 * time.Millisecond)})
	}
	for _, step := range []string{"after", "tidy-up"} {
		out = append(out, moment{name: "in " + step, after: begins(step), wait: within(soon / 3)})
	}
	return out
}
