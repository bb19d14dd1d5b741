package view

import (
	"fmt"
	"slices"

	"github.com/lullhq/lull/internal/maint"
)

// Answers are how the sites, and the components that the plan names, answered while the work
// went on, with its instants in the organiser's zone and without reasons.
type Answers struct {
	Watched []maint.Span
	Sites   []maint.Uptime
}

func answersOf(e *maint.SitesProbed, zone Window) *Answers {
	if e == nil {
		return nil
	}
	span := func(s maint.Span) maint.Span { return maint.Span{From: zone.in(s.From), To: zone.in(s.To)} }
	u := &Answers{}
	for _, s := range e.Watched {
		u.Watched = append(u.Watched, span(s))
	}
	for _, s := range e.Sites {
		s.Outages = slices.Clone(s.Outages)
		for i := range s.Outages {
			s.Outages[i].Span, s.Outages[i].Reason = span(s.Outages[i].Span), ""
		}
		u.Sites = append(u.Sites, s)
	}
	return u
}

// answers is for whoever asks whether the sites were really up.
func (r Report) answers(d *document) {
	if r.Answers == nil || len(r.Answers.Sites) == 0 {
		return
	}
	d.heading("Whether the sites answered")
	if w := r.Answers.Watched; len(w) > 0 {
		d.line("Each was asked once a second, from %s to %s.", both(w[0].From, "15:04:05"), both(w[len(w)-1].To, "15:04:05"))
		for i := range w[1:] {
			d.line("From %s to %s the work was interrupted, and nobody asked.", both(w[i].To, "15:04:05"), both(w[i+1].From, "15:04:05"))
		}
	}
	d.line("")
	var rows [][]string
	for _, s := range r.Answers.Sites {
		rows = append(rows, []string{s.Name, Count(float64(s.Probes)), Count(float64(s.Failures)), Length(s.Down()), Length(s.Slowest)})
	}
	d.table([]string{"", "Asked", "Without a good answer", "Downtime", "Slowest good answer"}, rows)
	r.outages(d)
}

// outages lists every time without a good answer.
func (r Report) outages(d *document) {
	var rows [][]string
	for _, s := range r.Answers.Sites {
		for _, o := range s.Outages {
			good := both(o.To, exact)
			if !o.Over {
				good = "none up to " + good
			}
			rows = append(rows, []string{s.Name, both(o.From, exact), good, Length(o.To.Sub(o.From)), fmt.Sprint(o.Failures)})
		}
	}
	if len(rows) > 0 {
		d.line("")
		d.table([]string{"", "First that failed", "First good one after it", "Length", "Failed"}, rows)
	}
}

const exact = "15:04:05.000"

// whyDown says what the answers were, or why there was none.
func (r Report) whyDown(d *document) {
	if r.Private.Probed == nil {
		return
	}
	var items []string
	for _, s := range r.Private.Probed.Sites {
		for _, o := range s.Outages {
			items = append(items, fmt.Sprintf("%s at %s: %s", s.Name, r.Window.in(o.From).Format(exact), o.Reason))
		}
	}
	if len(items) > 0 {
		d.line("\n### Why there was no good answer\n")
		d.list(items)
	}
}
