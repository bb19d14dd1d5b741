package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

type fileStep string

func (f fileStep) Name() string { return filepath.Base(string(f)) }
func (f fileStep) Observe(context.Context, run.Recorder) (run.Observation, error) {
	if _, err := os.Stat(string(f)); err != nil {
		return run.Observation{Presence: run.Absent}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: "it is there"}, nil
}
func (f fileStep) Apply(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "writing"})
	if err := rec.Keep(ctx, map[string]int{"n": 1}); err != nil {
		return err
	}
	if err := rec.Note(ctx, "about to write", maint.Figures{"n": 1}); err != nil {
		return err
	}
	return os.WriteFile(string(f), nil, 0o600)
}
func (f fileStep) Undo(context.Context, run.Recorder) error { return os.Remove(string(f)) }

func TestThinPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "lull.db"))
	r := &run.Runner{Journal: s, Log: s, Gauge: s, Now: time.Now}
	items := []run.Item{{Step: fileStep(filepath.Join(dir, "a")), Title: "A"}, {Step: fileStep(filepath.Join(dir, "b")), Title: "B"}}
	if err := r.Run(t.Context(), "m", items); err != nil {
		t.Fatal(err)
	}
	h, err := s.History(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range h {
		t.Logf("%+v", e)
	}
	if err := r.Abort(t.Context(), "m", items); err != nil {
		t.Fatal(err)
	}
	_ = timeline.AnyVersion
	p, err := s.Load(t.Context(), "m")
	t.Log(p, err)
	sm, err := s.Samples(t.Context(), "m")
	t.Log(sm, err)
	c, err := s.Changed(t.Context(), 3)
	t.Log(c, err)
	ls, _ := filepath.Glob(filepath.Join(dir, "*"))
	t.Log(ls)
}
