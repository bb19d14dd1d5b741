package view

import (
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// forecastOf is what was expected when the work began, if anything was known then.
func forecastOf(entries []timeline.Entry) *maint.Forecast {
	for _, e := range entries {
		if f, ok := e.Event.(maint.Forecast); ok && f.Rehearsals > 0 {
			return &f
		}
	}
	return nil
}

// expect gives each step the time that it was expected to take.
func expect(steps []StepReport, f *maint.Forecast) {
	if f == nil {
		return
	}
	for i := range steps {
		for _, p := range f.Parts {
			if p.Step == steps[i].Step && p.Basis != maint.ByNothing {
				steps[i].Expected = p.Takes
			}
		}
	}
}

// longerBy is what a step took more than was expected, if that is worth a sentence.
func longerBy(s StepReport, f *maint.Forecast) time.Duration {
	more := s.Took - s.Expected
	if f == nil || s.Expected == 0 || more < s.Expected/5 || more < max(time.Second, f.Total/50) {
		return 0
	}
	return more
}

// tookLonger says which steps took longer than was expected, and what is on record of why.
func tookLonger(r Report, steps []StepReport) []string {
	var out []string
	for _, s := range steps {
		more := longerBy(s, r.Forecast)
		if more == 0 {
			continue
		}
		text := fmt.Sprintf("“%s” took %s, %s longer than was expected.", s.Title, Length(s.Took), Length(more))
		for _, n := range r.Private.Notes {
			if n.Step == s.Step {
				text += whySlow(n.Figures)
			}
		}
		if s.Failed > 0 || s.Cut > 0 {
			text += fmt.Sprintf(" It was begun %s.", times(s.Attempts))
		}
		out = append(out, text)
	}
	return out
}

// whySlow are the figures of a step that tell what it waited for, in the public's words.
func whySlow(f maint.Figures) (text string) {
	if v := f["tries"]; v > 1 {
		text += fmt.Sprintf(" Clients were moved at try %.0f.", v)
	}
	if v := f["waited_for_moment_s"]; v >= 1 {
		text += fmt.Sprintf(" It waited %s for a moment without a long transaction.", Length(time.Duration(v*float64(time.Second))))
	}
	if v := f["waited_for_transactions_s"]; v >= 1 {
		text += fmt.Sprintf(" It waited %s for transactions of others to end.", Length(time.Duration(v*float64(time.Second))))
	}
	if v, ok := f["disk_wait_share"]; ok && v >= 0.05 {
		text += fmt.Sprintf(" Something waited for the disk %.0f %% of that time.", 100*v)
	}
	if v, ok := f["processor_wait_share"]; ok && v >= 0.05 {
		text += fmt.Sprintf(" Something waited for a processor %.0f %% of it.", 100*v)
	}
	return text
}

// foretold is the sentence of the report that holds the forecast against what came.
func (r Report) foretold(d *document) {
	f := r.Forecast
	if f == nil || r.Started.IsZero() {
		return
	}
	d.line("When it began, %s were expected, %s to %s (rehearsals: %d, the last on %s). It %s.\n", Length(f.Total), Length(f.Low), Length(f.High),
		f.Rehearsals, f.Rehearsed.UTC().Format("2 January 2006"), r.came())
}

func (r Report) came() string {
	if !r.Over() {
		return "has taken " + Length(r.Took()) + " so far"
	}
	return "took " + Length(r.Took())
}

// difference is by how much a step was off what was expected of it.
func difference(took, expected time.Duration) string {
	switch {
	case expected == 0:
		return ""
	case took > expected:
		return Length(took-expected) + " longer"
	}
	return Length(expected-took) + " shorter"
}
