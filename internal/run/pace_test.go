package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// slowness says once that it is late, as soon as anything was done.
type slowness struct {
	past     []string
	recorded []string
	sampled  []float64
	said     chan struct{}
}

func (s *slowness) Past(_ time.Time, e maint.Event) { s.past = append(s.past, e.Kind()) }

func (s *slowness) Recorded(_ time.Time, e maint.Event) {
	s.recorded = append(s.recorded, e.Kind())
	if e.Kind() == "late" {
		close(s.said)
	}
}

func (s *slowness) Sampled(p run.Progress) { s.sampled = append(s.sampled, p.Done) }

func (s *slowness) Say(time.Time) (string, maint.Event) {
	if len(s.sampled) == 0 {
		return "", nil
	}
	return "late/1", maint.Late{Text: "Late."}
}

// TestPace: what is to be said of how it goes is on record while the step still runs, once, and a later run knows of it.
func TestPace(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	s := &slowness{said: make(chan struct{})}
	tr.runner.Pace = s
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		rec.Progress(run.Progress{Done: 3, Total: 10})
		select {
		case <-s.said:
			return nil
		case <-time.After(3 * time.Minute):
			t.Error("nothing was said")
			return errBroken
		}
	}
	tr.mustRun()
	tr.recorded("step/a/1/started: A started (1)", "late/1: late", "step/a/1/done: A finished (1) in 0s of 1m0s, it is done")
	if len(s.past) != 0 || len(s.sampled) != 1 || s.sampled[0] != 3 {
		t.Errorf("it was told of %v as past and of %v as progress", s.past, s.sampled)
	}
	again := &slowness{}
	tr.runner.Pace = again
	tr.mustRun()
	if len(again.past) != 3 || again.past[1] != "late" || len(again.recorded) != 0 {
		t.Errorf("the next run was told of %v as past, and of %v", again.past, again.recorded)
	}
}

// TestPaceEndsWithTheJournal: a write of what is said that fails ends the run, as any other does.
func TestPaceEndsWithTheJournal(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	s := &slowness{said: make(chan struct{})}
	tr.runner.Pace = s
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		tr.journal.Break("m")
		if _, err := tr.journal.Acquire(ctx, "m"); err != nil { // somebody else has taken over
			t.Error(err)
		}
		rec.Progress(run.Progress{Done: 1})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(3 * time.Minute):
			return errBroken
		}
	}
	tr.refused(tr.run(), run.ErrLeaseLost)
}
