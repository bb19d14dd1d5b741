package runtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// FilesSaid is what a run of Files without a fault has said.
var FilesSaid = []string{"start", "end"}

const chunks, chunk = 3, "all work and no play\n"

// Files is a small plan whose world is a folder: a sign is put up, a file is
// copied piece by piece, a line is counted, the sign is taken down, an end is
// announced. Its effects last, can be half there, and show when they come twice.
func Files(id maint.ID, dir string, log timeline.Log) []run.Item {
	f := folder{dir: dir}
	say := func(name string, e maint.Event) run.Step { return announcement{id: id, name: name, log: log, event: e} }
	return []run.Item{
		{Step: say("start", maint.Started{Text: "Work has begun."}), Title: "Start", Hidden: true},
		{Step: signUp{f}, Title: "Sign up", Until: "sign-down"},
		{Step: copying{f}, Title: "Copy", Budget: 1e9},
		{Step: counting{f}, Title: "Count"},
		{Step: signDown{f}, Title: "Sign down"},
		{Step: say("end", maint.Completed{Text: "All is done."}), Title: "End", Hidden: true},
	}
}

// FilesCase is Files in an empty folder, which must hold nothing else.
func FilesCase(id maint.ID, dir string, journal run.Journal, log timeline.Log) Case {
	return Case{
		ID: id, Items: Files(id, dir, log), Journal: journal, Log: log,
		Finished: func(t *testing.T) { filesFinished(t, dir) },
		Undone:   func(t *testing.T) { filesUndone(t, dir) },
	}
}

func filesFinished(t *testing.T, dir string) {
	t.Helper()
	same(t, []string{"copy", "count", "signs"}, names(t, dir))
	for file, want := range map[string]string{
		"copy":  chunk + chunk + chunk,
		"count": "counted\n",
		"signs": "up\ndown\n", // put up once and taken down once, however often the run was cut off
	} {
		got, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		same(t, want, string(got))
	}
}

func filesUndone(t *testing.T, dir string) {
	t.Helper()
	for _, name := range names(t, dir) {
		if name != "signs" {
			t.Errorf("%s was left behind", name)
			continue
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "up\ndown\n", string(got))
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		out = append(out, e.Name())
	}
	return out
}

type folder struct{ dir string }

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f folder) remove(names ...string) error {
	for _, name := range names {
		if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (f folder) read(name string) ([]byte, error) {
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (f folder) add(name, line string) error {
	file, err := os.OpenFile(f.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line)
	return errors.Join(err, file.Close())
}

func seen(p run.Presence, evidence string) run.Observation {
	return run.Observation{Presence: p, Evidence: evidence}
}

// announcement says one event; its effect is the event's place on the timeline.
type announcement struct {
	id    maint.ID
	name  string
	log   timeline.Log
	event maint.Event
}

func (a announcement) Name() string { return a.name }

func (a announcement) Observe(ctx context.Context, _ run.Recorder) (run.Observation, error) {
	entries, err := a.log.History(ctx, a.id)
	if err != nil {
		return run.Observation{}, err
	}
	for _, e := range entries {
		if e.Key == a.name {
			return seen(run.Done, fmt.Sprintf("said at %s", e.At)), nil
		}
	}
	return seen(run.Absent, "not said"), nil
}

func (a announcement) Apply(ctx context.Context, rec run.Recorder) error {
	return rec.Say(ctx, a.name, a.event)
}

func (a announcement) Undo(context.Context, run.Recorder) error { return nil }

// signUp is the effect that a later step takes away on purpose. The file tells
// every time that the sign was moved; its last line is how it stands.
type signUp struct{ folder }

func (signUp) Name() string { return "sign-up" }

func (s signUp) Observe(context.Context, run.Recorder) (run.Observation, error) {
	signs, err := s.read("signs")
	if err != nil || !bytes.HasSuffix(signs, []byte("up\n")) {
		return seen(run.Absent, "the sign is not up"), err
	}
	return seen(run.Done, "the sign is up"), nil
}

func (s signUp) Apply(context.Context, run.Recorder) error { return s.add("signs", "up\n") }

func (s signUp) Undo(context.Context, run.Recorder) error { return s.add("signs", "down\n") }

type signDown struct{ folder }

func (signDown) Name() string { return "sign-down" }

func (s signDown) Observe(context.Context, run.Recorder) (run.Observation, error) {
	signs, err := s.read("signs")
	if err != nil || !bytes.HasSuffix(signs, []byte("down\n")) {
		return seen(run.Absent, "the sign is up"), err
	}
	return seen(run.Done, "the sign is down"), nil
}

func (s signDown) Apply(context.Context, run.Recorder) error { return s.add("signs", "down\n") }

func (s signDown) Undo(context.Context, run.Recorder) error { return nil }

// copying works in pieces, keeps how far it is, and renames what is whole.
type copying struct{ folder }

func (copying) Name() string { return "copy" }

func (c copying) Observe(context.Context, run.Recorder) (run.Observation, error) {
	whole, err := c.read("copy")
	if err != nil {
		return run.Observation{}, err
	}
	if whole != nil {
		if !bytes.HasPrefix(whole, []byte(chunk)) {
			return seen(run.Foreign, "copy holds something else"), nil
		}
		return seen(run.Done, fmt.Sprintf("%d bytes", len(whole))), nil
	}
	part, err := c.read("copy.part")
	if err != nil || part == nil {
		return seen(run.Absent, "no copy"), err
	}
	return seen(run.Partial, fmt.Sprintf("%d bytes", len(part))), nil
}

func (c copying) Apply(ctx context.Context, rec run.Recorder) error {
	var have int
	if _, err := rec.Memo(&have); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("copy.part"), bytes.Repeat([]byte(chunk), have), 0o600); err != nil {
		return err
	}
	for ; have < chunks; have++ {
		if err := c.add("copy.part", chunk); err != nil {
			return err
		}
		if err := rec.Keep(ctx, have+1); err != nil {
			return err
		}
		rec.Progress(run.Progress{Text: "copying", Unit: "chunks", Done: float64(have + 1), Total: chunks})
	}
	return os.Rename(c.path("copy.part"), c.path("copy"))
}

func (c copying) Undo(context.Context, run.Recorder) error { return c.remove("copy", "copy.part") }

// counting would show a second Apply that did not look first.
type counting struct{ folder }

func (counting) Name() string { return "count" }

func (c counting) Observe(context.Context, run.Recorder) (run.Observation, error) {
	lines, err := c.read("count")
	if err != nil || len(lines) == 0 {
		return seen(run.Absent, "not counted"), err
	}
	return seen(run.Done, fmt.Sprintf("%d counted", bytes.Count(lines, []byte("\n")))), nil
}

func (c counting) Apply(ctx context.Context, rec run.Recorder) error {
	if err := rec.Note(ctx, "The line is being counted.", maint.Figures{"lines": 1}); err != nil {
		return err
	}
	return c.add("count", "counted\n")
}

func (c counting) Undo(context.Context, run.Recorder) error { return c.remove("count") }
