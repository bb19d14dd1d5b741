package runtest

import (
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Said gives the keys of what the steps have said, in order. It is the part of
// the record that must not depend on how often a run was cut off.
func (c Case) Said(t *testing.T) []string {
	t.Helper()
	var keys []string
	for _, e := range history(t, c.Log, c.ID) {
		if !strings.HasPrefix(e.Key, "step/") && !strings.HasPrefix(e.Key, "resumed/") {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// VerifyFinished looks at the journal, the record and the world after the plan's
// end, however many runs it took. said is what a run without a fault has said.
func (c Case) VerifyFinished(t *testing.T, said []string) {
	t.Helper()
	points := load(t, c.Journal, c.ID)
	for _, it := range c.Items {
		if got := points[it.Step.Name()].Status; got != run.Finished {
			t.Errorf("%s ended as %q", it.Step.Name(), got)
		}
	}
	same(t, said, c.Said(t))
	c.verifyRecord(t)
	if c.Finished != nil {
		c.Finished(t)
	}
}

func (c Case) verifyUndone(t *testing.T) {
	t.Helper()
	for name, cp := range load(t, c.Journal, c.ID) {
		if cp.Status != run.Undone {
			t.Errorf("%s ended as %q", name, cp.Status)
		}
	}
	c.verifyRecord(t)
	if c.Undone != nil {
		c.Undone(t)
	}
}

// verifyRecord reads the timeline as somebody would who has nothing else: each
// visible step was started, then done once, then undone at most once.
func (c Case) verifyRecord(t *testing.T) {
	t.Helper()
	entries := history(t, c.Log, c.ID)
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Key == "" || seen[e.Key] {
			t.Errorf("%s has no key of its own: %q", e.Event.Kind(), e.Key)
		}
		seen[e.Key] = true
	}
	points := load(t, c.Journal, c.ID)
	for _, it := range c.Items {
		s := storyOf(it.Step.Name(), entries)
		cp := points[it.Step.Name()]
		wantDone, wantUndone := 0, 0
		if !it.Hidden && cp.Status == run.Finished {
			wantDone = 1
		}
		if !it.Hidden && cp.Status == run.Undone {
			wantDone, wantUndone = min(s.done, 1), 1 // it may have been cut off before it was done
		}
		if s.done != wantDone || s.undone != wantUndone {
			t.Errorf("%s (%s): done %d times, undone %d times on record", it.Step.Name(), cp.Status, s.done, s.undone)
		}
		if it.Hidden && s.lastStart > 0 || !it.Hidden && s.lastStart > cp.Attempt {
			t.Errorf("%s: attempt %d on record, %d in the journal", it.Step.Name(), s.lastStart, cp.Attempt)
		}
		for _, w := range s.wrong {
			t.Errorf("%s: %s", it.Step.Name(), w)
		}
	}
}

// story is what the record says of one step.
type story struct {
	lastStart, done, undone int
	wrong                   []string
}

func storyOf(step string, entries []timeline.Entry) (s story) {
	for _, entry := range entries {
		switch e := entry.Event.(type) {
		case maint.StepStarted:
			if e.Step != step {
				continue
			}
			if e.Attempt <= s.lastStart || s.done > s.undone {
				s.wrong = append(s.wrong, "an attempt was started out of turn")
			}
			s.lastStart = e.Attempt
		case maint.StepFinished:
			if e.Step != step {
				continue
			}
			if e.Attempt != s.lastStart {
				s.wrong = append(s.wrong, "another attempt was finished than was started last")
			}
			s.done++
		case maint.StepUndone:
			if e.Step == step {
				s.undone++
			}
		}
	}
	return s
}
