package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Update is one thing that was said, with what it was said of: an entry of a feed.
type Update struct {
	Entry
	Subject maint.ID
	Title   string // of the subject
	// Markdown says that the text is; elsewhere it is plain.
	Markdown bool
	// Planned is the window as it was announced by then; nil for what has none.
	Planned *Window
	// Touches are the parts of the product that the subject is about, each with the worst of it.
	Touches  []Affected
	Labels   []string          // of a post
	Pictures map[string]string // of a post: kept files by what the text calls them
	Changed  time.Time         // of the words; the same as At when they never were
}

// Updates lists all that was said and is on the page, newest first.
func (p PageModel) Updates() []Update {
	var out []Update
	for _, list := range [][]Maintenance{p.Running, p.Upcoming, p.Past} {
		for _, m := range list {
			out = append(out, m.updates()...)
		}
	}
	for _, list := range [][]Incident{p.Incidents, p.Closed} {
		for _, i := range list {
			for _, e := range i.Entries {
				out = append(out, Update{Entry: e, Subject: i.ID, Title: i.Title, Markdown: true, Touches: i.Touched, Changed: e.At})
			}
		}
	}
	for _, c := range p.Components() {
		for _, e := range c.Entries {
			out = append(out, Update{Entry: e, Subject: maint.ComponentID(c.ID), Title: c.Name, Touches: e.Affected, Changed: e.At})
		}
	}
	for _, c := range p.Changes {
		e := Entry{Seq: c.Seq, At: c.Posted, Kind: maint.ChangePosted{}.Kind(), Text: c.Text}
		out = append(out, Update{Entry: e, Subject: c.ID, Title: c.Title, Markdown: true, Labels: c.Labels, Pictures: c.Pictures, Changed: c.Changed})
	}
	// By time first: a post of a change log that was kept elsewhere is as old as it says.
	slices.SortStableFunc(out, func(a, b Update) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Seq, a.Seq)) })
	return out
}

func (m Maintenance) updates() []Update {
	out := make([]Update, 0, len(m.Entries))
	planned := &m.Window
	for _, e := range slices.Backward(m.Entries) {
		if e.Window != nil {
			planned = e.Window
		} else if e.Announces() {
			planned = &m.Window
		}
		out = append(out, Update{Entry: e, Subject: m.ID, Title: m.Title, Planned: planned, Touches: m.Components, Changed: e.At})
	}
	return out
}
