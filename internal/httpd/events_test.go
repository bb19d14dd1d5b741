package httpd

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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
	w.server.refresh(t.Context())
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.hub.close) // first, or Close waits for the streams
	return w, srv.URL
}

func TestEventsTellWhatHappens(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	events := listen(t, base, fmt.Sprintf("/events?after=%d", w.server.snap.Load().seq()))
	events.next()

	w.say("pg17", at("04:22"), maint.Noted{Text: "private"}, maint.Updated{Text: "Half of it is there."})
	w.server.refresh(t.Context())
	want := `id: 8 | event: entry | data: {"at":"2026-12-05T04:22:00Z","kind":"updated","seq":8,"subject":"pg17"}`
	if diff := cmp.Diff(want, events.next()); diff != "" {
		t.Error(diff)
	}
	w.work("pg17", "Copying", 0.4, at("04:22"))
	w.server.refresh(t.Context())
	if diff := cmp.Diff(`event: page | data: {}`, events.next()); diff != "" {
		t.Errorf("the first sample makes a bar: %s", diff)
	}
	w.work("pg17", "Copying", 0.666, at("04:23"))
	w.server.refresh(t.Context())
	want = `event: progress | data: {"at":"2026-12-05T04:23:00Z","maintenance":"pg17","percent":66,"text":"Copying"}`
	if diff := cmp.Diff(want, events.next()); diff != "" {
		t.Error(diff)
	}
	w.goTo(at("06:00"))
	w.server.refresh(t.Context())
	if diff := cmp.Diff(`event: page | data: {}`, events.next()); diff != "" {
		t.Errorf("the window ends: %s", diff)
	}
}

// A reader that lost its connection comes back with the last id that it saw.
func TestEventsResume(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	ids := func(r *reader, n int) (out []string) {
		r.next() // retry
		for range n {
			id, _, _ := strings.Cut(r.next(), " | ")
			out = append(out, id)
		}
		return out
	}
	if diff := cmp.Diff([]string{"id: 3", "id: 4", "id: 6"}, ids(listen(t, base, "/events", "Last-Event-ID", "2"), 3)); diff != "" {
		t.Error(diff)
	}
	// The header is newer than the address.
	if diff := cmp.Diff([]string{"id: 6"}, ids(listen(t, base, "/events?after=2", "Last-Event-ID", "4"), 1)); diff != "" {
		t.Error(diff)
	}
	// Nothing is sent twice: the backlog first, then what happens, each once and in order.
	r := listen(t, base, "/events?after=4")
	w.say("pg17", at("04:30"), maint.Updated{Text: "one"}, maint.Updated{Text: "two"})
	w.server.refresh(t.Context())
	if diff := cmp.Diff([]string{"id: 6", "id: 7", "id: 8"}, ids(r, 3)); diff != "" {
		t.Error(diff)
	}
	// An id that the record has not reached is of another record: the page is to be fetched.
	ahead := listen(t, base, "/events", "Last-Event-ID", "9000")
	ahead.next()
	if diff := cmp.Diff(`id: 8 | event: page | data: {}`, ahead.next()); diff != "" {
		t.Error(diff)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	for range 3 * maxBacklog {
		w.say("pg17", at("04:20"), maint.Updated{Text: "on and on"})
	}
	w.server.refresh(t.Context())
	missed := w.server.snap.Load().since(1)
	if len(missed) != maxBacklog || missed[len(missed)-1].Seq != w.server.snap.Load().seq() {
		t.Errorf("%d entries are sent again, the last is %d", len(missed), missed[len(missed)-1].Seq)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	w.server.heartbeat = time.Millisecond
	w.server.refresh(t.Context())
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.hub.close)
	events := listen(t, srv.URL, "/events")
	for _, want := range []string{"retry: 2000", ": still here", ": still here"} {
		if got := events.next(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// deadlines is an answer that remembers until when it may be read and written.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = append(d.read, t); return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = append(d.write, t); return nil }

// The server's limits would end a stream, and no limit at all would keep one whose reader is gone.
func TestStreamOutlivesTheServersLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.server.refresh(t.Context())
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	out := stream{w: d, ctl: http.NewResponseController(d)}
	if err := out.begin(w.server.snap.Load(), 0); err != nil {
		t.Fatal(err)
	}
	if len(d.read) != 1 || !d.read[0].IsZero() {
		t.Errorf("the stream may be read until %v", d.read)
	}
	if len(d.write) != 6 { // retry and five public entries
		t.Errorf("%d writes had a deadline of their own", len(d.write))
	}
}

func TestSlowReaderIsLetGo(t *testing.T) {
	t.Parallel()
	h := newHub(2)
	slow, _ := h.join()
	quick, _ := h.join()
	if _, ok := h.join(); ok {
		t.Error("there was room for one too many")
	}
	for range perListener + 1 {
		h.send(pageEvent())
		<-quick
	}
	kept := 0
	for range slow {
		kept++ // ends because the channel was closed
	}
	if kept != perListener {
		t.Errorf("%d events were kept for the slow reader, want %d", kept, perListener)
	}
	h.leave(slow) // after having been let go
	if _, ok := h.join(); !ok {
		t.Error("the room of the slow reader is not free again")
	}
	h.close()
	h.close()
	if _, ok := h.join(); ok {
		t.Error("a closed hub lets listeners in")
	}
}

func FuzzLastEventID(f *testing.F) {
	for _, s := range []string{"", "7", "-1", "9223372036854775807", "9223372036854775808", "1e3", " 4", "0x10", "\x00"} {
		f.Add(s)
	}
	w := newWorld(f, at("04:21"))
	begin(w)
	w.server.refresh(f.Context())
	snap := w.server.snap.Load()
	f.Fuzz(func(t *testing.T, s string) {
		byHeader := lastSeen(&http.Request{Header: http.Header{"Last-Event-Id": {s}}, URL: &url.URL{}})
		byAddress := lastSeen(&http.Request{Header: http.Header{}, URL: &url.URL{RawQuery: "after=" + url.QueryEscape(s)}})
		if byHeader < 0 || byHeader != byAddress {
			t.Fatalf("%q is %d by header and %d by address", s, byHeader, byAddress)
		}
		for _, e := range snap.since(byHeader) {
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
		listener, _ := w.server.hub.join()
		for range rapid.IntRange(0, 4).Draw(rt, "looks") {
			for range rapid.IntRange(0, 6).Draw(rt, "events") {
				w.say(id.Draw(rt, "id"), at("04:00"), event.Draw(rt, "event"))
			}
			w.server.refresh(t.Context())
		}
		var out strings.Builder
		out.WriteString(get(t, w, "/healthz").Body.String())
		if snap := w.server.snap.Load(); snap != nil {
			for path := range snap.files { // all that anyone can fetch, whatever it is
				out.WriteString(get(t, w, path).Body.String())
			}
			for _, e := range snap.since(0) {
				out.Write(entryEvent(e).frame)
			}
		}
		w.server.hub.close()
		for e := range listener {
			out.Write(e.frame)
		}
		if strings.Contains(out.String(), secret) {
			rt.Fatalf("a private word is out:\n%s", out.String())
		}
	})
}
