package view

import (
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// unnoticed is how long an app may wait before its users see it.
const unnoticed = time.Second

// wentWell says what can be proud of, each with its number.
func wentWell(r Report, steps []StepReport, f maint.Figures) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.State == maint.StateCompleted && r.Window.Known() && !r.Ended.After(r.Window.End) {
		say("It took %s of the %s that were planned, and ended %s before the end of the window.",
			Length(r.Took()), Length(r.Window.Allow), Length(r.Window.End.Sub(r.Ended)))
	}
	if kept, budgeted := budgets(r.Phases); budgeted > 0 && kept == budgeted {
		say("Every step with a budget kept it: %d of %d.", kept, budgeted)
	} else if 2*kept > budgeted {
		say("%d of %d steps with a budget kept it.", kept, budgeted)
	}
	if first := firstTry(steps); first > 1 && first == len(steps) {
		say("All %d steps were done at the first try.", first)
	}
	if v, ok := f["database_bytes"]; ok {
		if n := f["databases"]; n > 1 {
			say("%s of data in %s databases moved.", Bytes(v), Count(n))
		} else {
			say("%s of data moved.", Bytes(v))
		}
	}
	if r.Hold != nil && r.Hold.Took <= unnoticed {
		say("The app waited for %s while it was sent to the new server.", Length(r.Hold.Took))
	}
	for _, p := range proofs {
		if v, ok := f[p.key]; ok && v == 0 {
			out = append(out, p.well(f))
		}
	}
	seen, _ := bannerSeen(f)
	return append(out, seen...)
}

// proofs are the figures that have to be 0.
var proofs = []struct {
	key   string
	well  func(maint.Figures) string
	wrong func(maint.Figures) string
}{
	{
		"tables_without_statistics_at_switch",
		func(maint.Figures) string {
			return "Every table had its planner statistics on the new server before the app used it."
		},
		func(f maint.Figures) string {
			return fmt.Sprintf("Planner statistics were missing on %s when the app was sent to the new server.", several(f["tables_without_statistics_at_switch"], "table"))
		},
	},
	{
		"failed",
		func(f maint.Figures) string { return "No statement failed" + outOf(f, "statements") + "." },
		func(f maint.Figures) string {
			return fmt.Sprintf("%s failed%s.", several(f["failed"], "statement"), outOf(f, "statements"))
		},
	},
	{
		"lost_commits",
		func(f maint.Figures) string {
			return "No acknowledged write was lost" + outOf(f, "acked_commits") + "."
		},
		func(f maint.Figures) string {
			return fmt.Sprintf("Lost: %s%s.", several(f["lost_commits"], "acknowledged write"), outOf(f, "acked_commits"))
		},
	},
	{
		"site_probe_failures",
		func(f maint.Figures) string {
			return fmt.Sprintf("Our sites were asked %s times while the work went on, and answered every time.", Count(f["site_probes"]))
		},
		func(f maint.Figures) string {
			text := fmt.Sprintf("Our sites did not answer %s of %s times", Count(f["site_probe_failures"]), Count(f["site_probes"]))
			if v, ok := f["site_downtime_s"]; ok {
				text += ", and were down for " + Length(time.Duration(v*float64(time.Second))) + " in all"
			}
			return text + "."
		},
	},
}

func outOf(f maint.Figures, total string) string {
	if v, ok := f[total]; ok {
		return " out of " + Count(v)
	}
	return ""
}

// budgets counts the steps that have a budget and those that kept it. The parts of a
// step count by themselves when they have budgets of their own.
func budgets(phases []PhaseReport) (kept, budgeted int) {
	count := func(s StepReport) {
		if s.Budget > 0 && s.Outcome == Finished {
			budgeted++
			if s.Over() == 0 {
				kept++
			}
		}
	}
	for _, p := range phases {
		count(p.StepReport)
		for _, s := range p.Parts {
			count(s)
		}
	}
	return kept, budgeted
}

func firstTry(steps []StepReport) int {
	n := 0
	for _, s := range steps {
		if s.Outcome == Finished && s.Failed == 0 && s.Cut == 0 {
			n++
		}
	}
	return n
}

// pause is a time in which nobody drove the work.
type pause struct{ from, to time.Time }

// pauses finds where a later run carried on, and the last thing that was recorded before it.
func pauses(entries []timeline.Entry, zone Window) []pause {
	var out []pause
	for i, e := range entries {
		if _, ok := e.Event.(maint.Resumed); ok {
			p := pause{to: zone.in(e.At)}
			if i > 0 {
				p.from = zone.in(entries[i-1].At)
			}
			out = append(out, p)
		}
	}
	return out
}

// wentWrong says what was late or had to be done again, and why, without the operator's words.
func wentWrong(r Report, steps []StepReport, f maint.Figures, pauses []pause) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	w := r.Window
	if w.Known() && r.Started.After(w.Start) && r.Started.Sub(w.Start) >= time.Minute {
		say("The work started %s after the planned time.", Length(r.Started.Sub(w.Start)))
	}
	if w.Known() && !r.Started.IsZero() && r.end().After(w.End) {
		if r.Over() {
			say("It ended %s after the end of the window.", Length(r.Ended.Sub(w.End)))
		} else {
			say("It is %s past the end of the window.", Length(r.Now.Sub(w.End)))
		}
	}
	for _, p := range r.Phases {
		out = append(out, overBudget(p.StepReport)...)
		for _, s := range p.Parts {
			out = append(out, overBudget(s)...)
		}
	}
	out = append(out, tookLonger(r, steps)...)
	for _, s := range steps {
		out = append(out, again(s)...)
	}
	for _, p := range pauses {
		if p.from.IsZero() {
			say("A later run carried on at %s.", both(p.to, "15:04:05"))
		} else {
			say("The work was interrupted. The last thing recorded was at %s, and a later run carried on at %s.", both(p.from, "15:04:05"), both(p.to, "15:04:05"))
		}
	}
	if h := r.Hold; h != nil && h.Took > unnoticed {
		say("The app waited for %s at the move to the new server.", Length(h.Took))
	}
	for _, p := range proofs {
		if v, ok := f[p.key]; ok && v != 0 {
			out = append(out, p.wrong(f))
		}
	}
	_, unseen := bannerSeen(f)
	return append(out, unseen...)
}

func (r Report) end() time.Time {
	if r.Over() {
		return r.Ended
	}
	return r.Now
}

func overBudget(s StepReport) []string {
	if s.Over() == 0 {
		return nil
	}
	return []string{fmt.Sprintf("“%s” took %s, %s more than its budget of %s.", s.Title, Length(s.Took), Length(s.Over()), Length(s.Budget))}
}

// again says what had to be tried more than once.
func again(s StepReport) []string {
	var out []string
	if s.Failed > 0 {
		out = append(out, fmt.Sprintf("“%s” failed %s and was %s.", s.Title, times(s.Failed), outcomeWords(s)))
	}
	if s.Cut > 0 {
		out = append(out, fmt.Sprintf("“%s” was cut short %s and was %s.", s.Title, times(s.Cut), outcomeWords(s)))
	}
	if s.Failed == 0 && s.Outcome == TakenBack {
		out = append(out, fmt.Sprintf("“%s” was taken back.", s.Title))
	}
	return out
}

func outcomeWords(s StepReport) string {
	switch s.Outcome {
	case Finished:
		return "then done at try " + fmt.Sprint(s.Attempts)
	case TakenBack:
		return "then taken back"
	}
	return "not finished"
}

func several(n float64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Count(n) + " " + thing + "s"
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}
