// Package planstep holds the plain steps of a plan: a check, a query, a command, a
// question to a person, and a wait.
//
// The world cannot be asked whether any of them is done, so each keeps in its memo what
// came of it, and Observe reads that. It must not know of clusters, sites or the store,
// nor where a plan comes from.
package planstep

import (
	"context"
	"time"

	"github.com/lullhq/lull/internal/run"
)

// outcome is the memo of a step that has passed, or has not.
type outcome struct {
	Passed   bool      `json:"passed"`
	Evidence string    `json:"evidence,omitempty"`
	At       time.Time `json:"at"`
}

func pass(ctx context.Context, rec run.Recorder, evidence string) error {
	return rec.Keep(ctx, outcome{Passed: true, Evidence: evidence, At: time.Now().UTC()})
}

// observeOutcome is the Observe of a step that leaves nothing but its outcome.
func observeOutcome(rec run.Recorder) (run.Observation, error) {
	var o outcome
	if _, err := rec.Memo(&o); err != nil {
		return run.Observation{}, err
	}
	if !o.Passed {
		return run.Observation{Presence: run.Absent, Evidence: "not passed yet"}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: o.Evidence}, nil
}

// sleep waits, or ends with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
