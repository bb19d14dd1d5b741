package httpd

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

func TestPageIsSentOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	first := get(t, w, "/")
	tag := first.Header().Get("ETag")
	if again := get(t, w, "/", "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same page again answered %d with %d bytes", again.Code, again.Body.Len())
	}
	w.look()
	if again := get(t, w, "/", "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("nothing changed, and yet it answered %d", again.Code)
	}
	w.say("pg17", at("04:22"), maint.Updated{Text: "Half of it is there."})
	w.look()
	if again := get(t, w, "/", "If-None-Match", tag); again.Code != http.StatusOK || !strings.Contains(again.Body.String(), "Half of it is there.") {
		t.Errorf("a changed page answered %d", again.Code)
	}
}

func TestBeforeTheFirstLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	w.fail(errDown)
	w.look()
	if rec := get(t, w, "/"); rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d", rec.Code)
	}
	if rec := get(t, w, "/healthz"); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "starting") {
		t.Errorf("healthz answered %d %s", rec.Code, rec.Body)
	}
	if rec := get(t, w, "/readyz"); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz answered %d", rec.Code)
	}
}

// The record goes away and comes back: the page stays, says how old it is, and then no more.
func TestUnreadableRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	fresh := get(t, w, "/").Body.String()

	w.fail(errDown)
	w.look()
	if got := get(t, w, "/").Body.String(); got != fresh {
		t.Error("a short failure changed the page")
	}
	w.goTo(at("04:33"))
	w.look()
	old := get(t, w, "/").Body.String()
	if !strings.Contains(old, "This page is 12 minutes old.") || !strings.Contains(old, "Database upgrade") {
		t.Errorf("the old page does not say so:\n%s", old)
	}
	if strings.Contains(old, "db1.internal") {
		t.Error("the error's words are on the page")
	}
	var health struct{ Status string }
	rec := get(t, w, "/healthz")
	if err := json.Unmarshal(rec.Body.Bytes(), &health); err != nil || health.Status != "stale" || rec.Code != http.StatusOK {
		t.Errorf("healthz answered %d %q (%v)", rec.Code, health.Status, err)
	}
	if rec := get(t, w, "/readyz"); rec.Code != http.StatusOK {
		t.Errorf("readyz answered %d while there is an old page", rec.Code)
	}
	w.goTo(at("04:34"))
	w.look()
	if got := get(t, w, "/").Body.String(); !strings.Contains(got, "This page is 13 minutes old.") {
		t.Error("the age does not grow")
	}
	w.fail(nil)
	w.look()
	if got := get(t, w, "/").Body.String(); got != fresh {
		t.Error("the page is not as before when the record can be read again")
	}
}

// Time alone turns the page: nothing is written when a window opens.
func TestWindowOpensByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("03:59"))
	w.say("pg17", at("01:00"), plan)
	w.look()
	for _, step := range []struct{ clock, want string }{
		{"03:59", "No maintenance right now"}, {"04:00", "Maintenance is about to start"}, {"06:00", "The planned maintenance has not started"},
	} {
		w.goTo(at(step.clock))
		w.look()
		if got := get(t, w, "/").Body.String(); !strings.Contains(got, "<h1>"+step.want) {
			t.Errorf("at %s the page does not say %q", step.clock, step.want)
		}
	}
}

// A long run of private entries fills whole batches: what follows it must be seen.
func TestPrivateRunDoesNotHideWhatFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	w.say("pg17", at("01:00"), plan)
	for range 2*batch + 7 {
		w.say("pg17", at("04:00"), maint.Noted{Text: "private"})
	}
	w.say("pg17", at("04:01"), maint.Started{Text: "After the long run."})
	w.look()
	if got := get(t, w, "/").Body.String(); !strings.Contains(got, "After the long run.") {
		t.Error("the entry after the private ones is missing")
	}
}

func TestDraftIsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	w.say("secret-move", at("04:00"), maint.Updated{Text: "of a draft"})
	w.work("secret-move", "rehearsing", 0.5, at("04:20"))
	w.look()
	if rec := get(t, w, "/maintenance/secret-move"); rec.Code != http.StatusNotFound {
		t.Errorf("the page of a draft answered %d", rec.Code)
	}
	if got, _ := w.server.snap.Load().since(0); len(got) != 0 {
		t.Errorf("the events of a draft are sent: %v", got)
	}
}

func TestProgressOfAnEarlierStartIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.work("pg17", "of the rehearsal", 0.9, at("02:00"))
	w.look()
	if got := get(t, w, "/").Body.String(); strings.Contains(got, "of the rehearsal") {
		t.Error("progress from before the start is shown")
	}
}

// Serve answers on its listener, lets listeners go when it ends, and ends without an error.
func TestServeEndsWithListeners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve(ctx, ln) }()

	events := listen(t, "http://"+ln.Addr().String(), "/events?after=0")
	events.next() // the stream is open
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve ended with %v", err)
	}
	if _, err := io.Copy(io.Discard, events.body); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if err := w.server.Shutdown(t.Context()); err != nil {
		t.Errorf("the second stop: %v", err)
	}
}

func TestLimitsAreSet(t *testing.T) {
	t.Parallel()
	s := newWorld(t, at("04:00")).server.http
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("a limit is missing: %+v", s)
	}
}

func BenchmarkRefresh(b *testing.B) {
	w := newWorld(b, at("04:21"))
	for range 100 {
		several(w)
	}
	for i := 0; b.Loop(); i++ {
		w.mu.Lock()
		w.progress["pg17"] = view.Progress{Text: "Copying", Fraction: float64(i%100) / 100, At: at("04:20").Add(time.Duration(i))}
		w.mu.Unlock()
		w.look()
	}
}
