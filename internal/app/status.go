package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/forecast"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Status is one maintenance at a glance.
type Status struct {
	ID       maint.ID         `json:"id"`
	State    maint.State      `json:"state"`
	Title    string           `json:"title"`
	Window   string           `json:"window"`
	Progress string           `json:"progress,omitempty"`
	End      time.Time        `json:"expected_end,omitzero"` // of work under way, where its length was forecast
	Recent   []timeline.Entry `json:"recent"`
}

// Status tells of every maintenance that is not over, and of the newest that is.
func (a *App) Status(ctx context.Context) ([]Status, error) {
	histories, err := a.histories(ctx)
	if err != nil {
		return nil, err
	}
	samples, err := a.store.Newest(ctx)
	if err != nil {
		return nil, err
	}
	open, over := []Status{}, []Status{}
	for _, id := range slices.Sorted(maps.Keys(histories)) {
		entries := histories[id]
		m := timeline.Fold(id, entries)
		if m.State == maint.Draft || m.State == "" { // a rehearsal: it was announced to nobody
			continue
		}
		s := Status{ID: id, State: m.State, Title: m.Plan.Title, Window: windowText(m.Plan.Window), Recent: entries[max(0, len(entries)-8):]}
		if m.State == maint.StateCompleted || m.State == maint.StateCancelled {
			over = append(over, s)
			continue
		}
		if p := samples[id]; a.now().Sub(p.At) < silence && p.At.After(entries[len(entries)-1].At) {
			s.Progress = progressText(p)
		}
		s.End = expectedEnd(m, entries, samples[id], a.now())
		open = append(open, s)
	}
	slices.SortFunc(over, func(x, y Status) int { return int(last(y.Recent) - last(x.Recent)) })
	return append(open, over[:min(1, len(over))]...), nil
}

// expectedEnd is the forecast of work under way, for as far as it has come.
func expectedEnd(m maint.Maintenance, entries []timeline.Entry, sample run.Progress, now time.Time) time.Time {
	if !m.Running() {
		return time.Time{}
	}
	live := forecast.NewLive(nil)
	for _, e := range entries {
		if f, ok := e.Event.(maint.Forecast); ok && f.Rehearsals > 0 {
			live.Parts = f.Parts
		}
		live.Apply(e.Event, e.At)
	}
	if len(live.Parts) == 0 {
		return time.Time{}
	}
	if sample.Total > 0 {
		live.Sample(sample.Step, sample.Done/sample.Total, sample.At)
	}
	return live.End(now)
}

func last(entries []timeline.Entry) int64 {
	if len(entries) == 0 {
		return 0
	}
	return entries[len(entries)-1].Seq
}

// histories are those of all maintenances.
func (a *App) histories(ctx context.Context) (map[maint.ID][]timeline.Entry, error) {
	out := map[maint.ID][]timeline.Entry{}
	for after := int64(0); ; {
		entries, err := a.store.Read(ctx, after, 1000)
		if err != nil {
			return nil, fmt.Errorf("read the record: %w", err)
		}
		if len(entries) == 0 {
			return out, nil
		}
		for _, e := range entries {
			after = e.Seq
			if e.Subject.Kind() == maint.AMaintenance {
				out[e.Subject] = append(out[e.Subject], e)
			}
		}
	}
}

// progressText is the operator's line about the running step.
func progressText(p run.Progress) string {
	parts := []string{p.Title, p.Text}
	if p.Total > 0 {
		parts = append(parts, fmt.Sprintf("%.0f %%", 100*p.Done/p.Total))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
