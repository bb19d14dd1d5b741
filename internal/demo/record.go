package demo

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// record is what Lull says happened, as its report prints it.
type record struct {
	figures            maint.Figures // the last value of each
	window             time.Duration
	started, completed time.Time
	forecast           *maint.Forecast // nil when nothing was rehearsed
	steps              map[string]maint.StepFinished
	began              map[string]time.Time // of the steps
	late               time.Time            // when people were told so first; zero = never
}

func readRecord(data []byte) (record, error) {
	var entries []timeline.Entry
	if err := json.Unmarshal(data, &entries); err != nil {
		return record{}, fmt.Errorf("read the record: %w", err)
	}
	r := record{figures: maint.Figures{}, steps: map[string]maint.StepFinished{}, began: map[string]time.Time{}}
	for _, e := range entries {
		switch x := e.Event.(type) {
		case maint.Scheduled:
			r.window = x.Window.Allow
		case maint.Rescheduled:
			r.window = x.Window.Allow
		case maint.Extended:
			r.window = x.Window.Allow
		case maint.Started:
			r.started = e.At
		case maint.Completed:
			r.completed = e.At
		case maint.Forecast:
			if x.Rehearsals > 0 {
				r.forecast = &x
			}
		case maint.StepStarted:
			r.began[x.Step] = e.At
		case maint.StepFinished:
			r.steps[x.Step] = x
		case maint.Late:
			if r.late.IsZero() {
				r.late = e.At
			}
		case maint.Noted:
			for name, v := range x.Figures {
				r.figures[name] = v
			}
		}
	}
	if r.started.IsZero() || r.completed.IsZero() {
		return r, fmt.Errorf("read the record: it does not say when the work started and completed")
	}
	return r, nil
}

// figure gives a number that the record has: one that it lacks is not 0.
func (r record) figure(name string, missing *[]string) float64 {
	v, ok := r.figures[name]
	if !ok {
		*missing = append(*missing, name)
	}
	return v
}

// held is when clients were held, by Lull's clock.
func (r record) held(missing *[]string) (from, to time.Time) {
	from = time.UnixMilli(int64(r.figure("held_at_unix_ms", missing)))
	return from, from.Add(time.Duration(r.figure("hold_ms", missing) * float64(time.Millisecond)))
}

// lateShare is how much of what a step took longer than expected was over when people were told that it would be late.
func (r record) lateShare(step string) float64 {
	if r.forecast == nil || r.late.IsZero() {
		return 0
	}
	for _, p := range r.forecast.Parts {
		if over := r.steps[step].Took - p.Takes; p.Step == step && over > 0 {
			return r.late.Sub(r.began[step].Add(p.Takes)).Seconds() / over.Seconds()
		}
	}
	return 0
}
