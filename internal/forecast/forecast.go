// Package forecast says how long a maintenance will take, from what its rehearsals took, and while it
// runs, when it will end. All of it is pure: sizes, rates and the time are arguments.
//
// It must not know of servers, storage or plans.
package forecast

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Step is a step that is to be done. Its time is known beforehand, comes from rehearsals, or is not known.
type Step struct {
	Name, Title string
	Planned     time.Duration // the length of a wait, the budget of a command; 0 = the plan does not say
	Open        bool          // a person ends it: nobody knows when
}

// Rehearsal is one of the plan's rehearsals, and when it was.
type Rehearsal struct {
	At time.Time
	maint.Rehearsed
}

// recent is how many rehearsals count: what took long a month ago may have been mended since.
const recent = 5

const (
	// spread is what two runs of the same thing differ by, where there is but one rehearsal to tell.
	spread = 0.15
	// agreeing rehearsals differ by this at the most.
	agreeing = 0.20
	// alike is how much longer today's load may make a rehearsal without making the forecast doubtful.
	alike = 0.30
)

// New puts the expected times of the steps together. load is how much there is to do now, by the names
// that the rehearsals used.
func New(steps []Step, rehearsals []Rehearsal, load maint.Figures) maint.Forecast {
	slices.SortFunc(rehearsals, func(a, b Rehearsal) int { return b.At.Compare(a.At) })
	rehearsals = rehearsals[:min(len(rehearsals), recent)]
	f := maint.Forecast{Rehearsals: len(rehearsals), Confidence: maint.Doubted}
	var totals []time.Duration
	for _, r := range rehearsals {
		totals = append(totals, total(steps, r.Rehearsed, load))
	}
	for _, s := range steps {
		f.Parts = append(f.Parts, expect(s, rehearsals, load))
	}
	like := typical(rehearsed(f.Parts))
	for i := range f.Parts {
		p := &f.Parts[i]
		if p.Basis == maint.ByNothing && !steps[i].Open && like > 0 {
			p.Takes, p.Basis = like, maint.ByOthers
		}
		f.Total += p.Takes
	}
	f.Low, f.High = f.Total, f.Total
	if len(rehearsals) == 0 {
		return f
	}
	f.Rehearsed, f.Hold = rehearsals[0].At, rehearsals[0].Hold
	f.Low = min(slices.Min(totals), scaled(f.Total, 1-spread))
	f.High = max(slices.Max(totals), scaled(f.Total, 1+spread))
	then := total(steps, rehearsals[0].Rehearsed, rehearsals[0].Load)
	f.Confidence = confidence(totals, then)
	return f
}

// Longest is the step that decides how long it takes.
func Longest(f maint.Forecast) maint.Expected {
	if len(f.Parts) == 0 {
		return maint.Expected{}
	}
	return slices.MaxFunc(f.Parts, func(a, b maint.Expected) int { return cmp.Compare(a.Takes, b.Takes) })
}

func total(steps []Step, r maint.Rehearsed, load maint.Figures) (sum time.Duration) {
	var known []time.Duration
	unknown := 0
	for _, s := range steps {
		took, ok := timeOf(s.Name, r, load)
		switch {
		case ok:
			known = append(known, took)
		case s.Planned == 0 && !s.Open:
			unknown++
		default:
			took = s.Planned
		}
		sum += took
	}
	return sum + time.Duration(unknown)*typical(known)
}

// typical is the lower median of steps: most of them ask servers a few things, and some move all the data.
func typical(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	times = slices.Sorted(slices.Values(times))
	return times[(len(times)-1)/2]
}

func rehearsed(parts []maint.Expected) (times []time.Duration) {
	for _, p := range parts {
		if p.Basis == maint.ByRehearsal {
			times = append(times, p.Takes)
		}
	}
	return times
}

// expect takes the median of the rehearsals: one that was disturbed does not count.
func expect(s Step, rehearsals []Rehearsal, load maint.Figures) maint.Expected {
	e := maint.Expected{Step: s.Name, Title: s.Title, Takes: s.Planned, Basis: maint.ByNothing}
	if s.Planned > 0 {
		e.Basis = maint.ByPlan
	}
	var times []time.Duration
	for _, r := range rehearsals {
		if took, ok := timeOf(s.Name, r.Rehearsed, load); ok {
			times = append(times, took)
		}
	}
	if len(times) > 0 {
		e.Takes, e.Basis = median(times), maint.ByRehearsal
	}
	return e
}

// timeOf is what the step took in a rehearsal, for as much as there is to do now.
func timeOf(name string, r maint.Rehearsed, load maint.Figures) (time.Duration, bool) {
	for _, s := range r.Steps {
		if s.Step != name {
			continue
		}
		then, now := r.Load[s.By], load[s.By]
		if s.By == "" || then <= 0 || now <= 0 {
			return s.Took + r.Between, true
		}
		return scaled(s.Took, now/then) + r.Between, true
	}
	return 0, false
}

// confidence is about totals by today's load, the newest first. Then is what the newest rehearsal gives for the load of its own day.
func confidence(totals []time.Duration, then time.Duration) maint.Confidence {
	switch {
	case totals[0] > scaled(then, 1+alike):
		return maint.Doubted
	case len(totals) > 1 && float64(slices.Max(totals)) <= float64(slices.Min(totals))*(1+agreeing):
		return maint.Sure
	}
	return maint.Fair
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	n := len(times)
	return (times[(n-1)/2] + times[n/2]) / 2
}

func scaled(d time.Duration, by float64) time.Duration {
	return time.Duration(math.Round(float64(d) * by))
}
