package timeline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/timeline/logtest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	logtest.Run(t, func(*testing.T) timeline.Log { return &timeline.Memory{} })
}

func entries(events ...maint.Event) []timeline.Entry {
	var out []timeline.Entry
	for i, e := range events {
		at := time.Date(2026, 12, 5, 4, i, 0, 0, time.UTC)
		out = append(out, timeline.Entry{Seq: int64(10 + i), Subject: "m", Version: int64(i + 1), At: at, Event: e})
	}
	return out
}

func TestFold(t *testing.T) {
	t.Parallel()
	got := timeline.Fold("m", entries(maint.Scheduled{Title: "T"}, maint.Started{}, maint.Noted{}, maint.Completed{}))
	want := maint.Maintenance{
		ID: "m", State: maint.StateCompleted, Plan: maint.Scheduled{Title: "T"}, Version: 4,
		Scheduled: time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC),
		Started:   time.Date(2026, 12, 5, 4, 1, 0, 0, time.UTC),
		Ended:     time.Date(2026, 12, 5, 4, 3, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := timeline.Fold("m", nil); got.State != maint.Draft || got.ID != "m" {
		t.Errorf("no entries give %+v", got)
	}
}

// What servers are called and what went wrong on them is nobody's business: no
// event of a step may ever become public by accident.
func TestPublicKeepsTheOperatorsEventsBack(t *testing.T) {
	t.Parallel()
	private := map[string]bool{
		"step_started": true, "step_finished": true, "step_failed": true, "step_undone": true, "resumed": true, "noted": true, "fenced": true, "audited": true, "sites_probed": true, "rehearsed": true, "forecast": true, "notice_given": true, "change_drafted": true, "change_discarded": true,
	}
	all := entries(logtest.Events()...)
	public := timeline.Public(all)
	if len(public) != len(all)-len(private) {
		t.Errorf("%d of %d events are public", len(public), len(all))
	}
	for _, e := range public {
		if private[e.Event.Kind()] {
			t.Errorf("%s is public", e.Event.Kind())
		}
	}
}
