package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/run/runtest"
)

// site is a real server that can go away and come back on its port.
type site struct {
	t      *testing.T
	addr   string
	status atomic.Int32
	conns  atomic.Int32
	done   chan struct{}
	work   chan func() // done outside of a bubble of synctest, whose clock a waiting server would stop
	server *http.Server
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, work: make(chan func()), done: make(chan struct{})}
	s.status.Store(http.StatusOK)
	ports, err := pgserver.FreePorts(1) // of those that no outgoing connection takes while the site is down
	if err != nil {
		t.Fatal(err)
	}
	s.addr = fmt.Sprintf("127.0.0.1:%d", ports[0])
	s.up()
	go func() {
		for f := range s.work {
			f()
			s.done <- struct{}{}
		}
	}()
	t.Cleanup(func() { s.down(); close(s.work) })
	return s
}

func (s *site) up() {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.answer), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}}
	go func(server *http.Server) { _ = server.Serve(l) }(s.server) // ends with ErrServerClosed
}

func (s *site) down() {
	if err := s.server.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *site) answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/moved":
		http.Redirect(w, r, "/there?token=secret", http.StatusMovedPermanently)
	case "/short":
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("only this"))
	case "/endless":
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	default:
		w.WriteHeader(int(s.status.Load()))
	}
}

func (s *site) url(path string) string { return "http://" + s.addr + path }

// outside runs f where a bubble's clock does not reach, and waits for it.
func (s *site) outside(f func()) {
	s.work <- f
	<-s.done
}

func refusedWith(t *testing.T, err error, words, next string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(hint.Of(err), next) {
		t.Errorf("got %v (%s); want %q (%q)", err, hint.Of(err), words, next)
	}
	if err != nil && strings.Contains(err.Error()+hint.Of(err), "secret") {
		t.Errorf("a secret is shown: %v (%s)", err, hint.Of(err))
	}
}

// A site that goes down and comes back, one that answers badly for a while, and one that
// is well, seen to the second.
func TestOutagesAreSeenExactly(t *testing.T) {
	t.Parallel()
	www, docs, blog := newSite(t), newSite(t), newSite(t)
	synctest.Test(t, func(t *testing.T) {
		turns := 0
		p := New([]Target{
			{"www", HTTP{URL: www.url("/")}, time.Minute}, {"docs", HTTP{URL: docs.url("/"), Expect: []Statuses{{200, 200}}}, time.Minute}, {"blog", HTTP{URL: blog.url("/")}, time.Minute},
		}, time.Second, nil, func() { turns++ })
		ctx, cancel := context.WithCancel(t.Context())
		from := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { p.Run(ctx) })
		at := func(second int) time.Time { return from.Add(time.Duration(second) * time.Second) }
		until := func(second int) {
			time.Sleep(time.Until(at(second).Add(time.Second / 2)))
			synctest.Wait()
		}
		until(2)
		www.outside(www.down)
		docs.status.Store(http.StatusNoContent)
		until(5)
		www.outside(www.up)
		until(7)
		docs.status.Store(http.StatusOK)
		until(9)
		docs.status.Store(http.StatusBadGateway)
		until(10)
		cancel()
		wg.Wait()
		got := p.Tallies()
		if len(got[0].Outages) == 1 && strings.Contains(got[0].Outages[0].Reason, "connection refused") {
			got[0].Outages[0].Reason = "refused" // in the words of the system
		}
		for i, want := range []Tally{
			{Name: "www", Probes: 11, Failures: 3, Outages: []Interval{{From: at(3), To: at(6), Over: true, Failures: 3, Reason: "refused"}}},
			{Name: "docs", Probes: 11, Failures: 6, Outages: []Interval{
				{From: at(3), To: at(8), Over: true, Failures: 5, Reason: docs.url("/") + " answered 204, expected 200"},
				{From: at(10), To: at(10), Failures: 1, Reason: docs.url("/") + " answered 502, expected 200"},
			}},
			{Name: "blog", Probes: 11},
		} {
			if want.Slowest = got[i].Slowest; fmt.Sprintf("%+v", got[i]) != fmt.Sprintf("%+v", want) {
				t.Errorf("got  %+v\nwant %+v", got[i], want)
			}
		}
		if turns != 5 {
			t.Errorf("told of %d turns", turns)
		}
	})
	if n := blog.conns.Load(); n != 11 { // each look connects anew
		t.Errorf("%d connections for 11 probes", n)
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	y := Tally{Name: "www"}
	from := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	turns := []bool{}
	for i, took := range []time.Duration{30, 10, 0, 20, 40, 0, 0} {
		var err error
		if took == 0 {
			err = fmt.Errorf("failure %d", i)
		}
		turns = append(turns, y.add(from.Add(time.Duration(i)*time.Second), took*time.Millisecond, err))
	}
	second := func(i int) time.Time { return from.Add(time.Duration(i) * time.Second) }
	want := Tally{Name: "www", Probes: 7, Failures: 3, Slowest: 40 * time.Millisecond, Outages: []Interval{
		{From: second(2), To: second(3), Over: true, Failures: 1, Reason: "failure 2"},
		{From: second(5), To: second(6), Failures: 2, Reason: "failure 5"},
	}}
	if fmt.Sprintf("%+v", y) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", y, want)
	}
	if want := []bool{false, false, true, true, false, true, false}; !slices.Equal(turns, want) {
		t.Errorf("turns %v, want %v", turns, want)
	}
	y.clone().Outages[0].Reason = "changed"
	if y.Outages[0].Reason != "failure 2" {
		t.Error("a copy can change the tally")
	}
}

// An earlier prober's tallies are gone on with, by the names of their targets.
func TestCarryingOnWithTallies(t *testing.T) {
	t.Parallel()
	earlier := []Tally{{Name: "gone", Probes: 3}, {Name: "www", Probes: 5}}
	p := New([]Target{{Name: "blog"}, {Name: "www"}}, time.Second, earlier, nil)
	want := "[{blog 0 0 0s []} {www 5 0 0s []} {gone 3 0 0s []}]"
	if got := fmt.Sprint(p.Tallies()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if earlier[1].Name != "www" {
		t.Error("the earlier list was changed")
	}
}

// Whatever the answers are, the intervals hold exactly the failures, in order and apart.
func FuzzTally(f *testing.F) {
	f.Add([]byte{1, 0, 0, 1, 0})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, answers []byte) {
		var s Tally
		from := time.Unix(0, 0)
		for i, a := range answers {
			var err error
			if a%2 == 0 {
				err = errors.New("no")
			}
			s.add(from.Add(time.Duration(i)*time.Second), time.Duration(a), err)
		}
		in := 0
		for i, o := range s.Outages {
			if in += o.Failures; !o.Over && i != len(s.Outages)-1 || o.Over != o.To.After(o.From) && o.Over {
				t.Fatalf("%v gave %+v", answers, s.Outages)
			}
			if i > 0 && !s.Outages[i-1].To.Before(o.From) {
				t.Fatalf("%v gave intervals that touch: %+v", answers, s.Outages)
			}
		}
		if in != s.Failures || s.Probes != len(answers) {
			t.Fatalf("%v gave %+v", answers, s)
		}
		if n := len(answers); n > 0 {
			last := answers[n-1]%2 == 0
			if still := slices.ContainsFunc(s.Outages, func(o Interval) bool { return !o.Over }); still != last {
				t.Fatalf("%v gave %+v", answers, s.Outages)
			}
		}
	})
}

func TestHTTPCheck(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, expect := range map[string]int{"/": 200, "/?a=b": 0, "/moved": 301, "/endless": 200} {
		if err := HTTPCheck(t.Context(), s.url(path), expect); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	const nobody = "http://127.0.0.1:1/" // tcpmux: nobody has it
	secret := "http://me:secret@" + s.addr + "/health?token=secret"
	s.status.Store(http.StatusServiceUnavailable)
	for _, c := range []struct {
		url         string
		expect      int
		words, next string
	}{
		{s.url("/x?token=secret"), 200, s.url("/x") + " answered 503, expected 200", "curl -i " + s.url("/x")},
		{s.url("/"), 0, "answered 503", "curl -i"},
		{s.url("/moved"), 200, "answered 301, expected 200 (it leads to /there)", "name the address"},
		{s.url("/short"), 200, "the answer ended early", "curl -i"},
		{secret, 200, s.url("/health") + " answered 503", "curl -i " + s.url("/health")},
		{nobody, 200, "connection refused", "see that it is up: curl -i " + nobody},
		{"http://bad host/", 200, "not a web address", ""},
		{"ftp://127.0.0.1/", 200, "unsupported protocol", "curl"},
	} {
		refusedWith(t, HTTPCheck(t.Context(), c.url, c.expect), c.words, c.next)
	}
}

// A server that takes the connection and says nothing: the end comes by the clock.
func TestAServerThatHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hang) })
	p := Probe{Looker: HTTP{URL: srv.URL}, Timeout: 50 * time.Millisecond, Impact: maint.PartialOutage}
	f := p.Look(t.Context())
	refusedWith(t, f.Err, "no answer within 50ms", "curl -i "+srv.URL)
	if f.Public != "no answer within 50 ms" || f.Impact != maint.PartialOutage {
		t.Errorf("found %+v", f)
	}
}

func TestCheckStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.status.Store(http.StatusBadGateway)
	synctest.Test(t, func(t *testing.T) {
		j := &runtest.Journal{}
		r := &run.Runner{Journal: j, Log: j, Now: time.Now}
		item := func(within time.Duration) []run.Item {
			return []run.Item{{Step: NewCheckStep("check", s.url("/health"), 200, within)}}
		}
		from := time.Now()
		refusedWith(t, r.Run(t.Context(), "m", item(3500*time.Millisecond)), "answered 502, expected 200 (tried 4 times in 3.5s)", "curl -i")
		if took := time.Since(from); took != 3500*time.Millisecond {
			t.Errorf("took %s", took)
		}
		time.AfterFunc(10*time.Second, func() { s.status.Store(http.StatusOK) })
		if err := r.Run(t.Context(), "m", item(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(from); took < 13*time.Second || took > 15*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
