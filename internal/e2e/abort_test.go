package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/timeline"
)

// TestAbortLeavesTheSourceAsItWas kills a run far on its way, aborts, kills the abort, and
// aborts again: the source and its pooler are then as if nothing had been.
func TestAbortLeavesTheSourceAsItWas(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each point to stop at is an upgrade of its own: left to the long form")
	}
	places := []string{theSwitch}
	if *long {
		places = steps[1 : slices.Index(steps, theSwitch)+1]
	}
	for _, place := range places {
		t.Run(path.Base(place), func(t *testing.T) { abortIn(t, place) })
	}
}

func abortIn(t *testing.T, place string) {
	random := rand.New(rand.NewPCG(max(1, *seed), 0))
	some := func() time.Duration { return time.Duration(random.Int64N(int64(soon))) }
	g := lay(t)
	c := g.startClients(t)
	before := g.fingerprint(t)
	g.ask(t, "schedule", "plan.yaml")
	g.liveUntil(t, moment{place: place, after: kind("step_started"), wait: some()})
	if place == theSwitch {
		g.makeHoldsLast(t, true)
		g.liveUntil(t, moment{place: place, after: kind(held)})
	}
	g.makeHoldsLast(t, false)
	undone := steps[random.IntN(slices.Index(steps, place))]
	g.begin(t, "abort").until([]moment{{wait: some(), after: func(f fact) bool { return f.Kind == "step_undone" && f.Event.Step == undone }}})
	g.ask(t, "abort", "plan.yaml")

	c.verify(t)
	eventually(t, "the end of lull's sessions", func() bool { return len(g.leftOn(t, g.source.Port)) == 0 })
	verifySame(t, before, g.fingerprint(t))
	g.verifyFolder(t)
	g.verifyProcesses(t)
	g.verifyBanners(t)
	if _, err := os.Stat(g.touched()); err == nil {
		t.Error("what the plan's command made is still there")
	}
	if state := g.state(t); state != "cancelled" {
		t.Errorf("the maintenance is %s", state)
	}
	verifyCancelled(t, g.record(t))
	if page := g.page(t); !strings.Contains(page, "Cancelled") || !strings.Contains(page, "called off") {
		t.Errorf("the page does not say that it was cancelled: %s", page)
	}
	g.refusesToRun(t)
}

// liveUntil is one life that ends at the moment.
func (g *ground) liveUntil(t *testing.T, m moment) {
	t.Helper()
	if _, killed := g.begin(t, "run").until([]moment{m}); killed == nil {
		t.Fatal("the run came to its end before it could be killed")
	}
}

func verifyCancelled(t *testing.T, entries []timeline.Entry) {
	t.Helper()
	n := count(entries)
	for kind, times := range map[string]int{"scheduled": 1, "started": 1, "banner_changed true": 1, "banner_changed false": 1, "cancelled": 1, "completed": 0, "step_failed": 0} {
		if n[kind] != times {
			t.Errorf("the record has %q %d times, not %d", kind, n[kind], times)
		}
	}
	if last := entries[len(entries)-1].Event.Kind(); last != "cancelled" {
		t.Errorf("the record ends with %q", last)
	}
	if t.Failed() {
		tell(t, entries)
	}
}

// page serves the status page for as long as it takes to read it once.
func (g *ground) page(t *testing.T) string {
	t.Helper()
	cmd := g.command(t.Context(), "serve")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() {
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			t.Errorf("lull serve: %v", err)
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(line, "Status page: "))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"maintenance/"+id, nil)
	must(t, err)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	must(t, err)
	return fmt.Sprintf("%s\n%s", res.Status, page)
}

func (g *ground) refusesToRun(t *testing.T) {
	t.Helper()
	out, err := g.command(t.Context(), "run", "plan.yaml").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "was called off") {
		t.Errorf("lull run after the abort: %v: %s", err, out)
	}
}
