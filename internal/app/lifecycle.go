package app

import (
	"context"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// turn is a step that moves the maintenance to another state: the state follows the
// work, because it is a step of the work.
type turn struct {
	name string
	id   maint.ID
	cmd  maint.Command
	past []maint.State // the states in which it has happened
	log  timeline.Log
	now  func() time.Time
}

func (t turn) Name() string { return t.name }

func (t turn) Observe(ctx context.Context, _ run.Recorder) (run.Observation, error) {
	m, err := t.maintenance(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	for _, s := range t.past {
		if m.State == s {
			return run.Observation{Presence: run.Done, Evidence: string(m.State)}, nil
		}
	}
	return run.Observation{Presence: run.Absent, Evidence: string(m.State)}, nil
}

func (t turn) Apply(ctx context.Context, rec run.Recorder) error {
	m, err := t.maintenance(ctx)
	if err != nil {
		return err
	}
	events, err := m.Decide(t.cmd, t.now())
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := rec.Say(ctx, t.name, e); err != nil {
			return err
		}
	}
	return nil
}

// Undo does nothing: what was said stays said. An abort says that the maintenance was cancelled.
func (t turn) Undo(context.Context, run.Recorder) error { return nil }

func (t turn) maintenance(ctx context.Context) (maint.Maintenance, error) {
	entries, err := t.log.History(ctx, t.id)
	return timeline.Fold(t.id, entries), err
}
