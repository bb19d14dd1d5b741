package view

import (
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/timeline"
)

// Maintenance is one maintenance as anyone may see it. Its instants are in the
// organiser's zone.
type Maintenance struct {
	ID         maint.ID
	Title      string
	Summary    string
	State      maint.State
	Window     Window
	Started    time.Time
	Ended      time.Time
	Expected   time.Time // the end that was forecast when it was said to run late
	Overrun    bool      // the window is over and the work is not
	Overdue    bool      // the window is over and the work has not begun
	Due        bool      // the window is open and the work has not begun
	Recent     bool      // ended a short while ago
	Components []Affected
	Phases     []maint.Phase
	Progress   *Progress
	Quiet      bool    // the progress has had no news for a while
	Entries    []Entry // newest first

	changesAt time.Time
}

// Running says whether the work, or the checks after it, go on.
func (m Maintenance) Running() bool {
	return m.State == maint.InProgress || m.State == maint.StateVerifying
}

// Affected is a part of the product and what it suffers.
type Affected struct {
	ID     string
	Name   string
	Impact maint.Impact
}

// Entry is one thing that was said, in the words in which it was said.
type Entry struct {
	Seq      int64
	At       time.Time
	Kind     string
	Called   phrase.Phrase // what kind of news it is
	Label    string        // the same in English
	Text     string
	Window   *Window   // what was announced, where it is not what holds now
	Expected time.Time // when it was then expected to end

	// Of an incident's entries: their text is Markdown.
	Status   maint.IncidentStatus
	Affected []Affected
}

func fold(id maint.ID, entries []timeline.PublicEntry, progress map[maint.ID]Progress, now time.Time) Maintenance {
	m := maint.Maintenance{ID: id, State: maint.Draft}
	for _, e := range entries {
		m = m.Apply(e.Event, e.At)
	}
	window := resolve(m.Plan.Window)
	v := Maintenance{
		ID: id, Title: m.Plan.Title, Summary: m.Plan.Summary, State: m.State,
		Window: window, Started: window.in(m.Started), Ended: window.in(m.Ended),
		Components: affected(m.Plan.Components, m.Plan.Names), Phases: m.Plan.Phases,
		Entries: said(entries, window),
	}
	if v.Title == "" {
		v.Title = string(id)
	}
	if m.Late != nil && v.Running() {
		v.Expected = window.in(m.Late.ExpectedEnd)
	}
	v.place(now)
	if p, ok := progress[id]; ok && v.Running() {
		v.live(p, now)
	}
	return v
}

// place sets what depends on where now lies, and notes when that will change.
func (m *Maintenance) place(now time.Time) {
	passed := func(t time.Time) bool {
		if t.IsZero() || now.Before(t) {
			m.changesAt = sooner(m.changesAt, t)
			return false
		}
		return true
	}
	switch {
	case m.State == maint.StateScheduled:
		m.Due = passed(m.Window.Start)
		m.Overdue = passed(m.Window.End)
		m.Due = m.Due && !m.Overdue
	case m.Running():
		m.Overrun = passed(m.Window.End)
		passed(m.Expected)
	case !m.Ended.IsZero():
		m.Recent = !passed(m.Ended.Add(recentFor))
	}
}

// live adds the progress. A sample from before this start of the work tells of another one.
func (m *Maintenance) live(p Progress, now time.Time) {
	if p.At.Before(m.Started) {
		return
	}
	if p.Fraction > 1 {
		p.Fraction = 1
	}
	p.At = m.Window.in(p.At)
	m.Progress = &p
	stale := p.At.Add(freshFor)
	if m.Quiet = !now.Before(stale); !m.Quiet {
		m.changesAt = sooner(m.changesAt, stale)
	}
}

func affected(impacts map[string]maint.Impact, names map[string]string) []Affected {
	out := make([]Affected, 0, len(impacts))
	for _, id := range sortedKeys(impacts) {
		name := names[id]
		if name == "" {
			name = id
		}
		out = append(out, Affected{ID: id, Name: name, Impact: impacts[id]})
	}
	return out
}

func said(entries []timeline.PublicEntry, current Window) []Entry {
	out := make([]Entry, 0, len(entries))
	for _, e := range entries {
		line := Entry{Seq: e.Seq, At: current.in(e.At), Kind: e.Event.Kind()}.called(label(e.Event))
		switch ev := e.Event.(type) {
		case maint.Scheduled:
			line.Text, line.Window = ev.Summary, other(resolve(ev.Window), current)
		case maint.Rescheduled:
			line.Text, line.Window = ev.Text, other(resolve(ev.Window), current)
		case maint.Extended:
			line.Text, line.Window = ev.Text, other(resolve(ev.Window), current)
		case maint.Late:
			line.Text, line.Expected = ev.Text, current.in(ev.ExpectedEnd)
		default:
			line.Text = words(e.Event)
		}
		out = append(out, line)
	}
	slices.Reverse(out)
	return out
}

// Announces says whether the entry says when it is to be.
func (e Entry) Announces() bool {
	return slices.Contains([]string{maint.Scheduled{}.Kind(), maint.Rescheduled{}.Kind(), maint.Extended{}.Kind()}, e.Kind)
}

// called gives the entry its name.
func (e Entry) called(name phrase.Phrase) Entry {
	e.Called, e.Label = name, phrase.English.Called(name)
	return e
}

func other(announced, current Window) *Window {
	if announced.Start.Equal(current.Start) && announced.Allow == current.Allow {
		return nil
	}
	return &announced
}
