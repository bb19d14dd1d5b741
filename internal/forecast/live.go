package forecast

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Live is a maintenance on its way. The zero value with expectations set is one that has not begun.
type Live struct {
	Parts    []maint.Expected
	done     map[string]bool
	current  string
	began    time.Time // of the current step
	fraction float64   // how much of it is done, 0 = not known
	sampled  time.Time
}

// NewLive follows a maintenance against what is expected of it. parts may be empty: then only the
// progress of the running step tells of an end.
func NewLive(parts []maint.Expected) *Live { return &Live{Parts: parts, done: map[string]bool{}} }

// Apply takes in what is recorded.
func (l *Live) Apply(e maint.Event, at time.Time) {
	switch e := e.(type) {
	case maint.StepStarted:
		if l.current != e.Step { // another attempt goes on with what the one before it had done
			l.current, l.began, l.fraction = e.Step, at, 0
		}
		delete(l.done, e.Step)
	case maint.StepFinished:
		l.done[e.Step] = true
		if l.current == e.Step {
			l.current = ""
		}
	case maint.StepUndone:
		delete(l.done, e.Step)
	}
}

// Sample takes in how far the running step is, as a share of 1.
func (l *Live) Sample(step string, fraction float64, at time.Time) {
	if step == l.current && fraction >= 0 && fraction <= 1 {
		l.fraction, l.sampled = fraction, at
	}
}

// End is when all will be done: the rest of the running step, and the steps after it as they were expected.
func (l *Live) End(now time.Time) time.Time {
	left := time.Duration(0)
	for _, p := range l.Parts {
		switch {
		case l.done[p.Step] || p.Step == l.current:
		default:
			left += p.Takes
		}
	}
	if l.current != "" {
		left += l.rest(now)
	}
	return now.Add(left)
}

// The rate of a step tells of its end once so much of it is done, or once it is late. What it had done
// before then is the first moment of a copy, and no rate.
const tellingShare = 0.10

// slower is how much of a step that is past its time, and tells nothing of itself, is still to come, of the time it
// has taken so far: as long as nothing is known, the longer it has taken the longer it will take.
const slower = 0.25

// rest is how long the running step will still take.
func (l *Live) rest(now time.Time) time.Duration {
	elapsed := max(0, now.Sub(l.began))
	expected := l.expected(l.current)
	late := elapsed > expected
	if l.fraction > 0 && (l.fraction >= tellingShare || late) {
		at := max(0, l.sampled.Sub(l.began)) // the share was so much then, and has not been more since
		return scaled(at, (1-l.fraction)/l.fraction)
	}
	if late {
		return scaled(elapsed, slower)
	}
	return expected - elapsed
}

func (l *Live) expected(step string) time.Duration {
	for _, p := range l.Parts {
		if p.Step == step {
			return p.Takes
		}
	}
	return 0
}

// Slow says whether a step took longer than was expected, by more than two runs differ.
func (l *Live) Slow(step string, took time.Duration) bool {
	expected := l.expected(step)
	return expected > 0 && took > scaled(expected, 1+spread) && took-expected >= time.Second
}
