package probe

import (
	"slices"
	"time"
)

// Interval is a time in which a target gave no good answer: from the begin of the first
// probe that failed to the begin of the first one that was good again. Until there is one,
// To is the begin of the newest probe.
type Interval struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Over     bool      `json:"over"`
	Failures int       `json:"failures"`
	Reason   string    `json:"reason"` // of the first failure
}

// Tally is what came of all probes of a target.
type Tally struct {
	Name     string        `json:"name"`
	Probes   int           `json:"probes"`
	Failures int           `json:"failures"`
	Slowest  time.Duration `json:"slowest"` // of the good answers
	Outages  []Interval    `json:"outages,omitempty"`
}

// add takes a sample: when its probe began, how long it took, and what was wrong. It says
// whether an outage has begun or ended with it.
func (t *Tally) add(began time.Time, took time.Duration, failure error) (turned bool) {
	t.Probes++
	down := t.down()
	turned = (down == nil) == (failure != nil)
	if down != nil {
		down.To, down.Over = began, failure == nil
	}
	if failure == nil {
		t.Slowest = max(t.Slowest, took)
		return turned
	}
	t.Failures++
	if down == nil {
		t.Outages = append(t.Outages, Interval{From: began, To: began, Reason: failure.Error()})
		down = t.down()
	}
	down.Failures++
	return turned
}

// down is the outage that is not over, or nil.
func (t *Tally) down() *Interval {
	if n := len(t.Outages); n > 0 && !t.Outages[n-1].Over {
		return &t.Outages[n-1]
	}
	return nil
}

func (t Tally) clone() Tally {
	t.Outages = slices.Clone(t.Outages)
	return t
}
