package run_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

var errLost = errors.New("connection lost")

// thrice is patient with a lost connection, for as long as three tries.
func thrice(err error, try int) time.Duration {
	if errors.Is(err, errLost) && try < 3 {
		return time.Nanosecond
	}
	return 0
}

// TestPatience: what passes by itself is tried again with what the step has kept, and the record tells of every try.
func TestPatience(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fails   int // so often
		with    error
		applied int
		next    string // "" = it is done
	}{
		"it passes":               {2, errLost, 3, ""},
		"it does not pass":        {9, errLost, 3, "set right what is said here"},
		"it needs a person":       {9, errors.New("disk full"), 1, "set right what is said here"},
		"it says what is to do":   {9, hint.Wrap(errLost, "start the server"), 1, "start the server"},
		"the first try goes well": {0, nil, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := try(t, "first", "second")
			tr.runner.Patience = thrice
			kept, failed := 0, 0
			tr.items[1].Step.(*thing).apply = func(ctx context.Context, rec run.Recorder) error {
				var was int
				if _, err := rec.Memo(&was); err != nil || was != kept {
					t.Errorf("the step finds %d kept, want %d (%v)", was, kept, err)
				}
				kept++
				if err := rec.Keep(ctx, kept); err != nil {
					return err
				}
				if failed++; failed <= tt.fails {
					return tt.with
				}
				return nil
			}
			err := tr.runner.Run(t.Context(), "m", tr.items)
			if kept != tt.applied || (err == nil) != (tt.next == "") || !strings.Contains(hint.Of(err), tt.next) {
				t.Errorf("applied %d times, and said %v, next %q", kept, err, hint.Of(err))
			}
			told := 0
			history, _ := tr.journal.History(t.Context(), "m")
			for _, e := range history {
				if f, ok := e.Event.(maint.StepFailed); ok {
					told++
					if last := told == tt.applied; !last && f.Hint != "nothing: it is tried again in 1ns" {
						t.Errorf("try %d says %q", told, f.Hint)
					}
				}
			}
			if want := min(tt.fails, tt.applied); told != want {
				t.Errorf("%d failures on record, want %d", told, want)
			}
		})
	}
}

// TestPatienceEnds: whoever stops the run does not wait for the next try.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	tr := try(t, "only")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	tr.runner.Patience = func(error, int) time.Duration { stop(); return time.Hour }
	tr.items[0].Step.(*thing).observe = func(context.Context, run.Recorder) error { return errLost }
	if err := tr.runner.Run(ctx, "m", tr.items); !errors.Is(err, errLost) || !strings.Contains(hint.Of(err), "carries on where it stopped") {
		t.Errorf("said %v, next %q", err, hint.Of(err))
	}
}
