package view

import (
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Component is a part of the product as the page shows it. Its instants are in the page's zone.
type Component struct {
	Listed
	Position int // on the page, from 1
	Status   maint.Impact
	Since    time.Time  // of the status; zero when nothing was ever said of it
	Days     []StripDay // oldest first, the last one is the present day
	Past     []Stretch  // of those days, whole, newest first
	Uptime   Uptime
	Entries  []Entry // what was said of the component itself, newest first
}

// Group is some components under one name. Those without a group have one without a name.
type Group struct {
	Name       string
	Status     maint.Impact // the worst of them
	Components []Component
}

// components works out what holds of each, and what held on each day.
func (p *PageModel) components(catalog Catalog, about []subject, entries []timeline.PublicEntry, now time.Time) {
	if len(catalog.Components) == 0 {
		return
	}
	known := time.Time{}
	if len(entries) > 0 {
		known = entries[0].At
	}
	past, own := replay(catalog, entries), ownEntries(about, catalog)
	for n, listed := range catalog.Components {
		c := Component{Listed: listed, Position: n + 1, Status: maint.Operational, Entries: own[maint.ComponentID(listed.ID)]}
		stretches := past[listed.ID]
		if last := len(stretches) - 1; last >= 0 {
			c.Since = stretches[last].To
			if stretches[last].Open() {
				c.Status, c.Since = stretches[last].Status, stretches[last].From
				p.ChangesAt = sooner(p.ChangesAt, now.Truncate(time.Minute).Add(time.Minute)) // how long it lasts is told
			}
		}
		if !c.Since.IsZero() {
			c.Since = c.Since.In(catalog.location())
		}
		c.Days, c.Uptime = days(stretches, known, now.In(catalog.location()))
		c.Past = lately(stretches, c.Days[0].Date)
		p.place(c)
	}
	p.ChangesAt = sooner(p.ChangesAt, midnight(now.In(catalog.location())).AddDate(0, 0, 1))
}

func ownEntries(about []subject, catalog Catalog) map[maint.ID][]Entry {
	out := map[maint.ID][]Entry{}
	for _, s := range about {
		if s.id.Kind() == maint.AComponent {
			out[s.id] = toldOf(s.entries, catalog.location())
		}
	}
	return out
}

// lately picks what lasted into the time from then on, newest first, in the zone of that instant.
func lately(stretches []Stretch, from time.Time) (out []Stretch) {
	for _, s := range slices.Backward(stretches) {
		if !s.Open() && !s.To.After(from) {
			continue
		}
		if s.From = s.From.In(from.Location()); !s.Open() {
			s.To = s.To.In(from.Location())
		}
		out = append(out, s)
	}
	return out
}

// place puts a component into its group: a group stands where its first component does.
func (p *PageModel) place(c Component) {
	for i := range p.Groups {
		if g := &p.Groups[i]; g.Name == c.Group && (c.Group != "" || i == len(p.Groups)-1) {
			g.Components = append(g.Components, c)
			g.Status = maint.Worst(g.Status, c.Status)
			return
		}
	}
	p.Groups = append(p.Groups, Group{Name: c.Group, Status: c.Status, Components: []Component{c}})
}

// Components lists those of all groups, in the order of the page.
func (p PageModel) Components() (out []Component) {
	for _, g := range p.Groups {
		out = append(out, g.Components...)
	}
	return out
}
