package notify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
)

var plan = maint.Scheduled{
	Title: "Database upgrade", Summary: "We move our database to PostgreSQL 17.",
	Window:     maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
	Components: map[string]maint.Impact{"app": maint.UnderMaintenance}, Names: map[string]string{"app": "App"},
	Notices: []string{"14d", "7d", "1d", "1h", "start", "late", "end"},
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// told gives what follows from the last of some events, a line a notice.
func told(t *testing.T, when string, events ...maint.Event) (out []string) {
	t.Helper()
	m := maint.Maintenance{ID: "pg17"}
	last := len(events) - 1
	for i, e := range events[:last] {
		m = m.Apply(e, at(when).Add(time.Duration(i-last)*time.Minute))
	}
	e := timeline.Entry{Subject: "pg17", Version: int64(last + 1), At: at(when), Event: events[last]}
	list, fresh := notify.Follow(m, e)
	if !fresh {
		return []string{"nothing changes"}
	}
	for _, n := range list {
		line := n.Due.Format("2006-01-02 15:04 ") + string(n.Kind) + " " + n.ID
		if n.ToTold {
			line += " to those who were told"
		}
		out = append(out, line)
	}
	return out
}

func TestFollow(t *testing.T) {
	t.Parallel()
	moved := plan
	moved.Window.Start = "2026-12-12 17:00"
	retitled := plan
	retitled.Title = "Upgrade of the database"
	longer := plan
	longer.Window.Allow += time.Hour
	silent := plan
	silent.Notices = []string{"7d"}
	late := maint.Late{ExpectedEnd: at("2026-12-05 07:15")}
	for name, tt := range map[string]struct {
		when   string
		events []maint.Event
		want   []string
	}{
		"in good time": {"2026-11-01 00:00", []maint.Event{plan}, []string{
			"2026-11-21 04:00 ahead pg17/14d/2026-12-05T04:00Z", "2026-11-28 04:00 ahead pg17/7d/2026-12-05T04:00Z",
			"2026-12-04 04:00 ahead pg17/1d/2026-12-05T04:00Z", "2026-12-05 03:00 ahead pg17/1h/2026-12-05T04:00Z",
		}},
		"of those that are over, the last one at once": {"2026-11-30 00:00", []maint.Event{plan}, []string{
			"2026-11-28 04:00 ahead pg17/7d/2026-12-05T04:00Z", "2026-12-04 04:00 ahead pg17/1d/2026-12-05T04:00Z", "2026-12-05 03:00 ahead pg17/1h/2026-12-05T04:00Z",
		}},
		"after the start there is nothing ahead": {"2026-12-05 04:30", []maint.Event{plan}, nil},
		"moved": {"2026-12-05 03:30", []maint.Event{plan, maint.Rescheduled{Scheduled: moved}}, []string{
			"2026-12-05 03:30 rescheduled pg17/rescheduled/2 to those who were told", "2026-11-28 04:00 ahead pg17/14d/2026-12-12T04:00Z",
			"2026-12-05 04:00 ahead pg17/7d/2026-12-12T04:00Z", "2026-12-11 04:00 ahead pg17/1d/2026-12-12T04:00Z", "2026-12-12 03:00 ahead pg17/1h/2026-12-12T04:00Z",
		}},
		"other words are not another time": {"2026-12-05 03:30", []maint.Event{plan, maint.Rescheduled{Scheduled: retitled}}, []string{
			"2026-12-05 03:00 ahead pg17/1h/2026-12-05T04:00Z",
		}},
		"started":                  {"2026-12-05 04:00", []maint.Event{plan, maint.Started{}}, []string{"2026-12-05 04:00 start pg17/start/2"}},
		"started, not listed":      {"2026-12-05 04:00", []maint.Event{silent, maint.Started{}}, nil},
		"late":                     {"2026-12-05 06:00", []maint.Event{plan, maint.Started{}, late}, []string{"2026-12-05 06:00 late pg17/late/3"}},
		"late, not listed":         {"2026-12-05 06:00", []maint.Event{silent, maint.Started{}, late}, []string{"2026-12-05 06:00 late pg17/late/3 to those who were told"}},
		"more time, listed or not": {"2026-12-05 06:00", []maint.Event{silent, maint.Started{}, late, maint.Extended{Window: longer.Window}}, []string{"2026-12-05 06:00 extended pg17/extended/4 to those who were told"}},
		"more time before the start": {"2026-12-05 03:30", []maint.Event{plan, maint.Rescheduled{Scheduled: longer}}, []string{
			"2026-12-05 03:30 extended pg17/extended/2 to those who were told", "2026-12-05 03:00 ahead pg17/1h/2026-12-05T04:00Z",
		}},
		"completed, listed or not":  {"2026-12-05 06:00", []maint.Event{silent, maint.Started{}, maint.Completed{}}, []string{"2026-12-05 06:00 end pg17/end/3 to those who were told"}},
		"called off, listed or not": {"2026-12-01 06:00", []maint.Event{plan, maint.Cancelled{}}, []string{"2026-12-01 06:00 cancelled pg17/cancelled/2 to those who were told"}},
		"taken back after it was completed": {"2026-12-05 08:00", []maint.Event{plan, maint.Started{}, maint.Completed{}, maint.RolledBack{}}, []string{
			"2026-12-05 08:00 rolled_back pg17/rolled_back/4 to those who were told",
		}},
		"a step is nobody's news": {"2026-12-05 04:00", []maint.Event{plan, maint.StepStarted{}}, []string{"nothing changes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, told(t, tt.when, tt.events...)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// The clocks go back in Paris on 25 October 2026: a week before, it is the same time of day.
func TestDaysAreThoseOfTheCalendar(t *testing.T) {
	t.Parallel()
	paris := plan
	paris.Window = maint.Window{Start: "2026-10-28 20:00", Zone: "Europe/Paris", Allow: time.Hour}
	paris.Notices = []string{"7d", "168h"}
	got := told(t, "2026-10-01 00:00", paris)
	want := []string{"2026-10-21 18:00 ahead pg17/7d/2026-10-28T19:00Z", "2026-10-21 19:00 ahead pg17/168h/2026-10-28T19:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
