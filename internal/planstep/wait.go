package planstep

import (
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/run"
)

// Wait is a step that lets time pass. A later run waits for what is left of it.
type Wait struct {
	name string
	d    time.Duration
}

var _ run.Step = (*Wait)(nil)

// NewWait makes the step.
func NewWait(name string, d time.Duration) *Wait { return &Wait{name, d} }

type waitMemo struct {
	Until time.Time `json:"until"`
}

// tick is how often a wait shows how far it is.
const tick = time.Second

// Name implements run.Step.
func (w *Wait) Name() string { return w.name }

// Observe implements run.Step.
func (w *Wait) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var m waitMemo
	found, err := rec.Memo(&m)
	switch {
	case err != nil:
		return run.Observation{}, err
	case !found:
		return run.Observation{Presence: run.Absent, Evidence: "not waited yet"}, nil
	case time.Now().Before(m.Until):
		return run.Observation{Presence: run.Partial, Evidence: "waiting until " + m.Until.Format(time.RFC3339)}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: fmt.Sprintf("waited %s, until %s", w.d, m.Until.Format(time.RFC3339))}, nil
}

// Apply implements run.Step.
func (w *Wait) Apply(ctx context.Context, rec run.Recorder) error {
	var m waitMemo
	found, err := rec.Memo(&m)
	if err != nil {
		return err
	}
	if !found {
		m.Until = time.Now().UTC().Add(w.d)
		if err := rec.Keep(ctx, m); err != nil {
			return err
		}
	}
	for left := time.Until(m.Until); left > 0; left = time.Until(m.Until) {
		rec.Progress(run.Progress{Text: "waiting", Unit: "seconds", Done: (w.d - left).Seconds(), Total: w.d.Seconds()})
		if err := sleep(ctx, min(left, tick)); err != nil {
			return err
		}
	}
	return nil
}

// Undo implements run.Step: time does not come back.
func (w *Wait) Undo(context.Context, run.Recorder) error { return nil }
