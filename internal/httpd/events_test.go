package httpd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// reader reads a stream of events as a browser does.
type reader struct {
	t    *testing.T
	body io.ReadCloser
	scan *bufio.Scanner
}

func listen(t *testing.T, base, path string, headers ...string) *reader {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("the stream answered %s of type %q", resp.Status, got)
	}
	return &reader{t: t, body: resp.Body, scan: bufio.NewScanner(resp.Body)}
}

// next returns the fields of the next block, comments included, as one line.
func (r *reader) next() string {
	r.t.Helper()
	var lines []string
	for r.scan.Scan() {
		if r.scan.Text() == "" {
			return strings.Join(lines, " | ")
		}
		lines = append(lines, r.scan.Text())
	}
	r.t.Fatalf("the stream ended: %v", r.scan.Err())
	return ""
}

func live(t *testing.T) (*world, string) {
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.hub.close) // first, or Close waits for the streams
	return w, srv.URL
}

func TestEventsTellWhatHappens(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	events := listen(t, base, "/events")
	if diff := cmp.Diff("retry: 2000 | id: 6", events.next()); diff != "" {
		t.Errorf("a reader without a position begins now: %s", diff)
	}
	w.say("pg17", at("04:22"), maint.Noted{Text: "private"}, maint.Updated{Text: "Half of it is there."})
	w.look()
	want := `id: 8 | event: entry | data: {"seq":8,"subject":"pg17","kind":"updated","at":"2026-12-05T04:22:00Z","event":{"text":"Half of it is there."}}`
	if diff := cmp.Diff(want, events.next()); diff != "" {
		t.Error(diff)
	}
	w.work("pg17", "Copying", 0.4, at("04:22"))
	w.look()
	if diff := cmp.Diff(`event: page | data: {}`, events.next()); diff != "" {
		t.Errorf("the first sample makes a bar: %s", diff)
	}
	w.work("pg17", "Copying", 0.666, at("04:23"))
	w.look()
	want = `event: progress | data: {"at":"2026-12-05T04:23:00Z","maintenance":"pg17","percent":66,"text":"Copying"}`
	if diff := cmp.Diff(want, events.next()); diff != "" {
		t.Error(diff)
	}
	w.goTo(at("06:00"))
	w.look()
	if diff := cmp.Diff(`event: page | data: {}`, events.next()); diff != "" {
		t.Errorf("the window ends: %s", diff)
	}
}

func ids(r *reader, n int) (out []string) {
	for range n {
		id, _, _ := strings.Cut(r.next(), " | ")
		out = append(out, id)
	}
	return out
}

// A reader that lost its connection comes back with the last id that it saw.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	comeBack := func(path string, headers ...string) *reader {
		r := listen(t, base, path, headers...)
		r.next() // the greeting
		return r
	}
	if diff := cmp.Diff([]string{"id: 3", "id: 4", "id: 6"}, ids(comeBack("/events", "Last-Event-ID", "2"), 3)); diff != "" {
		t.Error(diff)
	}
	// The header is newer than the address.
	if diff := cmp.Diff([]string{"id: 6"}, ids(comeBack("/events?after=2", "Last-Event-ID", "4"), 1)); diff != "" {
		t.Error(diff)
	}
	// Nothing is sent twice: the backlog first, then what happens, each once and in order.
	r := comeBack("/events?after=4")
	w.say("pg17", at("04:30"), maint.Updated{Text: "one"}, maint.Updated{Text: "two"})
	w.look()
	if diff := cmp.Diff([]string{"id: 6", "id: 7", "id: 8"}, ids(r, 3)); diff != "" {
		t.Error(diff)
	}
	// An id that the record has not reached, also when it is read once more, is of another record: the page is to be fetched.
	go w.lookWhenAwaited(2)
	if diff := cmp.Diff(`id: 8 | event: page | data: {"fetch":true}`, comeBack("/events", "Last-Event-ID", "9000").next()); diff != "" {
		t.Error(diff)
	}
}

// Whoever missed more than is sent again is told to fetch, and goes on from there.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	for range maxBacklog + 1 {
		w.say("pg17", at("04:20"), maint.Updated{Text: "on and on"})
	}
	w.look()
	last := w.server.snap.Load().seq()
	all := listen(t, base, fmt.Sprintf("/events?after=%d", last-maxBacklog))
	all.next()
	if got := ids(all, maxBacklog); got[0] != fmt.Sprintf("id: %d", last-maxBacklog+1) || got[maxBacklog-1] != fmt.Sprintf("id: %d", last) {
		t.Errorf("sent again from %s to %s", got[0], got[maxBacklog-1])
	}
	tooMany := listen(t, base, fmt.Sprintf("/events?after=%d", last-maxBacklog-1))
	tooMany.next()
	if diff := cmp.Diff(fmt.Sprintf(`id: %d | event: page | data: {"fetch":true}`, last), tooMany.next()); diff != "" {
		t.Error(diff)
	}
}

// Readers come at any moment of a busy time: each gets every entry, once and in order.
func TestJoiningLosesNothing(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	const entries, readers = 120, 24
	first := w.server.snap.Load().seq()
	var reading sync.WaitGroup
	for i := range readers {
		for range entries / readers {
			w.say("pg17", at("04:30"), maint.Updated{Text: "again"})
			w.look()
		}
		reading.Go(func() {
			r := listen(t, base, "/events?after="+strconv.FormatInt(first+int64(i), 10))
			r.next()
			for n := first + int64(i) + 1; n <= first+entries; n++ {
				if id, _, _ := strings.Cut(r.next(), " | "); id != fmt.Sprintf("id: %d", n) {
					t.Errorf("reader %d got %s, want %d", i, id, n)
					return
				}
			}
		})
	}
	reading.Wait()
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	w.server.heartbeat = time.Millisecond
	events := listen(t, base, "/events")
	events.next()
	ctx, cancel := context.WithCancel(t.Context())
	var beating sync.WaitGroup
	beating.Go(func() { w.server.beat(ctx) })
	defer beating.Wait()
	defer cancel()
	for range 3 {
		if got := events.next(); got != ": still here" {
			t.Errorf("got %q", got)
		}
	}
}

// The server's limits are for answers that end.
func TestStreamOutlivesTheServersLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	srv := httptest.NewUnstartedServer(w.server.Handler())
	const limit = 20 * time.Millisecond
	srv.Config.ReadHeaderTimeout = time.Minute // a slow machine may take longer than the limit to ask
	srv.Config.ReadTimeout, srv.Config.WriteTimeout, srv.Config.IdleTimeout = limit, limit, limit
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.hub.close)
	events := listen(t, srv.URL, "/events")
	events.next()
	time.Sleep(2 * limit)
	w.say("pg17", at("04:30"), maint.Updated{Text: "later"})
	w.look()
	if got := events.next(); !strings.Contains(got, "later") {
		t.Errorf("got %q", got)
	}
}

// wire gives a listener and the connection of its reader.
func wire(t *testing.T) (*listener, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = far.Close(), near.Close() })
	raw, err := near.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return &listener{conn: near, raw: raw}, far.(*net.TCPConn)
}

func enter(t *testing.T, h *hub) *net.TCPConn {
	t.Helper()
	l, far := wire(t)
	if joined, open := h.join(l); !h.enter() || !joined || !open {
		t.Fatal("there is no room")
	}
	return far
}

func TestSlowReaderIsLetGo(t *testing.T) {
	t.Parallel()
	h := newHub(2)
	enter(t, h) // reads nothing
	quick := enter(t, h)
	if h.enter() {
		t.Error("there was room for one too many")
	}
	big := bundle{frame: frame(0, "page", strings.Repeat("x", 1<<14))}
	got := make([]byte, len(big.frame))
	for sent := 0; h.count.Load() == 2; sent += len(got) {
		h.send(big)
		if _, err := io.ReadFull(quick, got); err != nil || !bytes.Equal(got, big.frame) {
			t.Fatalf("the quick reader got something else: %v", err)
		}
		if sent > 1<<28 {
			t.Fatal("the reader that reads nothing is kept for ever")
		}
	}
	h.close()
	h.close()
	if n, err := io.Copy(io.Discard, quick); n != 0 || err != nil {
		t.Errorf("the stream of the quick reader ended with %d bytes more, %v", n, err)
	}
	late, _ := wire(t)
	if _, open := h.join(late); open {
		t.Error("a closed hub lets listeners in")
	}
	if h.count.Load() != 0 || h.dropped.Load() != 1 {
		t.Errorf("%d are counted, %d were dropped", h.count.Load(), h.dropped.Load())
	}
}

func TestGoneReaderIsNoticed(t *testing.T) {
	t.Parallel()
	h := newHub(1)
	far := enter(t, h)
	for i := range shards {
		h.beat(i)
	}
	if h.count.Load() != 1 {
		t.Fatal("a reader that is there was let go")
	}
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); h.count.Load() > 0; {
		for i := range shards {
			h.beat(i)
		}
		if time.Now().After(end) {
			t.Fatal("the reader has gone and is kept")
		}
	}
}

// The stream needs a connection of its own; where there is none it says so.
func TestEventsWithoutAConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	w.look()
	if rec := get(t, w, "/events"); rec.Code != http.StatusHTTPVersionNotSupported {
		t.Errorf("answered %d", rec.Code)
	}
	if n := w.server.hub.count.Load(); n != 0 {
		t.Errorf("%d places are taken", n)
	}
}

func FuzzLastEventID(f *testing.F) {
	for _, s := range []string{"", "7", "-1", "9223372036854775807", "9223372036854775808", "1e3", " 4", "0x10", "\x00"} {
		f.Add(s)
	}
	w := newWorld(f, at("04:21"))
	begin(w)
	w.look()
	snap := w.server.snap.Load()
	f.Fuzz(func(t *testing.T, s string) {
		byHeader := lastSeen(&http.Request{Header: http.Header{"Last-Event-Id": {s}}, URL: &url.URL{RawQuery: "after="}}, 5)
		byAddress := lastSeen(&http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: "after=" + url.QueryEscape(s)}}, 5)
		if byHeader < 0 || byHeader != byAddress {
			t.Fatalf("%q is %d by header and %d by address", s, byHeader, byAddress)
		}
		missed, _ := snap.since(byHeader)
		for _, e := range missed {
			if e.Seq <= byHeader {
				t.Fatalf("%q: entry %d is sent again", s, e.Seq)
			}
		}
	})
}

// Whatever is recorded: no word of a private event reaches anyone.
func TestPrivateWordsStayPrivate(t *testing.T) {
	t.Parallel()
	const secret = "zq-secret-zq"
	id := rapid.SampledFrom([]maint.ID{"one", "two", maint.IncidentID("one"), maint.ChangeID("one"), maint.ComponentID("app")})
	text := rapid.StringMatching(`[a-z <&"]{0,20}`)
	event := rapid.Custom(func(t *rapid.T) maint.Event {
		words := text.Draw(t, "words")
		return rapid.SampledFrom([]maint.Event{
			maint.Scheduled{Title: words, Window: plan.Window}, maint.Rescheduled{Scheduled: plan, Text: words},
			maint.Started{Text: words}, maint.Updated{Text: words}, maint.Late{ExpectedEnd: at("07:00"), Text: words},
			maint.BannerChanged{On: true, Text: words}, maint.Verifying{Text: words}, maint.Completed{Text: words}, maint.Cancelled{Text: words},
			maint.IncidentOpened{Title: words, Status: maint.Investigating, Severity: maint.Minor, Text: words}, maint.PostMortemPublished{Text: words},
			maint.ChangePosted{Title: words, Text: words}, maint.ComponentSet{Status: maint.MajorOutage, Text: words},
			maint.StepStarted{Step: secret, Title: secret}, maint.StepFinished{Title: secret, Evidence: secret},
			maint.StepFailed{Title: secret, Error: secret, Hint: secret}, maint.StepUndone{Title: secret},
			maint.Resumed{Text: secret}, maint.Noted{Step: secret, Text: secret, Figures: maint.Figures{secret: 1}},
			maint.Fenced{Step: secret, Refused: []string{secret}, End: secret, Ended: []maint.EndedSessions{{Role: secret, Database: secret}}},
		}).Draw(t, "event")
	})
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, at("04:21"))
		w.server.opts.Catalog.Components = []view.Listed{{ID: "app", Name: "App"}}
		far := enter(t, w.server.hub)
		for range rapid.IntRange(0, 4).Draw(rt, "looks") {
			for range rapid.IntRange(0, 6).Draw(rt, "events") {
				w.say(id.Draw(rt, "id"), at("04:00"), event.Draw(rt, "event"))
			}
			w.look()
		}
		var out strings.Builder
		out.WriteString(get(t, w, "/healthz").Body.String())
		if snap := w.server.snap.Load(); snap != nil {
			for path := range snap.files { // all that anyone can fetch, whatever it is
				out.WriteString(get(t, w, path).Body.String())
			}
			missed, _ := snap.since(0)
			out.Write(bundleOf(missed).frame)
		}
		w.server.hub.close()
		if _, err := io.Copy(&out, far); err != nil {
			rt.Fatal(err)
		}
		if strings.Contains(out.String(), secret) {
			rt.Fatalf("a private word is out:\n%s", out.String())
		}
	})
}
