package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
)

func TestAbort(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b", "c", "d")
	tr.thing(2).apply = fail
	tr.refused(tr.run(), errBroken)
	tr.thing(2).is = run.Partial
	tr.read, tr.calls = 6, nil
	tr.thing(0).undo = func(context.Context, run.Recorder) error {
		tr.now = tr.now.Add(2 * time.Second)
		return nil
	}
	tr.mustAbort()
	tr.called("undo c", "undo b", "undo a")
	tr.recorded(
		"step/c/1/undone: C undone in 0s",
		"step/b/1/undone: B undone in 0s",
		"step/a/1/undone: A undone in 2s",
	)
	tr.status("c", run.Undone, 1)
	tr.status("d", "", 0)
	tr.mustAbort()
	tr.called()
	tr.recorded()
}

func TestAbortPassesOverWhatIsNotThere(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.mustRun()
	tr.thing(1).is = run.Absent
	tr.calls = nil
	tr.mustAbort()
	tr.called("undo a")
	tr.status("b", run.Undone, 1)
}

func TestAbortThenRun(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	var found bool
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) (err error) {
		var v int
		if found, err = rec.Memo(&v); err != nil {
			return err
		}
		return rec.Keep(ctx, 1)
	}
	tr.mustRun()
	tr.mustAbort()
	tr.now = tr.now.Add(time.Hour)
	tr.read = 3
	tr.mustRun()
	tr.called("apply a", "undo a", "apply a")
	tr.recorded("step/a/2/started: A started (2)", "step/a/2/done: A finished (2) in 0s of 1m0s, it is done")
	if found {
		t.Error("an undone step still had its memo")
	}
}

// Somebody brought the effect about by hand after the abort: it is new on the record.
func TestAbortThenFoundDone(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.mustRun()
	tr.mustAbort()
	tr.read = 3
	tr.thing(0).is = run.Done
	tr.mustRun()
	tr.recorded("step/a/2/done: A finished (2) in 0s of 1m0s, it is done")
}

func TestAbortRefusesPastThePointOfNoReturn(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b", "c")
	tr.items[1].NoReturn = true
	tr.thing(2).apply = fail
	tr.refused(tr.run(), errBroken)
	tr.calls, tr.read = nil, 6
	if err := tr.refused(tr.abort(), run.ErrNoReturn); hint.Of(err) == "" {
		t.Error("no hint")
	}
	tr.called()
	tr.recorded()
}

// The run was cut off between the effect and the write that tells of it: only looking tells.
func TestAbortLooksWhetherThePointOfNoReturnIsPassed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		is      run.Presence
		refused error
	}{{run.Done, run.ErrNoReturn}, {run.Foreign, run.ErrForeign}, {run.Partial, nil}, {run.Absent, nil}} {
		tr := try(t, "a", "b")
		tr.items[1].NoReturn = true
		tr.thing(1).apply = fail
		tr.refused(tr.run(), errBroken)
		tr.thing(1).is = tt.is
		tr.calls = nil
		if tt.refused != nil {
			tr.refused(tr.abort(), tt.refused)
			tr.called()
			continue
		}
		tr.mustAbort()
		tr.status("a", run.Undone, 1)
	}
}

func TestAbortStops(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*thing){
		"at foreign":                 func(s *thing) { s.is = run.Foreign },
		"when it cannot look":        func(s *thing) { s.observe = fail },
		"when a step does not go":    func(s *thing) { s.undo = fail },
		"when it does not go either": func(s *thing) { s.is, s.undo = run.Partial, fail },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, "a", "b")
			tr.mustRun()
			tr.read = 4
			was := *tr.thing(1)
			spoil(tr.thing(1))
			err := tr.abort()
			if err == nil || hint.Of(err) == "" {
				t.Fatalf("%v [%s]", err, hint.Of(err))
			}
			tr.recorded("step/b/1/undo/2: The step could not be taken back: " + err.Error())
			tr.status("a", run.Finished, 1)
			tr.status("b", run.Finished, 1)
			*tr.thing(1) = was
			tr.mustAbort()
			tr.recorded("step/b/1/undone: B undone in 0s", "step/a/1/undone: A undone in 0s")
		})
	}
}
