package run_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

type position struct {
	LSN string `json:"lsn"`
}

func TestMemoOutlivesTheRun(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	var read []position
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		var p position
		found, err := rec.Memo(&p)
		if err != nil {
			return err
		}
		if found {
			read = append(read, p)
			return nil
		}
		if err := rec.Keep(ctx, position{"0/1"}); err != nil {
			return err
		}
		if _, err := rec.Memo(&p); err != nil {
			return err
		}
		read = append(read, p)
		return errBroken
	}
	tr.refused(tr.run(), errBroken)
	tr.thing(0).observe = func(_ context.Context, rec run.Recorder) error {
		var p position
		if found, err := rec.Memo(&p); !found || err != nil || p.LSN != "0/1" {
			t.Errorf("while looking: %v %v %v", p, found, err)
		}
		return nil
	}
	tr.mustRun()
	if diff := cmp.Diff([]position{{"0/1"}, {"0/1"}}, read); diff != "" {
		t.Error(diff)
	}
}

func TestMemoOfAnotherShape(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		if err := rec.Keep(ctx, "text"); err != nil {
			return err
		}
		var n int
		_, err := rec.Memo(&n)
		return err
	}
	if err := tr.run(); err == nil || !strings.Contains(err.Error(), "read the memo of a") {
		t.Errorf("got %v", err)
	}
}

func TestLookingKeepsNothing(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.thing(0).observe = func(ctx context.Context, rec run.Recorder) error { return rec.Keep(ctx, 1) }
	if err := tr.run(); err == nil || !strings.Contains(err.Error(), "changes nothing") {
		t.Errorf("got %v", err)
	}
	tr.called()
}

// A look notes under the run's epoch: it must not pass for the attempt that it follows.
func TestNotesOfLooks(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	tr.thing(0).observe = func(ctx context.Context, rec run.Recorder) error { return rec.Note(ctx, "Looked.", nil) }
	tr.thing(1).apply = fail
	tr.refused(tr.run(), errBroken)
	tr.read = 6
	tr.thing(1).apply = nil
	tr.thing(1).undo = func(ctx context.Context, rec run.Recorder) error { return rec.Note(ctx, "Taking back.", nil) }
	tr.mustRun()
	tr.mustAbort()
	tr.recorded(
		"resumed/2: The run was resumed. 1 of 2 steps were done.",
		"step/a/1/look/2/note/1: Looked.",
		"step/b/2/started: B started (2)",
		"step/b/2/done: B finished (2) in 0s of 1m0s, it is done",
		"step/b/2/undo/3/note/1: Taking back.",
		"step/b/2/undone: B undone in 0s",
		"step/a/1/look/3/note/1: Looked.",
		"step/a/1/undone: A undone in 0s",
	)
}

func TestSay(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		if err := rec.Say(ctx, "", maint.Updated{}); err == nil {
			t.Error("said without a key")
		}
		for range 2 {
			if err := rec.Say(ctx, "half", maint.Updated{Text: "Half of it is done."}); err != nil {
				return err
			}
		}
		return nil
	}
	tr.mustRun()
	tr.recorded("step/a/1/started: A started (1)", "half: Half of it is done.", "step/a/1/done: A finished (1) in 0s of 1m0s, it is done")
}

func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(ctx context.Context, rec run.Recorder) error{
		"memo": func(ctx context.Context, rec run.Recorder) error { return rec.Keep(ctx, func() {}) },
		"figures": func(ctx context.Context, rec run.Recorder) error {
			return rec.Note(ctx, "", maint.Figures{"x": math.NaN()})
		},
	} {
		tr := try(t, "a")
		tr.thing(0).apply = write
		if err := tr.run(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// watcher keeps what it is told. Without a lock of its own: it is called one at a time.
type watcher struct {
	recorded  []string
	confirmed []string
	progress  []run.Progress
}

func (w *watcher) Recorded(_ time.Time, e maint.Event) { w.recorded = append(w.recorded, e.Kind()) }
func (w *watcher) Confirmed(it run.Item, seen run.Observation) {
	w.confirmed = append(w.confirmed, it.Title+": "+seen.Evidence)
}
func (w *watcher) Progressed(p run.Progress) { w.progress = append(w.progress, p) }

func TestWatch(t *testing.T) {
	t.Parallel()
	tr := try(t, "a", "b")
	w := &watcher{}
	tr.runner.Watch = w
	tr.thing(1).apply = fail
	tr.refused(tr.run(), errBroken)
	tr.thing(1).apply = func(ctx context.Context, rec run.Recorder) error {
		rec.Progress(run.Progress{Text: "copying", Done: 1, Step: "forged"})
		return rec.Note(ctx, "Copied.", nil)
	}
	tr.mustRun()
	want := &watcher{
		recorded: []string{
			"step_started", "step_finished", "step_started", "step_failed",
			"resumed", "step_started", "noted", "step_finished",
		},
		confirmed: []string{"A: it is done"},
		progress:  []run.Progress{{Step: "b", Title: "B", At: tr.now, Text: "copying", Done: 1}},
	}
	if diff := cmp.Diff(want, w, cmp.AllowUnexported(watcher{})); diff != "" {
		t.Error(diff)
	}
}

// A watcher hears of nothing that did not reach the journal.
func TestWatchHearsOnlyWhatIsWritten(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	w := &watcher{}
	tr.runner.Watch = w
	tr.thing(0).apply = func(ctx context.Context, rec run.Recorder) error {
		tr.journal.Break("m")
		_, err := tr.journal.Acquire(ctx, "m")
		return errors.Join(err, rec.Note(ctx, "Unheard.", nil))
	}
	tr.refused(tr.run(), run.ErrLeaseLost)
	if diff := cmp.Diff([]string{"step_started"}, w.recorded); diff != "" {
		t.Error(diff)
	}
}

type gauge struct {
	mu   sync.Mutex
	done []float64
}

func (g *gauge) Sample(_ context.Context, id maint.ID, p run.Progress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id == "m" {
		g.done = append(g.done, p.Done)
	}
}

func TestProgressIsThinnedAndKeepsItsEnd(t *testing.T) {
	t.Parallel()
	tr := try(t, "a")
	g, w := &gauge{}, &watcher{}
	tr.runner.Gauge, tr.runner.Watch = g, w
	tr.thing(0).apply = func(_ context.Context, rec run.Recorder) error {
		for i := range 9 {
			rec.Progress(run.Progress{Done: float64(i), Title: "Part"})
			tr.now = tr.now.Add(100 * time.Millisecond)
		}
		return nil
	}
	tr.mustRun()
	if diff := cmp.Diff([]float64{0, 3, 6, 8}, g.done); diff != "" {
		t.Error(diff)
	}
	if len(w.progress) != 9 || w.progress[0].Title != "Part" {
		t.Errorf("the watcher got %v", w.progress)
	}
}
