package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/probe"
	"github.com/lullhq/lull/internal/timeline"
)

// patience is how long a test waits for what comes at its own time.
const patience = time.Minute

// opened is the app with a store of its own and what lull.yaml has besides.
func opened(t *testing.T, dir, lines string) *App {
	t.Helper()
	file := filepath.Join(dir, "lull.yaml")
	if err := os.WriteFile(file, []byte("organization: Example\n"+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), file, "lull")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// moody is a real server that is told how it feels.
type moody struct {
	*httptest.Server
	status atomic.Int32
}

func newMoody(t *testing.T) *moody {
	t.Helper()
	m := &moody{}
	m.status.Store(http.StatusOK)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(m.status.Load())) }))
	t.Cleanup(m.Close)
	return m
}

// started probes until stop is called.
func started(t *testing.T, p *prober) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.run(ctx) })
	return func() { cancel(); wg.Wait() }
}

// history is what the record says of a component, a line an event.
func history(t *testing.T, a *App, id maint.ID) (lines []string, entries []timeline.Entry) {
	t.Helper()
	entries, err := a.store.History(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if p, ok := e.Event.(maint.ComponentProbed); ok {
			lines = append(lines, fmt.Sprintf("%s %s: %s", p.Name, p.Status, p.Text))
		}
	}
	return lines, entries
}

func awaitHistory(t *testing.T, a *App, id maint.ID, want ...string) []timeline.Entry {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		got, entries := history(t, a, id)
		if slices.Equal(got, want) {
			return entries
		}
		if time.Now().After(end) {
			t.Fatalf("the record of %s says %q, want %q", id, got, want)
		}
	}
}

// What probes find of a component is on record once it is certain, and only when it changes.
func TestProbesAreRecorded(t *testing.T) {
	t.Parallel()
	site := newMoody(t)
	dir := t.TempDir()
	probed := "components:\n  app: {name: App, probes: [{http: " + site.URL + ", every: 1s, timeout: 1s, impact: partial_outage}]}\n"
	a := opened(t, dir, probed)
	app := maint.ComponentID("app")
	began := time.Now()
	stop := started(t, a.newProber())
	site.status.Store(http.StatusBadGateway)
	awaitHistory(t, a, app, "App partial_outage: answered 502")
	site.status.Store(http.StatusOK)
	entries := awaitHistory(t, a, app, "App partial_outage: answered 502", "App operational: answers again")
	stop()
	for _, e := range entries {
		if since := e.Event.(maint.ComponentProbed).Since; !since.Before(e.At) || since.Before(began.Add(-time.Second)) {
			t.Errorf("recorded at %s what is said to hold since %s", e.At, since)
		}
	}

	site.status.Store(http.StatusTeapot)
	stop = started(t, a.newProber()) // the lease is free again
	awaitHistory(t, a, app, "App partial_outage: answered 502", "App operational: answers again", "App partial_outage: answered 418")
	stop()

	// Without its probes nothing else would ever say that it is well.
	unprobed := opened(t, dir, "components:\n  app: {name: App}\n")
	stop = started(t, unprobed.newProber())
	defer stop()
	awaitHistory(t, unprobed, app, "App partial_outage: answered 502", "App operational: answers again", "App partial_outage: answered 418", "App operational: is not probed any more")
}

// Of two servers on one store one probes; when it ends the other one does.
func TestOneReplicaProbes(t *testing.T) {
	t.Parallel()
	site := newMoody(t)
	a := opened(t, t.TempDir(), "components:\n  app: {name: App, probes: [{http: "+site.URL+", every: 1s, timeout: 1s}]}\n")
	one, two := a.newProber(), a.newProber()
	stopOne := started(t, one)
	awaitLooks(t, one)
	stopTwo := started(t, two)
	defer stopTwo()
	before := looks(one)
	for end := time.Now().Add(patience); looks(one) < before+2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the first one has stopped to look")
		}
	}
	if n := looks(two); n != 0 {
		t.Errorf("the second one has looked %d times", n)
	}
	stopOne()
	awaitLooks(t, two)
}

func looks(p *prober) (n int64) {
	for _, c := range p.counts() {
		n += c.Looks
	}
	return n
}

func awaitLooks(t *testing.T, p *prober) {
	t.Helper()
	for end := time.Now().Add(patience); looks(p) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was looked at")
		}
	}
}

// While the store cannot be written, conclusions wait in their order.
func TestConclusionsWait(t *testing.T) {
	t.Parallel()
	p := &prober{wake: make(chan struct{}, 1)}
	for i := range mostWaiting + 2 {
		p.told(probe.Conclusion{Component: fmt.Sprint(i)})
	}
	c, ok := p.next()
	if !ok || c.Component != "2" || len(p.waiting) != mostWaiting {
		t.Fatalf("%d wait, the first is %+v", len(p.waiting), c)
	}
	p.done(probe.Conclusion{Component: "1"}) // fell off while it was written
	if c, _ = p.next(); c.Component != "2" {
		t.Errorf("the first is %+v", c)
	}
	p.done(c)
	if c, _ = p.next(); c.Component != "3" {
		t.Errorf("the first is %+v", c)
	}
}

// What lull probes prints has no secret in it.
func TestProbeOnce(t *testing.T) {
	t.Parallel()
	site := newMoody(t)
	a := opened(t, t.TempDir(), `
components:
  app:
    name: App
    probes:
      - {http: "`+site.URL+`/?token=hunter2", headers: {Authorization: hunter2}, expect: 204}
      - {tcp: "127.0.0.1:1"}
      - {dns: nowhere.invalid, timeout: 500ms}
      - {postgres: {dsn: "host=127.0.0.1 port=1 user=probe password=hunter2"}}
`)
	results := a.Probe(t.Context())
	var kinds []string
	for _, r := range results {
		kinds = append(kinds, r.Kind+" "+r.Status)
	}
	want := []string{"http major_outage", "tcp major_outage", "dns major_outage", "postgres major_outage"}
	if !slices.Equal(kinds, want) {
		t.Errorf("found %v, want %v: %+v", kinds, want, results)
	}
	if shown := fmt.Sprintf("%+v", results); strings.Contains(shown, "hunter2") {
		t.Errorf("a secret is shown: %s", shown)
	}
}
