package feed

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

var origin = Origin{Name: "Example", URL: "https://status.example.com"}

var catalog = view.Catalog{Zone: "Pacific/Auckland", Components: []view.Listed{
	{ID: "app", Name: "App", Group: "Product"}, {ID: "api", Name: "API", Description: "For programs", Group: "Product"}, {ID: "sites", Name: "Sites"},
}}

// at is an instant of the days around 5 December 2026; 17:00 in Auckland is 04:00 UTC.
func at(clock string) time.Time {
	t, err := time.Parse("01-02 15:04", clock)
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 0, 0)
}

// record is a timeline in the making.
type record struct{ entries []timeline.Entry }

func (r *record) say(id maint.ID, when string, events ...maint.Event) {
	for _, e := range events {
		r.entries = append(r.entries, timeline.Entry{Seq: int64(len(r.entries) + 1), Subject: id, At: at(when), Event: e})
	}
}

func (r *record) page(now string) view.PageModel {
	return view.Page(catalog, timeline.Public(r.entries), nil, at(now))
}

func planned(title, start string, components map[string]maint.Impact) maint.Scheduled {
	return maint.Scheduled{
		Title: title, Summary: "We move our database to PostgreSQL 17. Your sites stay up.",
		Window:     maint.Window{Start: "2026-" + start, Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
		Components: components, Names: map[string]string{"app": "App", "sites": "Sites"},
	}
}

// everything has one of each: what is over, what goes on and is late, what comes, what was given up.
func everything() *record {
	var r record
	both := map[string]maint.Impact{"app": maint.UnderMaintenance, "sites": maint.Operational}
	r.say("index", "11-01 01:00", planned("Search index", "11-02 10:00", map[string]maint.Impact{"app": maint.DegradedPerformance}))
	r.say("index", "11-01 21:05", maint.Started{Text: "The work has begun."})
	r.say("index", "11-01 21:50", maint.Verifying{Text: "The work is done."}, maint.Completed{})
	r.say("cables", "11-03 00:00", planned("New cables", "11-20 10:00", nil), maint.Cancelled{Text: "The cables are late."})
	r.say(maint.IncidentID("slow"), "11-10 10:00",
		maint.IncidentOpened{Title: "The API is slow", Status: maint.Investigating, Severity: maint.Minor, Text: "We look into **it**.",
			Components: map[string]maint.Impact{"api": maint.DegradedPerformance}, Names: map[string]string{"api": "API"}, Began: at("11-10 09:40")})
	r.say(maint.IncidentID("slow"), "11-10 10:20", maint.IncidentUpdated{Status: maint.Monitoring, Severity: maint.Major, Text: "One of two servers was down.",
		Components: map[string]maint.Impact{"api": maint.PartialOutage}})
	r.say(maint.IncidentID("slow"), "11-10 11:00", maint.IncidentUpdated{Status: maint.Resolved, Severity: maint.Major, Text: "All is well."})
	r.say(maint.IncidentID("slow"), "11-12 11:00", maint.PostMortemPublished{Text: "# What happened\n\nA disk was full. See [the graph](https://example.com/graph)."})
	first := planned("Database upgrade", "12-05 15:30", both)
	r.say("pg17", "11-21 01:30", first)
	r.say("pg17", "11-21 02:00", maint.Rescheduled{Scheduled: planned("Database upgrade", "12-05 17:00", both), Text: "The window moved."})
	r.say("next", "11-22 00:00", planned("Load balancers", "12-12 21:30", both))
	r.say(maint.ChangeID("dark"), "11-23 00:00", maint.ChangePosted{Title: "Dark mode", Text: "It is *dark* now.", Labels: []string{"new"}})
	r.say(maint.ChangeID("dark"), "11-24 00:00", maint.ChangePosted{Title: "Dark mode", Text: "It is *really* dark now.", Labels: []string{"new"}})
	r.say("pg17", "12-05 03:55", maint.BannerChanged{On: true, Sites: 3, Of: 3, Text: "A notice is on all 3 of our sites."})
	r.say("pg17", "12-05 04:00", maint.Started{Text: "The work has begun."}, maint.StepStarted{Title: "db1.internal"})
	r.say(maint.ComponentID("api"), "12-05 04:10", maint.ComponentSet{Name: "API", Status: maint.DegradedPerformance, Text: "Slow logins."})
	r.say("pg17", "12-05 05:31", maint.Late{ExpectedEnd: at("12-05 06:40"), Text: "The copy takes longer."})
	r.say(maint.IncidentID("mail"), "12-05 05:40", maint.IncidentOpened{Title: "Mail is late", Status: maint.Identified, Severity: maint.Minor, Text: "Queued, not lost."})
	return &r
}

func find(t *testing.T, page view.PageModel, id maint.ID) view.Maintenance {
	t.Helper()
	m, ok := page.Find(id)
	if !ok {
		t.Fatalf("%s is not on the page", id)
	}
	return m
}
