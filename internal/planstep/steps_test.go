package planstep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/proc"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/run/runtest"
	"github.com/lullhq/lull/internal/timeline"
)

// driver runs steps as lull does.
type driver struct{ journal *runtest.Journal }

func newDriver() driver { return driver{&runtest.Journal{}} }

func (d driver) runner() *run.Runner {
	return &run.Runner{Journal: d.journal, Log: d.journal, Now: time.Now}
}

func (d driver) run(ctx context.Context, s run.Step) error {
	return d.runner().Run(ctx, "m", []run.Item{{Step: s}})
}

func (d driver) abort(ctx context.Context, s run.Step) error {
	return d.runner().Abort(ctx, "m", []run.Item{{Step: s}})
}

func (d driver) status(t *testing.T, s run.Step) run.Status {
	t.Helper()
	points, err := d.journal.Load(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	return points[s.Name()].Status
}

func (d driver) evidence(t *testing.T) string {
	t.Helper()
	entries, err := d.journal.History(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if f, ok := e.Event.(maint.StepFinished); ok {
			return f.Evidence
		}
	}
	return ""
}

func refusedWith(t *testing.T, err error, words, next string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(hint.Of(err), next) {
		t.Errorf("got %v (%s); want %q (%q)", err, hint.Of(err), words, next)
	}
}

func crashCase(t *testing.T, s run.Step) runtest.Case {
	t.Helper()
	d := newDriver()
	return runtest.Case{ID: "m", Items: []run.Item{{Step: s}}, Journal: d.journal, Log: d.journal}
}

// Every step, carried out and taken back with a crash at every write.
func TestCrashes(t *testing.T) {
	t.Parallel()
	steps := map[string]func(t *testing.T) run.Step{
		"check": func(*testing.T) run.Step {
			return NewCheck("check", 0, func(context.Context) (string, error) { return "seen", nil })
		},
		"confirm": func(*testing.T) run.Step { return NewConfirm("confirm", "Well?", Yes) },
		"wait":    func(*testing.T) run.Step { return NewWait("wait", time.Nanosecond) },
		"command": func(t *testing.T) run.Step {
			t.Helper()
			return NewCommand("command", Command{Run: []string{"touch", "there"}, Undo: []string{"rm", "-f", "there"}, Dir: t.TempDir()})
		},
	}
	for name, step := range steps {
		fresh := func(t *testing.T) runtest.Case { t.Helper(); return crashCase(t, step(t)) }
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runtest.Crashes(t, fresh)
			runtest.Aborts(t, fresh)
		})
	}
}

func TestACheckTriesUntilItPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, tries, from := newDriver(), 0, time.Now()
		c := NewCheck("check", time.Minute, func(context.Context) (string, error) {
			if tries++; tries < 4 {
				return "", errors.New("answered 502")
			}
			return "answered 200", nil
		})
		if err := d.run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(from); took != 3*checkPause || d.evidence(t) != "answered 200" {
			t.Errorf("took %s: %s", took, d.evidence(t))
		}
		if err := d.run(t.Context(), c); err != nil || tries != 4 {
			t.Errorf("done, and tried again: %d, %v", tries, err)
		}
	})
}

func TestACheckGivesUpWithTheLastAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, from := newDriver(), time.Now()
		c := NewCheck("check", 9500*time.Millisecond, func(context.Context) (string, error) {
			return "", hint.Errorf("look at the app", "the app answered 502, expected 200")
		})
		refusedWith(t, d.run(t.Context(), c), "the app answered 502, expected 200 (tried 10 times in 9.5s)", "look at the app")
		if took := time.Since(from); took != 9500*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

// The answer that counts is the last whole one, not that the time was up in the middle of a try.
func TestACheckThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := NewCheck("check", 15*time.Second, func(ctx context.Context) (string, error) {
			if tries++; tries == 1 {
				return "", errors.New("answered 502")
			}
			<-ctx.Done()
			return "", context.Cause(ctx)
		})
		refusedWith(t, newDriver().run(t.Context(), c), "no answer within 10s (tried 3 times in 15s)", "type the same command again")
	})
}

func TestACheckIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		d := newDriver()
		c := NewCheck("check", time.Hour, func(context.Context) (string, error) { return "", errors.New("answered 502") })
		err := d.run(ctx, c)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "answered 502") {
			t.Errorf("got %v", err)
		}
	})
}

// A new attempt does not inherit the pass of the one before it.
func TestACheckThatIsTakenBackIsMadeAgain(t *testing.T) {
	t.Parallel()
	d, ok := newDriver(), true
	c := NewCheck("check", time.Nanosecond, func(context.Context) (string, error) {
		if ok {
			return "seen", nil
		}
		return "", errors.New("gone")
	})
	for _, err := range []error{d.run(t.Context(), c), d.abort(t.Context(), c)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ok = false
	refusedWith(t, d.run(t.Context(), c), "gone", "again")
}

func TestAWaitGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, from, w := newDriver(), time.Now(), NewWait("wait", 30*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 12500*time.Millisecond)
		defer cancel()
		if err := d.run(ctx, w); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := d.run(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(from); took != 30*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestAWaitThatIsOverIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, from, w := newDriver(), time.Now(), NewWait("wait", 30*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = d.run(ctx, w)
		time.Sleep(time.Hour)
		if err := d.run(t.Context(), w); err != nil || time.Since(from) != time.Hour+time.Second {
			t.Errorf("%v after %s", err, time.Since(from))
		}
	})
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	const q = "Is the office told?"
	var out bytes.Buffer
	d, c := newDriver(), NewConfirm("confirm", q, Terminal(strings.NewReader("what?\n Yes \n"), &out))
	if err := d.run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), strings.Repeat(q+" [yes/no] ", 2); got != want {
		t.Errorf("asked %q", got)
	}
	if err := d.run(t.Context(), NewConfirm("confirm", q, Nobody)); err != nil {
		t.Errorf("asked again: %v", err)
	}
	for name, c := range map[string]struct {
		ask         Ask
		words, next string
	}{
		"no":       {Terminal(strings.NewReader("no\n"), io.Discard), `the answer to "Is the office told?" was no`, "lull abort"},
		"no more":  {Terminal(strings.NewReader("perhaps\n"), io.Discard), "no terminal to ask on", "--yes"},
		"no one":   {Nobody, "no terminal to ask on", "--yes"},
		"terminal": {Terminal(strings.NewReader(""), closedWriter{}), "closed", ""},
	} {
		d := newDriver()
		refusedWith(t, d.run(t.Context(), NewConfirm("confirm", q, c.ask)), c.words, c.next)
		if got := d.status(t, NewConfirm("confirm", q, nil)); got != run.Failed {
			t.Errorf("%s: %s", name, got)
		}
	}
	if err := newDriver().run(t.Context(), NewConfirm("confirm", q, Yes)); err != nil {
		t.Error(err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAQuestionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	in, _ := io.Pipe()
	defer in.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ask := Terminal(in, cancelWriter(cancel))
	if err := newDriver().run(ctx, NewConfirm("confirm", "Well?", ask)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// cancelWriter cancels once the question is on the screen.
type cancelWriter func()

func (c cancelWriter) Write(p []byte) (int, error) { c(); return len(p), nil }

func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := newDriver()
	s := NewCommand("command", Command{Run: []string{"mkdir", "there"}, Undo: []string{"rmdir", "there"}, Dir: dir})
	if err := d.run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := d.run(t.Context(), s); err != nil {
		t.Fatalf("run twice: %v", err)
	}
	if got := d.evidence(t); got != "mkdir ended with exit code 0" {
		t.Error(got)
	}
	if err := d.abort(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "there")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("not taken back: %v", err)
	}
}

func TestCommandsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cmd   Command
		words string
	}{
		{Command{Run: []string{"sh", "-c", "echo the queue is full; exit 4"}}, "sh: exit status 4: the queue is full"},
		{Command{Run: []string{"no-such-program-anywhere"}}, "no-such-program-anywhere: exec:"},
		{Command{Run: []string{"sleep", "1000"}, Within: time.Millisecond}, "sleep: it was not done after 1ms"},
	} {
		d, s := newDriver(), NewCommand("command", c.cmd)
		refusedWith(t, d.run(t.Context(), s), c.words, "run it by hand")
		if got := d.status(t, s); got != run.Failed {
			t.Errorf("the journal has %s", got)
		}
	}
}

func TestAFailedCommandIsTakenBackToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := newDriver()
	s := NewCommand("command", Command{Run: []string{"sh", "-c", "mkdir there; exit 1"}, Undo: []string{"rmdir", "there"}, Dir: dir})
	if err := d.run(t.Context(), s); err == nil {
		t.Fatal("no error")
	}
	if err := d.abort(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// left puts into the journal what a lull leaves that is killed while its command runs.
func left(t *testing.T, d driver, group int) {
	t.Helper()
	lease, err := d.journal.Acquire(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	memo := fmt.Sprintf(`{"stage":"begun","group":%d}`, group)
	cp := run.Checkpoint{Step: "command", Attempt: 1, Status: run.Started, Memo: []byte(memo)}
	if err := d.journal.Commit(t.Context(), lease, cp); err != nil {
		t.Fatal(err)
	}
	if err := d.journal.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
}

func TestTheCommandOfAKilledRun(t *testing.T) {
	t.Parallel()
	d := newDriver()
	s := NewCommand("command", Command{Run: []string{"true"}})
	ctx, stop := context.WithCancel(t.Context())
	group, over := make(chan int, 1), make(chan error, 1)
	go func() {
		_, err := proc.Run(ctx, proc.Cmd{Name: "sleep", Args: []string{"sleep", "1000"}, Began: func(g int) error { group <- g; return nil }})
		over <- err
	}()
	left(t, d, <-group)
	refusedWith(t, d.run(t.Context(), s), "of the run before is still at work", "ps -g ")
	stop()
	<-over
	if err := d.run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if !noted(t, d, "run again") {
		t.Error("the record does not say that it ran again")
	}
}

func noted(t *testing.T, d driver, words string) bool {
	t.Helper()
	entries, err := d.journal.History(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n, ok := e.Event.(maint.Noted); ok && strings.Contains(n.Text, words) {
			return true
		}
	}
	return false
}

var _ timeline.Log = (*runtest.Journal)(nil)
