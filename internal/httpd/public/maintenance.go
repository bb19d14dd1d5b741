package public

import (
	"html/template"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// card is a maintenance on a page, with as many entries as fit there.
type card struct {
	speaker
	view.Maintenance
	Alone bool
	Shown []view.Entry
	More  int
	Path  string
}

// part is a component and what it suffers, in words.
type part struct{ Name, Says string }

func (s speaker) parts(affected []view.Affected) (out []part) {
	for _, a := range affected {
		out = append(out, part{Name: a.Name, Says: s.words.Named("impact", string(a.Impact))})
	}
	return out
}

func (s speaker) card(m view.Maintenance, alone bool) card {
	c := card{speaker: s, Maintenance: m, Alone: alone, Shown: m.Entries, Path: maintenancePath(m)}
	if !alone && c.Planned() && len(c.Shown) == 1 {
		c.Shown = nil // the announcement: the card says it already
	}
	if !alone && len(c.Shown) > perPage {
		c.Shown, c.More = c.Shown[:perPage], len(c.Shown)-perPage
	}
	return c
}

func (s speaker) maintenance(page view.PageModel, m view.Maintenance) ([]byte, error) {
	say := s.T("announce", "title", m.Title, "state", s.State(m.State))
	return leaf{speaker: s, Page: page, Title: m.Title, Say: say, Path: maintenancePath(m), Feed: "/maintenance", Live: m.Ended.IsZero() || m.Recent, Body: s.card(m, true)}.write("maintenance")
}

// Verifying and the others are what the template asks of the state.
func (c card) Verifying() bool { return c.Maintenance.State == maint.StateVerifying }

// Cancelled says whether it was given up.
func (c card) Cancelled() bool { return c.Maintenance.State == maint.StateCancelled }

// Planned says whether it has yet to begin.
func (c card) Planned() bool { return c.Maintenance.State == maint.StateScheduled }

// Affects are the components that it touches.
func (c card) Affects() []part { return c.parts(c.Components) }

// Share is how far the work is.
func (c card) Share(percent int) string { return c.Percent(float64(percent)) }

// Word is its state in a reader's words.
func (c card) Word() string { return c.speaker.State(c.Maintenance.State) }

// Tone is how much a reader should worry.
func (c card) Tone() view.Tone { return tone(c.Maintenance) }

// Steps are those of the plan, as long as they matter.
func (c card) Steps() []maint.Phase {
	if !c.Alone && (!c.Ended.IsZero() || len(c.Phases) > planStepped) {
		return nil
	}
	return c.Phases
}

// Planning writes a window, or what the organiser wrote where the zone is not known any more.
func (c card) Planning(w view.Window) template.HTML {
	if !w.Known() {
		return template.HTML(template.HTMLEscapeString(w.Wall + " " + c.words.Place(w.Zone)))
	}
	return c.Between(w)
}

// Starts is the instant that the script counts down to.
func (c card) Starts() string { return iso(c.Window.Start) }

func tone(m view.Maintenance) view.Tone {
	switch {
	case m.Overrun || m.Overdue || !m.Expected.IsZero():
		return view.Slow
	case m.Running():
		return view.Busy
	case m.State == maint.StateCompleted:
		return view.Done
	}
	return view.Calm
}
