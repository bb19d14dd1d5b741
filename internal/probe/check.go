package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
)

// CheckStep asks an address until it answers as expected or its budget is over. It has
// no effect on the world, so what it keeps is only that it has passed.
type CheckStep struct {
	name   string
	url    string
	expect int
	budget time.Duration
}

// NewCheckStep makes the step.
func NewCheckStep(name, url string, expect int, budget time.Duration) *CheckStep {
	return &CheckStep{name: name, url: url, expect: expect, budget: budget}
}

// Name implements run.Step.
func (s *CheckStep) Name() string { return s.name }

// Observe implements run.Step.
func (s *CheckStep) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var passed bool
	if _, err := rec.Memo(&passed); err != nil || !passed {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: fmt.Sprintf("%s answered %d", s.url, s.expect)}, nil
}

// Apply implements run.Step.
func (s *CheckStep) Apply(ctx context.Context, rec run.Recorder) error {
	ctx, cancel := context.WithTimeout(ctx, s.budget)
	defer cancel()
	client := newClient()
	for last := error(nil); ; {
		status, err := get(ctx, client, s.url)
		if err == nil && status == s.expect {
			return rec.Keep(context.WithoutCancel(ctx), true)
		}
		if err == nil {
			err = fmt.Errorf("%s answered %d, and %d is expected", s.url, status, s.expect)
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		rec.Progress(run.Progress{Text: last.Error(), Public: "Checking that all is well"})
		select {
		case <-ctx.Done():
			return hint.Wrap(last, "see why at "+s.url+", then type the same command again")
		case <-time.After(time.Second):
		}
	}
}

// Undo implements run.Step: there is nothing to take back.
func (s *CheckStep) Undo(context.Context, run.Recorder) error { return nil }
