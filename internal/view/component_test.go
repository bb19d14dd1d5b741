package view

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

var shop = Catalog{Zone: "Pacific/Auckland", Components: []Listed{
	{ID: "site", Name: "Site"}, {ID: "app", Name: "App", Group: "Product"}, {ID: "api", Name: "API", Group: "Product"}, {ID: "mail", Name: "Mail"},
}}

// said is a public record: each line a subject, a time of day and an event.
type saidLine struct {
	id   maint.ID
	when string
	e    maint.Public
}

func spoken(lines ...saidLine) (out []timeline.PublicEntry) {
	for i, l := range lines {
		out = append(out, timeline.PublicEntry{Seq: int64(i + 1), Subject: l.id, At: at(l.when), Event: l.e})
	}
	return out
}

var (
	slow  = maint.IncidentID("slow-api")
	api   = maint.ComponentID("api")
	works = map[string]maint.Impact{"api": maint.UnderMaintenance}
)

func opened(impact maint.Impact) maint.IncidentOpened {
	return maint.IncidentOpened{Title: "Slow API", Status: maint.Investigating, Severity: maint.Major, Text: "We look.", Components: map[string]maint.Impact{"api": impact}}
}

func upgrade() maint.Scheduled {
	p := plan
	p.Components = works
	return p
}

// TestReplay is what becomes of one component in each kind of story.
func TestReplay(t *testing.T) {
	t.Parallel()
	since := func(when string, status maint.Impact) maint.ComponentProbed {
		return maint.ComponentProbed{Status: status, Since: at(when)}
	}
	began := opened(maint.MajorOutage)
	began.Began = at("01:30")
	stretch := func(from, to string, status maint.Impact, because ...maint.ID) Stretch {
		s := Stretch{From: at(from), Status: status, Because: because}
		if to != "" {
			s.To = at(to)
		}
		return s
	}
	resolved := maint.IncidentUpdated{Status: maint.Resolved, Text: "Over."}
	for _, tt := range []struct {
		name  string
		lines []saidLine
		want  []Stretch
	}{
		{"nothing was said", nil, nil},
		{"a maintenance that is announced changes nothing", []saidLine{{"pg17", "01:00", upgrade()}}, nil},
		{"it does while it goes on", []saidLine{{"pg17", "01:00", upgrade()}, {"pg17", "02:00", maint.Started{}}, {"pg17", "03:00", maint.Verifying{}}, {"pg17", "03:10", maint.Completed{}}},
			[]Stretch{stretch("02:00", "03:10", maint.UnderMaintenance, "pg17")}},
		{"and when it is called off", []saidLine{{"pg17", "01:00", upgrade()}, {"pg17", "02:00", maint.Started{}}, {"pg17", "03:00", maint.Cancelled{}}},
			[]Stretch{stretch("02:00", "03:00", maint.UnderMaintenance, "pg17")}},
		{"an incident lasts until it is resolved", []saidLine{{slow, "02:00", opened(maint.PartialOutage)}, {slow, "02:30", maint.IncidentUpdated{Status: maint.Monitoring, Text: "t", Components: map[string]maint.Impact{"api": maint.DegradedPerformance}}}, {slow, "03:00", resolved}},
			[]Stretch{stretch("02:00", "02:30", maint.PartialOutage, slow), stretch("02:30", "03:00", maint.DegradedPerformance, slow)}},
		{"it counts from when it began", []saidLine{{slow, "02:00", began}}, []Stretch{stretch("01:30", "", maint.MajorOutage, slow)}},
		{"opened again", []saidLine{{slow, "02:00", opened(maint.PartialOutage)}, {slow, "03:00", resolved}, {slow, "04:00", maint.IncidentUpdated{Status: maint.Investigating, Text: "t", Components: map[string]maint.Impact{"api": maint.PartialOutage}}}},
			[]Stretch{stretch("02:00", "03:00", maint.PartialOutage, slow), stretch("04:00", "", maint.PartialOutage, slow)}},
		{"probes count from the first look that failed", []saidLine{{api, "02:01", since("02:00", maint.MajorOutage)}, {api, "02:21", since("02:20", maint.Operational)}},
			[]Stretch{stretch("02:00", "02:20", maint.MajorOutage, api)}},
		{"probes count for nothing in a maintenance that names the component", []saidLine{{"pg17", "01:00", upgrade()}, {"pg17", "02:00", maint.Started{}}, {api, "02:31", since("02:30", maint.MajorOutage)}, {api, "02:41", since("02:40", maint.Operational)}, {"pg17", "03:00", maint.Completed{}}},
			[]Stretch{stretch("02:00", "03:00", maint.UnderMaintenance, "pg17")}},
		{"and again after it", []saidLine{{"pg17", "01:00", upgrade()}, {"pg17", "02:00", maint.Started{}}, {api, "02:31", since("02:30", maint.MajorOutage)}, {"pg17", "03:00", maint.Completed{}}, {api, "03:06", since("03:05", maint.Operational)}},
			[]Stretch{stretch("02:00", "03:00", maint.UnderMaintenance, "pg17"), stretch("03:00", "03:05", maint.MajorOutage, api)}},
		{"a person knows better than probes", []saidLine{{api, "02:00", maint.ComponentSet{Status: maint.Operational}}, {api, "02:31", since("02:30", maint.MajorOutage)}, {api, "02:40", maint.ComponentFreed{}}},
			[]Stretch{stretch("02:40", "", maint.MajorOutage, api)}},
		{"the worst of two counts, and both are named", []saidLine{{slow, "02:00", opened(maint.DegradedPerformance)}, {api, "02:10", maint.ComponentSet{Status: maint.MajorOutage}}, {slow, "02:20", resolved}},
			[]Stretch{stretch("02:00", "02:10", maint.DegradedPerformance, slow), stretch("02:10", "02:20", maint.MajorOutage, api, slow), stretch("02:20", "", maint.MajorOutage, api)}},
		{"a component that is not listed is left out", []saidLine{{maint.ComponentID("gone"), "02:00", maint.ComponentSet{Status: maint.MajorOutage}}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, replay(shop, spoken(tt.lines...))["api"]); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestReplayHolds: whatever is said, stretches follow each other, and each is of some length.
func TestReplayHolds(t *testing.T) {
	t.Parallel()
	events := []saidLine{
		{slow, "", opened(maint.PartialOutage)}, {slow, "", maint.IncidentUpdated{Status: maint.Resolved, Text: "t"}}, {"pg17", "", upgrade()}, {"pg17", "", maint.Started{}},
		{"pg17", "", maint.Completed{}}, {api, "", maint.ComponentSet{Status: maint.DegradedPerformance}}, {api, "", maint.ComponentFreed{}},
		{api, "", maint.ComponentProbed{Status: maint.MajorOutage, Since: at("02:00")}}, {api, "", maint.ComponentProbed{Status: maint.Operational, Since: at("03:00")}},
	}
	rapid.Check(t, func(rt *rapid.T) {
		var record []timeline.PublicEntry
		when := at("00:00")
		for n := range rapid.IntRange(0, 20).Draw(rt, "events") {
			l := rapid.SampledFrom(events).Draw(rt, "event")
			when = when.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "minutes")) * time.Minute)
			record = append(record, timeline.PublicEntry{Seq: int64(n + 1), Subject: l.id, At: when, Event: l.e})
		}
		list := replay(shop, record)["api"]
		for i, s := range list {
			if s.Status == maint.Operational || len(s.Because) == 0 || !s.Open() && !s.To.After(s.From) {
				rt.Fatalf("a stretch of nothing: %+v", s)
			}
			if i > 0 && (list[i-1].Open() || list[i-1].To.After(s.From)) {
				rt.Fatalf("one begins before the other has ended: %+v", list)
			}
		}
		now := when.Add(time.Hour)
		page := Page(shop, record, nil, now)
		for _, c := range page.Components() {
			if len(c.Days) != stripDays || c.Uptime.Out > c.Uptime.Known || c.Uptime.Percent < 0 || c.Uptime.Percent > 100 {
				rt.Fatalf("the strip of %s has %d days and an uptime of %+v", c.ID, len(c.Days), c.Uptime)
			}
		}
	})
}

// TestDays: days are those of the page's zone, of 23 to 25 hours, and what was before the
// record is not said to have been good.
func TestDays(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	in := func(day, hour, minute int) time.Time { return time.Date(2026, 9, day, hour, minute, 0, 0, loc) }
	now := in(28, 12, 0) // clocks went forward on the 27th
	list, up := days([]Stretch{
		{From: in(26, 23, 30), To: in(27, 0, 15), Status: maint.MajorOutage},
		{From: in(28, 11, 0), Status: maint.UnderMaintenance},
	}, in(26, 0, 0), now)
	tail := list[len(list)-4:]
	known, out, work := []bool{}, []time.Duration{}, []time.Duration{}
	for _, d := range tail {
		known, out, work = append(known, d.Known), append(out, d.Out), append(work, d.Work)
	}
	if diff := cmp.Diff([]bool{false, true, true, true}, known); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]time.Duration{0, 30 * time.Minute, 15 * time.Minute, 0}, out); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]time.Duration{0, 0, 0, time.Hour}, work); diff != "" {
		t.Error(diff)
	}
	if want := 24*time.Hour + 23*time.Hour + 12*time.Hour; up.Known != want || up.Out != 45*time.Minute || up.Percent != 98.72 {
		t.Errorf("uptime %+v, want %s known", up, want)
	}
}

// TestGroups: a group stands where its first component does, and has the worst status of them.
func TestGroups(t *testing.T) {
	t.Parallel()
	page := Page(shop, spoken(saidLine{slow, "02:00", opened(maint.PartialOutage)}), nil, at("03:00"))
	type row struct {
		name   string
		status maint.Impact
		n      int
	}
	var got []row
	for _, g := range page.Groups {
		got = append(got, row{g.Name, g.Status, len(g.Components)})
	}
	want := []row{{"", maint.Operational, 1}, {"Product", maint.PartialOutage, 2}, {"", maint.Operational, 1}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
	if o := page.Overall; o.Headline != "API is partly unavailable" || o.Tone != Down || o.ID != slow {
		t.Errorf("says %+v", o)
	}
}

// Ninety days of nanoseconds, ten thousand times, are more than an int64 holds.
func TestUptimeOfTheWholeStrip(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC)
	_, up := days([]Stretch{{From: now.AddDate(0, 0, -30), To: now.AddDate(0, 0, -30).Add(8 * time.Minute), Status: maint.MajorOutage}}, now.AddDate(0, 0, -100), now)
	if up.Percent != 99.99 || up.Out != 8*time.Minute {
		t.Errorf("8 minutes of 89 days are an uptime of %v%%, %s out", up.Percent, up.Out)
	}
	if _, up := days(nil, now.AddDate(0, 0, -100), now); up.Percent != 100 {
		t.Errorf("no outage is an uptime of %v%%", up.Percent)
	}
}
