package view

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Report is the post-mortem of one maintenance, folded from its whole record.
//
// It has two readers. Everything but Private is safe to publish: what was said in
// public already, instants, lengths of time, numbers, and the titles of steps,
// which are written for people. Private holds the operator's words: conclusions,
// errors and evidence, which may name servers and databases. Public leaves it out.
type Report struct {
	ID       maint.ID
	Title    string
	Author   string
	Category string
	Summary  string
	State    maint.State
	Window   Window
	Told     []Entry // how people were told, oldest first
	Started  time.Time
	Ended    time.Time
	Now      time.Time // when it was written: what is not over is measured up to here
	Phases   []PhaseReport
	Forecast *maint.Forecast // nil when nothing was known before it began
	Hold     *Hold
	Proof    *Proof
	Answers  *Answers
	Well     []string // what went well, a sentence each
	Late     []string // what was late or went wrong, and why
	Viewed   []Viewed // who has seen it in the app; not from the record, because it grows after the last entry
	Private  Private

	given []maint.NoticeGiven
}

// Viewed is how many people have seen a message in the app.
type Viewed struct {
	Word    string // of the notice, as the plan has it
	Channel string
	First   time.Time // when the first of them did
	People  int
}

// Private is what only the operator is to read.
type Private struct {
	Notes    []Note
	Audited  *maint.Audited     // what was open before and after; nil = it was not looked at
	Fence    *maint.Fenced      // of the last move; Proof is what may be published of it
	Probed   *maint.SitesProbed // of the last run; Answers is what may be published of it
	Failures []Failure
	Evidence []Evidence
}

// Note is a conclusion that a step drew.
type Note struct {
	At      time.Time
	Step    string
	Text    string
	Figures maint.Figures
}

// Failure is an attempt that ended in an error.
type Failure struct {
	At      time.Time
	Title   string
	Attempt int
	Took    time.Duration
	Error   string
	Hint    string
}

// Evidence is what was seen when a step was looked at after it.
type Evidence struct {
	Title string
	Text  string
}

// defaultCategory is where a site files its post-mortems unless told otherwise.
const defaultCategory = "operations"

// PostMortem folds the record of one maintenance. Every figure in it comes from there.
func PostMortem(entries []timeline.Entry, now time.Time) Report {
	r := Report{Category: defaultCategory, Now: now}
	entries, r.given = withoutNotices(entries)
	if len(entries) > 0 {
		r.ID = entries[0].Subject
	}
	m := timeline.Fold(r.ID, entries)
	r.Window = resolve(m.Plan.Window)
	r.Title, r.Author, r.Summary, r.State = m.Plan.Title, m.Plan.Author, m.Plan.Summary, m.State
	if r.Title == "" {
		r.Title = string(r.ID)
	}
	r.Started, r.Ended, r.Now = r.Window.in(m.Started), r.Window.in(m.Ended), r.Window.in(now)

	public := said(timeline.Public(entries), r.Window)
	for i := len(public) - 1; i >= 0; i-- {
		r.Told = append(r.Told, public[i])
	}
	steps := foldSteps(entries, r.until(entries))
	r.Forecast = forecastOf(entries)
	expect(steps, r.Forecast)
	r.Phases = phases(steps, m.Plan.Phases, m.Ended)
	r.Private = private(entries, r.Window)
	figures := gather(r.Private.Notes)
	r.Hold = holdOf(r.Private.Notes, r.Window)
	r.Proof = proofOf(r.Private.Fence)
	r.Answers = answersOf(r.Private.Probed, r.Window)
	r.Well = wentWell(r, steps, figures)
	r.Late = wentWrong(r, steps, figures, pauses(entries, r.Window))
	return r
}

// Public is the report without what only the operator is to read.
func (r Report) Public() Report {
	r.Private = Private{}
	return r
}

// Over says whether the maintenance has ended, one way or the other.
func (r Report) Over() bool { return !r.Ended.IsZero() }

// Took is how long the work took, or has taken so far.
func (r Report) Took() time.Duration {
	switch {
	case r.Started.IsZero():
		return 0
	case r.Over():
		return r.Ended.Sub(r.Started)
	}
	return max(0, r.Now.Sub(r.Started))
}

// until is up to when a step that never ended is measured.
func (r Report) until(entries []timeline.Entry) time.Time {
	if r.Over() && len(entries) > 0 {
		return entries[len(entries)-1].At
	}
	return r.Now
}

func private(entries []timeline.Entry, zone Window) Private {
	var p Private
	for _, e := range entries {
		switch ev := e.Event.(type) {
		case maint.Noted:
			p.Notes = append(p.Notes, Note{At: zone.in(e.At), Step: ev.Step, Text: ev.Text, Figures: ev.Figures})
		case maint.Audited:
			p.Audited = &ev
		case maint.Fenced:
			p.Fence = &ev
		case maint.SitesProbed:
			p.Probed = &ev
		case maint.StepFailed:
			p.Failures = append(p.Failures, Failure{
				At: zone.in(e.At), Title: titleOf(ev.Title, ev.Step), Attempt: ev.Attempt, Took: ev.Took, Error: ev.Error, Hint: ev.Hint,
			})
		case maint.StepFinished:
			if ev.Evidence != "" {
				p.Evidence = append(p.Evidence, Evidence{Title: titleOf(ev.Title, ev.Step), Text: ev.Evidence})
			}
		}
	}
	return p
}

func titleOf(title, step string) string {
	if title != "" {
		return title
	}
	return step
}
