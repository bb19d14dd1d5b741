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

// TargetSummary is what came of all probes of a target. P50 and Max are of good answers.
type TargetSummary struct {
	Name     string        `json:"name"`
	URL      string        `json:"url"`
	Probes   int           `json:"probes"`
	Failures int           `json:"failures"`
	Outages  []Interval    `json:"outages"`
	P50      time.Duration `json:"p50"`
	Max      time.Duration `json:"max"`
}

// tally adds the samples of one target up.
type tally struct {
	probes   int
	failures int
	outages  []Interval
	took     []time.Duration
}

// add takes a sample: when its probe began, how long it took, and what was wrong.
func (t *tally) add(began time.Time, took time.Duration, failure error) {
	t.probes++
	down := t.down()
	if down != nil {
		down.To, down.Over = began, failure == nil
	}
	if failure == nil {
		t.took = append(t.took, took)
		return
	}
	t.failures++
	if down == nil {
		t.outages = append(t.outages, Interval{From: began, To: began, Reason: failure.Error()})
		down = t.down()
	}
	down.Failures++
}

// down is the outage that is not over, or nil.
func (t *tally) down() *Interval {
	if n := len(t.outages); n > 0 && !t.outages[n-1].Over {
		return &t.outages[n-1]
	}
	return nil
}

func (t *tally) summary(target Target) TargetSummary {
	s := TargetSummary{
		Name: target.Name, URL: where(target.URL),
		Probes: t.probes, Failures: t.failures, Outages: slices.Clone(t.outages),
	}
	if sorted := slices.Sorted(slices.Values(t.took)); len(sorted) > 0 {
		s.P50, s.Max = sorted[(len(sorted)-1)/2], sorted[len(sorted)-1]
	}
	return s
}
