package notify_test

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
)

func TestMirrored(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC)
	at := func(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }
	plan := maint.Scheduled{Title: "Upgrade", Window: maint.Window{Start: "2026-12-05 04:00", Zone: "UTC", Allow: 2 * time.Hour}}
	moved := plan
	moved.Window.Start = "2026-12-05 08:00"
	m := maint.Maintenance{ID: "pg17"}
	for i, step := range []struct {
		event  maint.Event
		ok     bool
		over   bool
		starts time.Time
		ends   time.Time
	}{
		{plan, true, false, at(4), at(6)},
		{maint.Rescheduled{Scheduled: moved}, true, false, at(8), at(10)},
		{maint.Started{}, true, false, at(8), at(10)},
		{maint.Updated{}, false, false, at(8), at(10)},
		{maint.Late{ExpectedEnd: at(11)}, true, false, at(8), at(11)},
		{maint.Late{ExpectedEnd: at(12)}, true, false, at(8), at(12)},
		{maint.Late{ExpectedEnd: at(9)}, true, false, at(8), at(10)},
		{maint.Completed{}, true, true, at(8), at(10)},
		{maint.RolledBack{}, true, true, at(8), at(10)},
	} {
		e := timeline.Entry{Subject: "pg17", Version: int64(i + 1), At: at(1), Event: step.event}
		n, ok := notify.Mirrored(m, e)
		m = m.Apply(step.event, e.At)
		if ok != step.ok {
			t.Errorf("%s: %v", step.event.Kind(), ok)
		}
		if !ok {
			continue
		}
		start, end, err := n.Span()
		if err != nil || n.Over != step.over || !start.Equal(step.starts) || !end.Equal(step.ends) || n.Word != step.event.Kind() {
			t.Errorf("%s: %+v, %s to %s, %v", step.event.Kind(), n, start, end, err)
		}
	}
}

func TestWhoGetsWhat(t *testing.T) {
	t.Parallel()
	people, windows, posts := notify.Address{}, notify.Address{Mirrors: maint.AMaintenance}, notify.Address{Mirrors: maint.AChange}
	told := notify.Notice{Kind: notify.Ahead, Subject: "pg17"}
	window := notify.Notice{Kind: notify.Mirror, Subject: "pg17"}
	post := notify.Notice{Kind: notify.Mirror, Subject: maint.ChangeID("faster")}
	for _, tt := range []struct {
		a     notify.Address
		which []bool
	}{{people, []bool{true, false, false}}, {windows, []bool{false, true, false}}, {posts, []bool{false, false, true}}} {
		for i, n := range []notify.Notice{told, window, post} {
			if tt.a.Gets(n) != tt.which[i] {
				t.Errorf("%q gets %s of %s: %v", tt.a.Mirrors, n.Kind, n.Subject, !tt.which[i])
			}
		}
	}
}
