package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// health is the status that a replica gives of itself, "" while it does not answer.
func health(t *testing.T, url string) string {
	t.Helper()
	a, err := ask(t, url+"/healthz", "")
	if err != nil {
		return ""
	}
	var said struct{ Status string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil {
		return ""
	}
	return said.Status
}

// pageReaders ask for the page again and again, as browsers and monitors do.
type pageReaders struct {
	noticed                       atomic.Bool // that the replica is gone
	read, same, before, afterward atomic.Int64
}

func (p *pageReaders) run(ctx context.Context, t *testing.T, url string) {
	etag := ""
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for ; ctx.Err() == nil; <-pace.C {
		noticed := p.noticed.Load()
		a, err := ask(t, url, etag)
		p.read.Add(1)
		switch {
		case err == nil && a.status == http.StatusOK:
			etag = a.etag
		case err == nil && a.status == http.StatusNotModified:
			p.same.Add(1)
		case noticed:
			p.afterward.Add(1)
			t.Errorf("a reader got an error: %d, %v", a.status, err)
		default:
			p.before.Add(1)
		}
	}
}

// listener is a browser that listens for events, and comes back when it is cut off.
type listener struct {
	mu    sync.Mutex
	last  string
	seen  []int64
	times int // that it came back
}

func (l *listener) run(ctx context.Context, url string) {
	for ; ctx.Err() == nil; l.times++ {
		l.listen(ctx, url)
	}
}

func (l *listener) listen(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events?after=0", nil)
	if err != nil {
		return
	}
	if l.last != "" {
		req.Header.Set("Last-Event-ID", l.last)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	var id, event string
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case key == "id":
			id = value
		case key == "event":
			event = value
		case lines.Text() == "" && id != "": // the end of an event (HTML standard, section 9.2.6)
			l.took(id, event)
			id, event = "", ""
		}
	}
}

func (l *listener) took(id, event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = id
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && event == "entry" {
		l.seen = append(l.seen, n)
	}
}

func (l *listener) heard() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// crowd is everybody who reads, through the proxy.
type crowd struct {
	pages     pageReaders
	listeners []*listener
	stop      func()
}

func gather(t *testing.T, url string) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	c := &crowd{stop: func() { cancel(); all.Wait() }}
	t.Cleanup(c.stop)
	for range 4 {
		all.Go(func() { c.pages.run(ctx, t, url+"/") })
	}
	for range 8 {
		l := &listener{}
		c.listeners = append(c.listeners, l)
		all.Go(func() { l.run(ctx, url) })
	}
	return c
}

// heard waits until every listener has got as many entries, and looks that none came twice and none is missing.
func (c *crowd) heard(t *testing.T, entries int) {
	t.Helper()
	for i, l := range c.listeners {
		eventually(t, fmt.Sprintf("%d entries at listener %d", entries, i), func() bool { return len(l.heard()) >= entries })
		if got := l.heard(); len(got) != entries || !slices.Equal(got, c.listeners[0].heard()) || !slices.IsSorted(got) || len(slices.Compact(got)) != entries {
			t.Errorf("listener %d, which came back %d times, heard %v", i, l.times, got)
		}
	}
}

// TestReplicas: one of two servers is killed under load, and then the database of both goes away.
func TestReplicas(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs for a minute: left to the long form")
	}
	r := layReplicas(t)
	r.say(t, "open", "slow", "--title", "Slow answers", "--text", "We are looking into it.", "--component", "app=degraded_performance")
	said := 1
	c := gather(t, r.public)
	r.update(t, 4)
	said += 4
	c.heard(t, said)

	victim, other := r.each[0], r.each[1]
	kill(victim.cmd)
	r.update(t, 3) // while the proxy finds out
	said += 3
	eventually(t, "HAProxy noticing", func() bool { return strings.HasPrefix(r.noticed(t, victim), "DOWN") })
	c.pages.noticed.Store(true)
	after := c.pages.read.Load()
	r.update(t, 3)
	said += 3
	c.heard(t, said)
	eventually(t, "readers who read on", func() bool { return c.pages.read.Load() > after+100 })
	t.Logf("%d reads, %d errors before the proxy noticed and %d after", c.pages.read.Load(), c.pages.before.Load(), c.pages.afterward.Load())

	r.serve(t, victim)
	eventually(t, "HAProxy noticing that it is back", func() bool { return strings.HasPrefix(r.noticed(t, victim), "UP") })
	agree(t, victim.url, other.url)
	r.withoutStore(t)
	r.update(t, 1)
	said++
	c.heard(t, said)
	agree(t, victim.url, other.url)
	c.stop()
	if c.pages.same.Load() == 0 {
		t.Error("nobody was told that the page is the same")
	}
}

// agree waits until two replicas show the same, and looks that it is the same to every byte.
func agree(t *testing.T, one, two string) {
	t.Helper()
	for _, path := range []string{"/", "/incidents/slow"} {
		var a answer
		eventually(t, "one state of both at "+path, func() bool {
			var err error
			a, err = ask(t, one+path, "")
			must(t, err)
			b, err := ask(t, two+path, a.etag)
			must(t, err)
			return a.status == http.StatusOK && b.status == http.StatusNotModified
		})
		b, err := ask(t, two+path, "")
		must(t, err)
		if a != b {
			t.Errorf("%s is not the same: %q and %q", path, a.etag, b.etag)
		}
	}
}

// withoutStore takes the database away and brings it back. Readers see the last state meanwhile, and how old it is.
func (r *replicas) withoutStore(t *testing.T) {
	t.Helper()
	must(t, r.store.Stop(t.Context(), "fast"))
	for _, x := range r.each {
		eventually(t, "the age of the page of "+x.name, func() bool { return health(t, x.url) == "stale" })
		a, err := ask(t, x.url+"/", "")
		must(t, err)
		if a.status != http.StatusOK || !strings.Contains(a.body, "Slow answers") || !strings.Contains(a.body, " old.") {
			t.Errorf("without the database %s answered %d:\n%s", x.name, a.status, a.body)
		}
	}
	must(t, r.store.Spawn(t.Context(), nil))
	for _, x := range r.each {
		eventually(t, x.name+" having come back by itself", func() bool { return health(t, x.url) == "ok" })
	}
}
