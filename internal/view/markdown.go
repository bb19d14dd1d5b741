package view

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// document builds Markdown. Whatever people wrote goes through plainText.
type document struct{ bytes.Buffer }

func (d *document) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *document) heading(title string) { d.line("\n## %s\n", title) }

func (d *document) list(items []string) {
	for _, s := range items {
		d.line("- %s", plainText(s))
	}
}

// table writes rows of plain text under a head of our own.
func (d *document) table(head []string, rows [][]string) {
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---"
	}
	d.line("| %s |", strings.Join(head, " | "))
	d.line("| %s |", strings.Join(rule, " | "))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = plainText(c)
		}
		d.line("| %s |", strings.Join(cells, " | "))
	}
}

// Markdown writes the report with front matter, for a site or for a file.
func (r Report) Markdown() []byte {
	var d document
	r.front(&d)
	r.opening(&d)
	r.times(&d)
	r.well(&d)
	r.hold(&d)
	r.proof(&d)
	r.answers(&d)
	r.steps(&d)
	r.told(&d)
	r.late(&d)
	r.private(&d)
	return d.Bytes()
}

func (r Report) front(d *document) {
	at := r.end()
	if r.Started.IsZero() && !r.Over() {
		at = r.Now
	}
	d.line("---")
	d.line("title: %s", quoted("Post-mortem: "+r.Title))
	d.line("author: %s", quoted(r.Author))
	d.line("category: %s", quoted(r.Category))
	d.line("date: %s", at.Format("2006-01-02 15:04:05 -0700"))
	d.line("---\n")
}

func (r Report) opening(d *document) {
	if r.Summary != "" {
		d.line("This is what we had announced:\n\n> %s\n", plainText(r.Summary))
	}
	took, allow := Length(r.Took()), Length(r.Window.Allow)
	switch {
	case r.State == maint.StateCompleted:
		d.line("The work took %s. %s were planned.", took, allow)
	case r.State == maint.StateCancelled && r.Started.IsZero():
		d.line("It was cancelled before any work began.")
	case r.State == maint.StateCancelled:
		d.line("It was given up after %s. %s were planned.", took, allow)
	case !r.Started.IsZero():
		d.line("The work has been going on for %s. %s are planned. This is what is known so far.", took, allow)
	default:
		d.line("The work has not begun. This is what is known so far.")
	}
}

func (r Report) times(d *document) {
	d.heading("When")
	var rows [][]string
	if w := r.Window; w.Known() {
		rows = append(rows, append([]string{"Planned"}, r.zones(Span(w.Start, w.End), Span(w.Start.UTC(), w.End.UTC()))...))
	} else if w.Wall != "" {
		rows = append(rows, []string{"Planned", w.Wall + " (" + w.Zone + ")"})
	}
	row := func(name string, t time.Time) {
		if !t.IsZero() {
			rows = append(rows, append([]string{name}, r.zones(moment(t), moment(t.UTC()))...))
		}
	}
	row("Started", r.Started)
	if r.State == maint.StateCancelled {
		row("Given up", r.Ended)
	} else {
		row("Completed", r.Ended)
	}
	if !r.Over() {
		row("Written", r.Now)
	}
	d.table(append([]string{""}, r.zones(r.zoneHead(), "UTC")...), rows)
}

// zones leaves the second of two columns out where both would say the same.
func (r Report) zones(organiser, utc string) []string {
	if r.inUTC() {
		return []string{utc}
	}
	return []string{organiser, utc}
}

func (r Report) inUTC() bool { return !r.Window.Known() || r.Window.Place() == "UTC" }

// both writes a time of day in the organiser's zone and in UTC.
func both(t time.Time, layout string) string {
	if t.Location() == time.UTC {
		return t.Format(layout) + " UTC"
	}
	return t.Format(layout) + " (" + t.UTC().Format(layout) + " UTC)"
}

func moment(t time.Time) string { return t.Format("Monday 2 January 2006, 15:04:05") }

func (r Report) zoneHead() string {
	return plainText(fmt.Sprintf("%s (%s, UTC%s)", r.Window.Place(), r.Window.Zone, r.Window.Start.Format("-07:00")))
}

func (r Report) well(d *document) {
	if len(r.Well) > 0 {
		d.heading("What went well, in numbers")
		d.list(r.Well)
	}
}

func (r Report) hold(d *document) {
	if r.Hold == nil {
		return
	}
	d.heading("How long the app waited")
	if at := r.Hold.At; at.IsZero() {
		d.line("Clients were held for %s, and then sent to the new server.", Length(r.Hold.Took))
	} else {
		d.line("At %s clients were held. %s later they were on the new server.", both(at, "15:04:05.000"), Length(r.Hold.Took))
	}
	if r.Hold.Tries > 1 {
		d.line("It was try number %d. The tries before it were given up and changed nothing.", r.Hold.Tries)
	}
	if h := r.Hold; h.Predicted > 0 && h.Budget > 0 {
		d.line("\n%s were expected, and %s allowed.", Length(h.Predicted), Length(h.Budget))
	}
	r.wentBack(d)
	if len(r.Hold.Parts) == 0 {
		return
	}
	d.line("")
	var rows [][]string
	for _, p := range r.Hold.Parts {
		rows = append(rows, []string{p.Name, Length(p.Took)})
	}
	d.table([]string{"What it went into", "Time"}, append(rows, []string{"Together", Length(r.Hold.Took)}))
}

func (r Report) steps(d *document) {
	if len(r.Phases) == 0 {
		return
	}
	d.heading(r.stepsTitle())
	r.foretold(d)
	var rows [][]string
	for _, p := range r.Phases {
		rows = append(rows, r.stepRow("", p.StepReport))
		for _, s := range p.Parts {
			rows = append(rows, r.stepRow("– ", s))
		}
	}
	if !r.Started.IsZero() && r.Window.Known() {
		whole := StepReport{Title: "From start to end", Budget: r.Window.Allow, Took: r.Took(), Outcome: Finished}
		if !r.Over() {
			whole.Title = "From start to now"
		}
		if r.Forecast != nil {
			whole.Expected = r.Forecast.Total
		}
		rows = append(rows, r.stepRow("", whole))
	}
	head := []string{"Step", "Budget", "Actual", "Difference", ""}
	if r.Forecast != nil {
		head = []string{"Step", "Budget", "Forecast", "Actual", "Difference", ""}
	}
	d.table(head, rows)
}

func (r Report) stepsTitle() string {
	if r.Forecast != nil {
		return "Steps: forecast and actual time"
	}
	return "Steps: budget and actual time"
}

// stepRow holds a step against its forecast where there is one, and else against its budget.
func (r Report) stepRow(indent string, s StepReport) []string {
	note := string(s.Outcome)
	if s.Outcome == Finished {
		note = ""
		if s.Attempts > 1 {
			note = fmt.Sprintf("%d tries", s.Attempts)
		}
	}
	if r.Forecast == nil {
		return []string{indent + s.Title, orDash(s.Budget), Length(s.Took), against(s.Took, s.Budget), note}
	}
	off := difference(s.Took, s.Expected)
	if off == "" {
		off = against(s.Took, s.Budget)
	}
	return []string{indent + s.Title, orDash(s.Budget), orDash(s.Expected), Length(s.Took), off, note}
}

func orDash(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return Length(d)
}

func against(took, budget time.Duration) string {
	switch {
	case budget <= 0:
		return ""
	case took > budget:
		return Length(took-budget) + " over"
	}
	return Length(budget-took) + " left"
}

func (r Report) told(d *document) {
	if len(r.Told) == 0 {
		return
	}
	d.heading("How people were told, and when")
	if first := r.Told[0].At; r.Window.Known() && first.Before(r.Window.Start) {
		d.line("The first notice was given %s before the planned start.\n", Length(r.Window.Start.Sub(first).Round(time.Minute)))
	}
	var rows [][]string
	for _, e := range r.Told {
		when := r.zones(e.At.Format("2 Jan 2006, 15:04:05"), e.At.UTC().Format("2 Jan 2006, 15:04:05"))
		rows = append(rows, append(when, e.Label, e.words()))
	}
	d.table(append(r.zones(r.zoneHead(), "UTC"), "What", "Words"), rows)
	r.notices(d)
}

// words are the stored words and the instants that went with them.
func (e Entry) words() string {
	s := e.Text
	if w := e.Window; w != nil && w.Known() {
		s += " Planned for " + Span(w.Start, w.End) + " (" + w.Zone + ")."
	}
	if !e.Expected.IsZero() {
		s += " Expected end: " + both(e.Expected, "15:04") + "."
	}
	return s
}

func (r Report) late(d *document) {
	if r.Started.IsZero() {
		return
	}
	d.heading("What was late or went wrong, and why")
	if len(r.Late) == 0 {
		d.line("Nothing. Every step was done in its time and at the first try.")
		return
	}
	d.list(r.Late)
}

func (r Report) private(d *document) {
	p := r.Private
	if len(p.Notes)+len(p.Failures)+len(p.Evidence) == 0 {
		return
	}
	d.heading("Notes for ourselves")
	d.line("This part may name servers and databases. Leave it out when you publish the rest.")
	if len(p.Failures) > 0 {
		d.line("\n### Errors\n")
		for _, f := range p.Failures {
			d.line("- %s, “%s”, try %d, after %s: %s%s", f.At.Format("15:04:05"), plainText(f.Title), f.Attempt, Length(f.Took), plainText(f.Error), next(f.Hint))
		}
	}
	if len(p.Notes) > 0 {
		d.line("\n### Conclusions and their figures\n")
		for _, n := range p.Notes {
			d.line("- %s %s", n.At.Format("15:04:05"), plainText(n.Text+figuresText(n.Figures)))
		}
	}
	r.who(d)
	r.whyDown(d)
	weaknesses(d, p.Audited)
	if len(p.Evidence) > 0 {
		d.line("\n### What was seen after each step\n")
		for _, e := range p.Evidence {
			d.line("- %s: %s", plainText(e.Title), plainText(e.Text))
		}
	}
}

func next(hint string) string {
	if hint == "" {
		return ""
	}
	return ". Advice given: " + plainText(hint)
}

func figuresText(f maint.Figures) string {
	parts := make([]string, 0, len(f))
	for _, name := range sortedKeys(f) {
		label, value := FigureText(name, f[name])
		parts = append(parts, label+" "+value)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
