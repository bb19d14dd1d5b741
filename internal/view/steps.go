package view

import (
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// StepReport is one step as it went.
type StepReport struct {
	Step     string
	Title    string
	Budget   time.Duration
	Expected time.Duration // by the forecast; 0 = nothing is known
	Took     time.Duration // from its first attempt to its end, what lay between attempts included
	Attempts int
	Failed   int // attempts that ended in an error
	Cut      int // attempts that ended with their process
	Outcome  Outcome

	began   time.Time
	ended   time.Time
	open    bool // an attempt was begun and the step has not ended since
	at      bool // an attempt is being made
	attempt int  // attempts since it began
}

// Outcome is how a step stands in the end.
type Outcome string

// The outcomes.
const (
	Finished  Outcome = "done"
	Unended   Outcome = "not finished"
	Failing   Outcome = "failed"
	TakenBack Outcome = "taken back"
)

// Over says by how much the budget was missed.
func (s StepReport) Over() time.Duration { return over(s.Took, s.Budget) }

// PhaseReport is a step of the plan with the steps that it is made of.
type PhaseReport struct {
	StepReport
	Parts []StepReport
}

func over(took, budget time.Duration) time.Duration {
	if budget <= 0 || took <= budget {
		return 0
	}
	return took - budget
}

// foldSteps gives the steps in the order in which they began.
func foldSteps(entries []timeline.Entry, until time.Time) []StepReport {
	var steps []*StepReport
	find := func(step, title string) *StepReport {
		for _, s := range steps {
			if s.Step == step {
				return s
			}
		}
		s := &StepReport{Step: step, Title: titleOf(title, step), Outcome: Unended}
		steps = append(steps, s)
		return s
	}
	for _, e := range entries {
		switch ev := e.Event.(type) {
		case maint.StepStarted:
			find(ev.Step, ev.Title).start(e.At, ev.Budget)
		case maint.StepFinished:
			find(ev.Step, ev.Title).finish(e.At, ev)
		case maint.StepFailed:
			find(ev.Step, ev.Title).fail(e.At)
		case maint.StepUndone:
			find(ev.Step, ev.Title).undo(e.At)
		}
	}
	out := make([]StepReport, 0, len(steps))
	for _, s := range steps {
		if s.open {
			s.close(until)
		}
		out = append(out, *s)
	}
	return out
}

func (s *StepReport) start(at time.Time, budget time.Duration) {
	if !s.open {
		s.open, s.began, s.attempt = true, at, 0
	}
	if s.at {
		s.Cut++
	}
	s.at, s.Outcome, s.Budget = true, Unended, budget
	s.Attempts++
	s.attempt++
}

func (s *StepReport) finish(at time.Time, e maint.StepFinished) {
	if e.Budget > 0 {
		s.Budget = e.Budget
	}
	if s.attempt > 1 && s.open {
		s.close(at)
	} else {
		s.Took += e.Took
		s.began, s.ended = at.Add(-e.Took), at
	}
	s.open, s.at, s.Outcome = false, false, Finished
}

func (s *StepReport) fail(at time.Time) {
	s.Failed++
	s.at, s.Outcome, s.ended = false, Failing, at
}

func (s *StepReport) undo(at time.Time) {
	if s.open {
		s.close(at)
	}
	s.open, s.at, s.Outcome = false, false, TakenBack
}

// close ends the time that is being measured. A step that failed and was left so ended when it failed.
func (s *StepReport) close(at time.Time) {
	if s.Outcome == Failing && !s.ended.IsZero() {
		at = s.ended
	}
	s.Took += max(0, at.Sub(s.began))
	s.ended = at
}

// phases gathers steps named phase/part under the step of the plan that they belong to. What was done after the
// maintenance had ended, such as the clean-up after a bake, is shown and adds nothing to the time of its phase.
func phases(steps []StepReport, planned []maint.Phase, end time.Time) []PhaseReport {
	var out []PhaseReport
	for _, s := range steps {
		name, _, isPart := strings.Cut(s.Step, "/")
		if !isPart {
			out = append(out, PhaseReport{StepReport: asPlanned(s, planned)})
			continue
		}
		i := slices.IndexFunc(out, func(p PhaseReport) bool { return p.Step == name })
		if i < 0 {
			i = len(out)
			out = append(out, PhaseReport{StepReport: asPlanned(StepReport{Step: name, Title: name}, planned)})
		}
		out[i].add(s, end)
	}
	return out
}

func (p *PhaseReport) add(s StepReport, end time.Time) {
	if len(p.Parts) == 0 {
		p.began, p.Outcome = s.began, Finished
	}
	p.Parts = append(p.Parts, s)
	p.Expected += s.Expected
	if late := !end.IsZero() && s.began.After(end); s.ended.After(p.ended) && !late {
		p.ended = s.ended
	}
	p.Took = max(0, p.ended.Sub(p.began))
	if s.Outcome != Finished {
		p.Outcome = s.Outcome
	}
}

// asPlanned takes title and budget from what was announced, where that says them.
func asPlanned(s StepReport, planned []maint.Phase) StepReport {
	for _, p := range planned {
		if p.Step != s.Step {
			continue
		}
		if p.Title != "" {
			s.Title = p.Title
		}
		if s.Budget == 0 {
			s.Budget = p.Budget
		}
	}
	return s
}
