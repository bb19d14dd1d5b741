package app

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

func TestExpectedEnd(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	known := maint.Forecast{Rehearsals: 1, Parts: []maint.Expected{{Step: "copy", Takes: time.Minute}, {Step: "switch", Takes: time.Minute}}}
	half := run.Progress{Step: "copy", At: start.Add(40 * time.Second), Done: 1, Total: 2}
	for name, tt := range map[string]struct {
		events []maint.Event
		want   time.Duration // after the start; 0 = not known
	}{
		"half of the copy in 40 s": {[]maint.Event{known, maint.Started{}, maint.StepStarted{Step: "copy"}}, 140 * time.Second},
		"not rehearsed":            {[]maint.Event{maint.Forecast{Parts: known.Parts}, maint.Started{}, maint.StepStarted{Step: "copy"}}, 0},
		"not begun":                {[]maint.Event{known}, 0},
		"over":                     {[]maint.Event{known, maint.Started{}, maint.Completed{}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var entries []timeline.Entry
			for _, e := range tt.events {
				entries = append(entries, timeline.Entry{At: start, Event: e})
			}
			got := expectedEnd(timeline.Fold("m", entries), entries, half, start.Add(40*time.Second))
			if want := start.Add(tt.want); got.IsZero() != (tt.want == 0) || !got.IsZero() && !got.Equal(want) {
				t.Errorf("expected at %s, want %s", got, want)
			}
		})
	}
}
