package view

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

func public(r record) []timeline.PublicEntry { return timeline.Public(r) }

func TestOverall(t *testing.T) {
	t.Parallel()
	working := func(more ...maint.Event) record {
		var r record
		r.say("01:00", plan)
		r.say("04:00", maint.Started{})
		r.say("04:30", more...)
		return r
	}
	var planned record
	planned.say("01:00", plan)
	for _, c := range []struct {
		name, clock string
		r           record
		headline    string
		tone        Tone
	}{
		{"nothing", "03:00", nil, "No maintenance right now", Calm},
		{"planned", "03:00", planned, "No maintenance right now", Calm},
		{"due", "04:00", planned, "Maintenance is about to start", Calm},
		{"overdue", "06:00", planned, "The planned maintenance has not started", Slow},
		{"running", "04:40", working(), "Maintenance is under way", Busy},
		{"running over", "06:00", working(), "Maintenance is running late", Slow},
		{"said to be late", "04:40", working(maint.Late{ExpectedEnd: at("07:00")}), "Maintenance is running late", Slow},
		{"verifying", "04:40", working(maint.Verifying{}), "The work is done, checks are running", Busy},
		{"completed", "04:40", working(maint.Completed{}), "Maintenance completed", Done},
		{"cancelled", "04:40", working(maint.Cancelled{}), "Maintenance cancelled", Calm},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Page(Catalog{}, public(c.r), nil, at(c.clock)).Overall
			if got.Headline != c.headline || got.Tone != c.tone {
				t.Errorf("says %q in tone %s, want %q in %s", got.Headline, got.Tone, c.headline, c.tone)
			}
		})
	}
}

func TestPageOrder(t *testing.T) {
	t.Parallel()
	var r record
	on := func(id maint.ID, when, start string, more ...maint.Event) {
		p := plan
		p.Window.Start = start
		n := len(r)
		r.say(when, append([]maint.Event{p}, more...)...)
		for i := range r[n:] {
			r[n+i].Subject = id
		}
	}
	on("later", "01:00", "2026-12-20 17:00")
	on("sooner", "01:01", "2026-12-10 17:00")
	on("old", "01:02", "2026-12-05 14:00", maint.Started{}, maint.Completed{})
	on("newer", "02:00", "2026-12-05 15:00", maint.Started{}, maint.Cancelled{})
	on("running", "03:00", "2026-12-05 16:00", maint.Started{})
	page := Page(Catalog{}, public(r), nil, at("03:30"))
	ids := func(list []Maintenance) (out []maint.ID) {
		for _, m := range list {
			out = append(out, m.ID)
		}
		return out
	}
	want := [][]maint.ID{{"running"}, {"sooner", "later"}, {"newer", "old"}}
	if diff := cmp.Diff(want, [][]maint.ID{ids(page.Running), ids(page.Upcoming), ids(page.Past)}); diff != "" {
		t.Error(diff)
	}
	if _, ok := page.Find("newer"); !ok {
		t.Error("a past maintenance is not found")
	}
	if _, ok := page.Find("unknown"); ok {
		t.Error("an unknown maintenance is found")
	}
}

func TestProgressShown(t *testing.T) {
	t.Parallel()
	var r record
	r.say("01:00", plan)
	r.say("04:00", maint.Started{})
	for _, c := range []struct {
		name    string
		p       Progress
		shown   bool
		quiet   bool
		percent int
	}{
		{"fresh", Progress{"Copying", 0.999, at("04:10")}, true, false, 99},
		{"too much", Progress{"Copying", 1.7, at("04:10")}, true, false, 100},
		{"unknown share", Progress{"Copying", -1, at("04:10")}, true, false, 0},
		{"no news", Progress{"Copying", 0.5, at("04:08")}, true, true, 50},
		{"of another start", Progress{"Copying", 0.5, at("03:59")}, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := Page(Catalog{}, public(r), map[maint.ID]Progress{"pg17": c.p}, at("04:10")).Running[0]
			if (m.Progress != nil) != c.shown || m.Quiet != c.quiet {
				t.Fatalf("shown %v, quiet %v", m.Progress != nil, m.Quiet)
			}
			if c.shown && m.Progress.Percent() != c.percent {
				t.Errorf("%d percent, want %d", m.Progress.Percent(), c.percent)
			}
		})
	}
}

// A zone that this machine does not know must not hide the maintenance.
func TestUnknownZone(t *testing.T) {
	t.Parallel()
	var r record
	p := plan
	p.Window.Zone = "Mars/Olympus"
	r.say("01:00", p)
	page := Page(Catalog{}, public(r), nil, at("05:00"))
	if len(page.Upcoming) != 1 || page.Upcoming[0].Window.Known() || page.Upcoming[0].Window.Wall != "2026-12-05 17:00" {
		t.Errorf("the page is %+v", page.Upcoming)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{
		"Pacific/Auckland": "Auckland time", "America/Argentina/Buenos_Aires": "Buenos Aires time",
		"UTC": "UTC", "Etc/UTC": "UTC", "Etc/GMT+3": "GMT+3", "": "",
	} {
		if got := Place(zone); got != want {
			t.Errorf("%s is called %q, want %q", zone, got, want)
		}
	}
}

// ChangesAt is a promise: until then the same record folds to the same page, and whoever
// shows it may leave it as it is.
func TestPageStaysUntilItSays(t *testing.T) {
	t.Parallel()
	same := cmp.Options{cmpopts.IgnoreUnexported(Maintenance{})}
	events := []maint.Event{
		plan, maint.Rescheduled{Scheduled: plan}, maint.Started{}, maint.Updated{}, maint.Late{ExpectedEnd: at("06:30")},
		maint.Verifying{}, maint.Completed{}, maint.Cancelled{},
	}
	rapid.Check(t, func(rt *rapid.T) {
		minute := func(label string) time.Time {
			return at("00:00").Add(time.Duration(rapid.IntRange(0, 4*24*60).Draw(rt, label)) * time.Minute)
		}
		var r record
		for range rapid.IntRange(1, 6).Draw(rt, "events") {
			r.say("04:00", rapid.SampledFrom(events).Draw(rt, "event"))
		}
		progress := map[maint.ID]Progress{"pg17": {"Copying", 0.5, minute("sample")}}
		now := minute("now")
		page := Page(Catalog{}, public(r), progress, now)
		if page.ChangesAt.IsZero() {
			page.ChangesAt = now.AddDate(1, 0, 0)
		}
		if !page.ChangesAt.After(now) {
			rt.Fatalf("at %s the page says that it changes at %s", now, page.ChangesAt)
		}
		last := page.ChangesAt.Add(-time.Microsecond)
		later := Page(Catalog{}, public(r), progress, last)
		later.ChangesAt = page.ChangesAt
		if diff := cmp.Diff(page, later, same); diff != "" {
			rt.Fatalf("the page of %s is another one at %s:\n%s", now, last, diff)
		}
	})
}

func TestAge(t *testing.T) {
	t.Parallel()
	page := PageModel{}.Aged(at("01:00"), at("01:12"))
	if !page.AsOf.Equal(at("01:00")) || page.Age != 12*time.Minute || !page.ChangesAt.Equal(at("01:13")) {
		t.Errorf("the page is %s old as of %s, and grows older at %s", page.Age, page.AsOf, page.ChangesAt)
	}
}
