package planstep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
)

const (
	checkPause   = time.Second      // from one try to the next
	tryDeadline  = 10 * time.Second // of one try
	checkDefault = time.Minute      // how long is tried when nothing is said
)

// Try looks once. Its evidence is for the record; its error says what was answered, and where.
type Try func(ctx context.Context) (evidence string, err error)

// Check is a step that tries until it sees what it expects, for so long and no longer.
//
// It has no lasting effect. Once it has passed it counts as done, also for a later run: a
// check made before the switch need not hold after it. An attempt that begins anew has to
// pass by itself.
type Check struct {
	name   string
	within time.Duration
	try    Try
}

var _ run.Step = (*Check)(nil)

// NewCheck makes a check. Within 0 is one minute.
func NewCheck(name string, within time.Duration, try Try) *Check {
	if within <= 0 {
		within = checkDefault
	}
	return &Check{name: name, within: within, try: try}
}

// Name implements run.Step.
func (c *Check) Name() string { return c.name }

// Observe implements run.Step.
func (c *Check) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	return observeOutcome(rec)
}

// Apply implements run.Step.
func (c *Check) Apply(ctx context.Context, rec run.Recorder) error {
	if err := rec.Keep(ctx, outcome{At: time.Now().UTC()}); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	var last error
	for tries := 1; ; tries++ {
		evidence, err := c.once(limited)
		if err == nil {
			return pass(ctx, rec, evidence)
		}
		if last == nil || limited.Err() == nil { // a try that was cut short says less than the one before it
			last = err
		}
		if limited.Err() == nil {
			rec.Progress(run.Progress{Text: last.Error() + "; asking again"})
			_ = sleep(limited, checkPause) // its end is seen below
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w, the last answer: %w", context.Cause(ctx), last)
		}
		if limited.Err() != nil {
			return c.gaveUp(last, tries)
		}
	}
}

func (c *Check) once(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, tryDeadline, errors.New("no answer within "+tryDeadline.String()))
	defer cancel()
	return c.try(ctx)
}

func (c *Check) gaveUp(last error, tries int) error {
	next := hint.Of(last)
	if next == "" {
		next = "see why; when it is well, type the same command again"
	}
	return hint.Errorf(next, "%w (tried %d times in %s)", last, tries, c.within)
}

// Undo implements run.Step: there is nothing to take back.
func (c *Check) Undo(context.Context, run.Recorder) error { return nil }
