package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// at is a moment of the evening on which every story plays: 5 December 2026, 17:00 in Auckland is 04:00 UTC.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2026-12-05 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

var plan = maint.Scheduled{
	Title:   "Database upgrade",
	Summary: "We move our database to PostgreSQL 17. Your sites stay up; the app pauses for less than a second.",
	Author:  "Operations",
	Window:  maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
	Components: map[string]maint.Impact{
		"app": maint.UnderMaintenance, "sites": maint.Operational,
	},
	Phases: []maint.Phase{
		{Step: "banner-on", Title: "Notice on our sites"},
		{Step: "upgrade", Title: "Database upgrade", Budget: 90 * time.Minute},
		{Step: "check", Title: "Checks after the work"},
	},
}

// world is a record in memory with a clock that stands still, and the server that shows it.
type world struct {
	t      testing.TB
	log    timeline.Memory
	server *Server

	mu       sync.Mutex
	now      time.Time
	progress map[maint.ID]view.Progress
	broken   error
}

func newWorld(t testing.TB, now time.Time, with ...func(*Options)) *world {
	w := &world{t: t, now: now, progress: map[maint.ID]view.Progress{}}
	opts := Options{
		Source: w, Now: w.clock, Organization: "Example", URL: "https://status.example.com",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, f := range with {
		f(&opts)
	}
	w.server = New(opts)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) goTo(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// Read implements Source the way the composition root does: private entries stay behind.
func (w *world) Read(ctx context.Context, after int64, limit int) ([]timeline.PublicEntry, int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return nil, 0, w.broken
	}
	entries, err := w.log.Read(ctx, after, limit)
	if err != nil || len(entries) == 0 {
		return nil, after, err
	}
	return timeline.Public(entries), entries[len(entries)-1].Seq, nil
}

// Progress implements Source.
func (w *world) Progress(context.Context) (map[maint.ID]view.Progress, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.progress), w.broken
}

// Await implements Source: tests look when they want to.
func (w *world) Await(ctx context.Context, _ int64) { <-ctx.Done() }

func (w *world) say(id maint.ID, when time.Time, events ...maint.Event) {
	w.t.Helper()
	for _, e := range events {
		if _, err := w.log.Append(w.t.Context(), id, timeline.AnyVersion, timeline.Draft{At: when, Event: e}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) work(id maint.ID, text string, fraction float64, when time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress[id] = view.Progress{Text: text, Fraction: fraction, At: when}
}

var errDown = errors.New("connection refused by db1.internal.example.com")

// stories are the states that a reader can meet, each built from the record.
var stories = []struct {
	name string
	now  time.Time
	tell func(w *world)
}{
	{"nothing", at("04:00"), func(*world) {}},
	{"draft", at("04:00"), func(w *world) {
		w.say("pg17", at("03:00"), maint.Updated{Text: "Not to be seen before the plan is."}, maint.Noted{Text: "private"})
	}},
	{"scheduled", at("02:00"), func(w *world) { w.say("pg17", at("01:30"), plan) }},
	{"due", at("04:10"), func(w *world) { w.say("pg17", at("01:30"), plan) }},
	{"overdue", at("06:10"), func(w *world) { w.say("pg17", at("01:30"), plan) }},
	{"running", at("04:21"), func(w *world) {
		begin(w)
		w.work("pg17", "Copying the database", 0.424, at("04:20"))
	}},
	{"late", at("06:10"), func(w *world) {
		begin(w)
		w.say("pg17", at("05:31"), maint.Late{ExpectedEnd: at("06:40"), Text: "The copy takes longer than it did when we tried it. Nothing is lost and nothing is down."})
		w.work("pg17", "Catching up", 0.97, at("06:01"))
	}},
	{"verifying", at("04:50"), func(w *world) { begin(w); verify(w) }},
	{"completed", at("05:10"), func(w *world) { begin(w); verify(w); complete(w) }},
	{"cancelled", at("05:10"), func(w *world) {
		begin(w)
		w.say("pg17", at("04:40"), maint.Cancelled{Text: "We went back to the old database. Nothing was lost. A new date follows."})
	}},
	{"several", at("04:21"), several},
	{"stale", at("04:21"), func(w *world) {
		begin(w)
		w.look()
		w.fail(errDown)
		w.goTo(at("04:33"))
	}},
	{"long", at("05:10"), func(w *world) {
		begin(w)
		for range 60 {
			w.say("pg17", at("04:30"), maint.Updated{Text: strings.Repeat("The copy goes on and nothing is wrong with it. ", 12)})
		}
	}},
	{"hostile", at("04:21"), hostile},
}

func begin(w *world) {
	first := plan
	first.Window.Start = "2026-12-05 15:30"
	w.say("pg17", at("01:30"), first)
	w.say("pg17", at("02:00"), maint.Rescheduled{Scheduled: plan, Text: "The window moved from 2026-12-05 15:30 (Pacific/Auckland) to 2026-12-05 17:00 (Pacific/Auckland)."})
	w.say("pg17", at("03:55"), maint.BannerChanged{On: true, Sites: 3, Of: 3, Text: "A notice is on all 3 of our sites."})
	w.say("pg17", at("04:00"), maint.Started{Text: "The work has begun."},
		maint.StepStarted{Step: "upgrade", Title: "base backup from db1.internal.example.com", Attempt: 1})
	w.say("pg17", at("04:12"), maint.Updated{Text: "The new server is being built from a copy. The app runs as always."})
}

func verify(w *world) {
	w.say("pg17", at("04:41"), maint.Updated{Text: "The app runs on PostgreSQL 17 now. Clients waited for 31 ms."})
	w.say("pg17", at("04:44"), maint.Verifying{Text: "The work is done. We check that everything is as fast as before."})
}

func complete(w *world) {
	w.say("pg17", at("04:52"), maint.Completed{Text: "Everything is as it should be. Thank you for your patience."})
	w.say("pg17", at("04:53"), maint.BannerChanged{On: false, Sites: 0, Of: 3, Text: "The notice is off our sites again."})
}

func several(w *world) {
	old := plan
	for i, title := range []string{"New load balancers", "Move to the second data centre", "Renewal of certificates"} {
		old.Title, old.Window.Start = title, "2026-0"+string(rune('3'+i))+"-07 20:00"
		id := maint.ID("old-" + string(rune('a'+i)))
		day := time.Date(2026, time.Month(3+i), 7, 7, 0, 0, 0, time.UTC)
		w.say(id, day.AddDate(0, 0, -14), old)
		w.say(id, day, maint.Started{Text: "The work has begun."})
		w.say(id, day.Add(40*time.Minute), maint.Completed{Text: "Done."})
	}
	begin(w)
	w.work("pg17", "Copying the database", 0.424, at("04:20"))
	next := plan
	next.Title, next.Summary, next.Window.Start = "Search index rebuild", "Search may be a few minutes behind.", "2026-12-12 21:30"
	next.Components = map[string]maint.Impact{"search": maint.DegradedPerformance}
	next.Phases = nil
	w.say("search", at("03:00"), next)
}

func hostile(w *world) {
	p := plan
	p.Title = `<script>alert("title")</script> & "quotes" 'n' more`
	p.Summary = "ترقية قاعدة البيانات. تبقى مواقعكم متاحة طوال الوقت."
	p.Components = map[string]maint.Impact{`"><img src=x onerror=alert(1)>`: "strange_impact"}
	p.Window.Zone = "America/Argentina/Buenos_Aires"
	w.say("hostile", at("01:00"), p)
	w.say("hostile", at("04:00"), maint.Started{Text: strings.Repeat("Donaudampfschifffahrtsgesellschaft", 8)})
	w.say("hostile", at("04:05"), maint.Updated{Text: "שדרוג בסיס הנתונים מתקדם כמתוכנן.\nLine two. {{.}} javascript:alert(1)"})
	w.work("hostile", `</span><b onclick=alert(1)>מעתיק`, -1, at("04:10"))
}

// look lets the server look at the record. That it cannot be read is part of some stories.
func (w *world) look() { _ = w.server.refresh(w.t.Context()) }
