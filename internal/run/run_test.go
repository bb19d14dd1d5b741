package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/run/runtest"
	"github.com/lullhq/lull/internal/timeline"
)

// thing is a step whose effect is a presence in memory.
type thing struct {
	name string
	is   run.Presence
	// What a test wants to be different; nil = as usual.
	observe func(ctx context.Context, rec run.Recorder) error
	apply   func(ctx context.Context, rec run.Recorder) error
	undo    func(ctx context.Context, rec run.Recorder) error
	calls   *[]string
}

func (s *thing) Name() string { return s.name }

func (s *thing) Observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	o := run.Observation{Presence: s.is, Evidence: "it is " + string(s.is)}
	if s.observe != nil {
		return o, s.observe(ctx, rec)
	}
	return o, nil
}

func (s *thing) Apply(ctx context.Context, rec run.Recorder) error {
	*s.calls = append(*s.calls, "apply "+s.name)
	if s.apply != nil {
		if err := s.apply(ctx, rec); err != nil {
			return err
		}
	}
	s.is = run.Done
	return nil
}

func (s *thing) Undo(ctx context.Context, rec run.Recorder) error {
	*s.calls = append(*s.calls, "undo "+s.name)
	if s.undo != nil {
		if err := s.undo(ctx, rec); err != nil {
			return err
		}
	}
	s.is = run.Absent
	return nil
}

// trial is a plan of things with a journal, and a clock that stands still unless told.
type trial struct {
	*testing.T
	journal *runtest.Journal
	runner  *run.Runner
	items   []run.Item
	calls   []string
	now     time.Time
	read    int
}

func try(t *testing.T, names ...string) *trial {
	j := &runtest.Journal{}
	tr := &trial{T: t, journal: j, now: time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)}
	tr.runner = &run.Runner{Journal: j, Log: j, Now: func() time.Time { return tr.now }}
	for _, name := range names {
		step := &thing{name: name, is: run.Absent, calls: &tr.calls}
		tr.items = append(tr.items, run.Item{Step: step, Title: strings.ToUpper(name), Budget: time.Minute})
	}
	return tr
}

func (tr *trial) thing(i int) *thing { return tr.items[i].Step.(*thing) }

func (tr *trial) run() error   { return tr.runner.Run(tr.Context(), "m", tr.items) }
func (tr *trial) abort() error { return tr.runner.Abort(tr.Context(), "m", tr.items) }

func (tr *trial) mustRun() {
	tr.Helper()
	if err := tr.run(); err != nil {
		tr.Fatal(err)
	}
}

func (tr *trial) mustAbort() {
	tr.Helper()
	if err := tr.abort(); err != nil {
		tr.Fatal(err)
	}
}

// recorded wants the events since it was last asked, each as KEY: what matters of it.
func (tr *trial) recorded(want ...string) {
	tr.Helper()
	entries, err := tr.journal.History(tr.Context(), "m")
	if err != nil {
		tr.Fatal(err)
	}
	var got []string
	for _, e := range entries[tr.read:] {
		got = append(got, e.Key+": "+inWords(e.Event))
	}
	tr.read = len(entries)
	if diff := cmp.Diff(want, got); diff != "" {
		tr.Errorf("record -want +got\n%s", diff)
	}
}

func inWords(e maint.Event) string {
	switch e := e.(type) {
	case maint.StepStarted:
		return fmt.Sprintf("%s started (%d)", e.Title, e.Attempt)
	case maint.StepFinished:
		return fmt.Sprintf("%s finished (%d) in %s of %s, %s", e.Title, e.Attempt, e.Took, e.Budget, e.Evidence)
	case maint.StepFailed:
		return fmt.Sprintf("%s failed (%d) in %s, %s [%s]", e.Title, e.Attempt, e.Took, e.Error, e.Hint)
	case maint.StepUndone:
		return fmt.Sprintf("%s undone in %s", e.Title, e.Took)
	case maint.Resumed:
		return e.Text
	case maint.Noted:
		return e.Text
	case maint.Updated:
		return e.Text
	}
	return e.Kind()
}

func (tr *trial) called(want ...string) {
	tr.Helper()
	if diff := cmp.Diff(want, tr.calls); diff != "" {
		tr.Errorf("calls -want +got\n%s", diff)
	}
	tr.calls = nil
}

func (tr *trial) status(step string, want run.Status, attempt int) {
	tr.Helper()
	points, err := tr.journal.Load(tr.Context(), "m")
	if err != nil {
		tr.Fatal(err)
	}
	if cp := points[step]; cp.Status != want || cp.Attempt != attempt {
		tr.Errorf("%s is %q (%d), want %q (%d)", step, cp.Status, cp.Attempt, want, attempt)
	}
}

// refused wants an error of the given kind, and gives it.
func (tr *trial) refused(err, kind error) error {
	tr.Helper()
	if !errors.Is(err, kind) {
		tr.Fatalf("got %v, want %v", err, kind)
	}
	return err
}

var errBroken = errors.New("the disk is full")

func fail(context.Context, run.Recorder) error { return hint.Wrap(errBroken, "free some space") }

func TestRun(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		tr.now = tr.now.Add(3 * time.Second)
		return rec.Note(ctx, "All well.", nil)
	}
	tr.mustRun()
	tr.called("apply a", "apply b")
	tr.recorded(
		"step/a/1/started: A started (1)",
		"step/a/1/note/1: All well.",
		"step/a/1/done: A finished (1) in 3s of 1m0s, it is done",
		"step/b/1/started: B started (1)",
		"step/b/1/done: B finished (1) in 0s of 1m0s, it is done",
	)
	tr.status("a", run.Finished, 1)
	tr.mustRun()
	tr.called()
	tr.recorded()
}

func TestRunResumesAfterAFailure(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.thing(1).apply = fail
	err := tr.refused(tr.run(), errBroken)
	if hint.Of(err) != "free some space" {
		t.Errorf("hint %q", hint.Of(err))
	}
	tr.called("apply a", "apply b")
	tr.status("b", run.Failed, 1)
	tr.recorded(
		"step/a/1/started: A started (1)",
		"step/a/1/done: A finished (1) in 0s of 1m0s, it is done",
		"step/b/1/started: B started (1)",
		"step/b/1/failed: B failed (1) in 0s, b: the disk is full [free some space]",
	)
	tr.now = tr.now.Add(10 * time.Minute)
	tr.thing(1).apply = nil
	tr.mustRun()
	tr.called("apply b")
	tr.recorded(
		"resumed/2: The run was resumed. 1 of 2 steps were done.",
		"step/b/2/started: B started (2)",
		"step/b/2/done: B finished (2) in 10m0s of 1m0s, it is done", // people waited since the first start
	)
}

func TestRunFindsAnEffectThatIsThere(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.thing(0).is = run.Done
	tr.mustRun()
	tr.called()
	tr.recorded("step/a/1/done: A finished (1) in 0s of 1m0s, it is done")
}

func TestRunDoesAgainWhatIsGone(t *testing.T) {
	t.Parallel()
	for _, p := range []run.Presence{run.Absent, run.Partial} {
		tr := try(t, "a")
		tr.mustRun()
		tr.recorded("step/a/1/started: A started (1)", "step/a/1/done: A finished (1) in 0s of 1m0s, it is done")
		tr.now = tr.now.Add(time.Hour)
		tr.thing(0).is = p
		tr.mustRun()
		tr.called("apply a", "apply a")
		tr.recorded(
			fmt.Sprintf("step/a/2/again: The step was done, but looking again shows it %s (it is %s). It is done again.", p, p),
			"step/a/2/started: A started (2)",
			"step/a/2/done: A finished (2) in 0s of 1m0s, it is done",
		)
	}
}

func TestRunStopsAtForeign(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.thing(0).is = run.Foreign
	err := tr.refused(tr.run(), run.ErrForeign)
	if hint.Of(err) == "" || !strings.Contains(err.Error(), "it is foreign") {
		t.Errorf("%v [%s]", err, hint.Of(err))
	}
	tr.called()
	tr.status("a", "", 0)
	tr.recorded("step/a/0/look/1: A failed (0) in 0s, a: found something that lull did not make: it is foreign [" + hint.Of(err) + "]")
}

// A step that was done must not read as failed for ever because it could not be looked at once.
func TestRunCannotConfirm(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*thing){
		"foreign": func(s *thing) { s.is = run.Foreign },
		"error":   func(s *thing) { s.observe = fail },
		"unknown": func(s *thing) { s.is = "perhaps" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, "a", "b")
			tr.thing(1).apply = fail
			tr.refused(tr.run(), errBroken)
			tr.read, tr.calls = 4, nil
			was := *tr.thing(0)
			spoil(tr.thing(0))
			err := tr.run()
			if err == nil {
				t.Fatal("no error")
			}
			tr.called()
			tr.status("a", run.Finished, 1)
			tr.recorded("resumed/2: The run was resumed. 1 of 2 steps were done.",
				"step/a/1/look/2: The step was done, but could not be confirmed: "+err.Error())
			*tr.thing(0), tr.thing(1).apply = was, nil
			tr.mustRun()
			tr.called("apply b")
		})
	}
}

func TestRunDoesNotBelieveApply(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.items[0].Step = &forgetful{thing: tr.thing(0)}
	err := tr.refused(tr.run(), run.ErrNotSeen)
	if want := "a was applied, but looking again shows it absent (it is absent): the effect is not there"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	tr.status("a", run.Failed, 1)
	tr.recorded("step/a/1/started: A started (1)", "step/a/1/failed: A failed (1) in 0s, "+err.Error()+" ["+hint.Of(err)+"]")
}

// An error that nobody foresaw must not leave a person without a next step.
func TestEveryErrorHasANextStep(t *testing.T) {
	t.Parallel()
	plain := func(context.Context, run.Recorder) error { return errBroken }
	for name, spoil := range map[string]func(*thing){
		"looking": func(s *thing) { s.observe = plain },
		"acting":  func(s *thing) { s.apply = plain },
		"undoing": func(s *thing) { s.undo = plain },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, "a")
			spoil(tr.thing(0))
			err := tr.run()
			if err == nil {
				err = tr.abort()
			}
			if !errors.Is(err, errBroken) || !strings.Contains(hint.Of(err), "type the same command again") {
				t.Errorf("%v [%s]", err, hint.Of(err))
			}
		})
	}
}

// forgetful says that it has applied, and has not.
type forgetful struct{ *thing }

func (f *forgetful) Apply(context.Context, run.Recorder) error { return nil }

func TestRunIsInterrupted(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	tr.thing(0).apply = func(ctx context.Context, _ run.Recorder) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	err := tr.refused(tr.runner.Run(ctx, "m", tr.items), context.Canceled)
	if hint.Of(err) == "" {
		t.Error("no hint")
	}
	tr.called("apply a")
	tr.status("a", run.Failed, 1)
	tr.thing(0).apply = nil
	tr.mustRun()
	tr.called("apply a", "apply b")
}

func TestRunBeginsNothingWhenCancelled(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tr.refused(tr.runner.Run(ctx, "m", tr.items), context.Canceled)
	tr.refused(tr.runner.Abort(ctx, "m", tr.items), context.Canceled)
	tr.called()
	tr.recorded()
}

func TestHiddenStepsStayOffTheRecord(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.items[0].Hidden = true
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		return rec.Say(ctx, "begun", maint.Updated{Text: "Work has begun."})
	}
	tr.mustRun()
	tr.mustAbort()
	tr.recorded("begun: Work has begun.")
	tr.status("a", run.Undone, 1)
}

func TestUntil(t *testing.T) {
	t.Parallel()
	tr := try(t, "on", "off", "end")
	tr.items[0].Until = "off"
	tr.thing(1).apply = func(context.Context, run.Recorder) error {
		tr.thing(0).is = run.Absent
		return nil
	}
	tr.thing(2).apply = fail
	tr.refused(tr.run(), errBroken)
	tr.called("apply on", "apply off", "apply end")
	tr.thing(2).apply = nil
	tr.mustRun()
	tr.called("apply end")
}

func TestUntilHoldsOnlyOnceTheLaterStepHasBegun(t *testing.T) {
	t.Parallel()
	tr := try(t, "on", "mid", "off")
	tr.items[0].Until = "off"
	tr.thing(1).apply = fail
	tr.refused(tr.run(), errBroken)
	tr.thing(0).is = run.Absent
	tr.thing(1).apply = nil
	tr.mustRun()
	tr.called("apply on", "apply mid", "apply on", "apply mid", "apply off")
}

func TestPlansAreChecked(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"a", "a"}, {""}} {
		tr := try(t, names...)
		for _, err := range []error{tr.run(), tr.abort()} {
			if err == nil || hint.Of(err) == "" {
				t.Errorf("%q: %v", names, err)
			}
		}
		tr.called()
	}
}

func TestLeaseHeld(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	lease, err := tr.journal.Acquire(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	tr.refused(tr.run(), run.ErrLeaseHeld)
	tr.refused(tr.abort(), run.ErrLeaseHeld)
	tr.called()
	if err := tr.journal.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	tr.mustRun()
}

// Another process takes over while a step works. The step does not heed it; the runner does.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		tr.journal.Break("m")
		if _, err := tr.journal.Acquire(ctx, "m"); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := rec.Note(ctx, "Unheard.", nil); !errors.Is(err, run.ErrLeaseLost) {
				t.Errorf("note: %v", err)
			}
		}
		if cause := context.Cause(ctx); !errors.Is(cause, run.ErrLeaseLost) {
			t.Errorf("the step's context ends with %v", cause)
		}
		return nil
	}
	err := tr.refused(tr.run(), run.ErrLeaseLost)
	if !errors.Is(err, run.ErrJournal) || hint.Of(err) == "" {
		t.Errorf("%v [%s]", err, hint.Of(err))
	}
	tr.called("apply a")
	tr.recorded("step/a/1/started: A started (1)")
	tr.status("a", run.Started, 1)
}

// once is a journal whose nth commit fails, and no other.
type once struct {
	run.Journal
	left int
}

func (o *once) Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error {
	if o.left--; o.left == 0 {
		return errBroken
	}
	return o.Journal.Commit(ctx, lease, cp, facts...)
}

// A step that does not heed a failed write is not looked at, not journalled, and writes nothing more.
func TestAFailedWriteIsTheEnd(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.runner.Journal = &once{Journal: tr.journal, left: 2}
	applied := false
	tr.thing(0).observe = func(context.Context, run.Recorder) error {
		if applied {
			t.Error("looked after the failed write")
		}
		return nil
	}
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		applied = true
		for _, err := range []error{
			rec.Note(ctx, "Fails.", nil), rec.Note(ctx, "Would be written.", nil),
			rec.Keep(ctx, 1), rec.Say(ctx, "k", maint.Updated{}),
		} {
			if !errors.Is(err, run.ErrJournal) || !errors.Is(err, errBroken) {
				t.Errorf("got %v", err)
			}
		}
		return nil
	}
	if err := tr.refused(tr.run(), errBroken); !errors.Is(err, run.ErrJournal) || hint.Of(err) == "" {
		t.Errorf("%v [%s]", err, hint.Of(err))
	}
	tr.called("apply a")
	tr.status("a", run.Started, 1)
	tr.recorded("step/a/1/started: A started (1)")
}

// What a look could not write ends the run as well, whatever the look answers.
func TestAFailedWriteWhileLooking(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.runner.Journal = &once{Journal: tr.journal, left: 1}
	tr.thing(0).observe = func(ctx context.Context, rec run.Recorder) error {
		if err := rec.Note(ctx, "Fails.", nil); err == nil {
			t.Error("no error")
		}
		return nil
	}
	tr.refused(tr.run(), run.ErrJournal)
	tr.called()
	tr.recorded()
	tr.runner.Journal = tr.journal
	tr.thing(0).observe = nil
	tr.mustRun()
	tr.thing(0).observe = func(ctx context.Context, rec run.Recorder) error {
		_ = rec.Note(ctx, "Fails.", nil)
		return nil
	}
	tr.runner.Journal = &once{Journal: tr.journal, left: 1}
	tr.refused(tr.run(), run.ErrJournal)
}

func TestConcurrentSteps(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.runner.Watch = &watcher{}
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				rec.Progress(run.Progress{Done: float64(i)})
				if err := errors.Join(rec.Note(ctx, "Done.", nil), rec.Keep(ctx, i)); err != nil {
					t.Error(err)
				}
				var v int
				if ok, err := rec.Memo(&v); !ok || err != nil {
					t.Errorf("memo: %v %v", ok, err)
				}
			})
		}
		wg.Wait()
		return nil
	}
	tr.mustRun()
	entries, err := tr.journal.History(t.Context(), "m")
	if err != nil || len(entries) != 10 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
