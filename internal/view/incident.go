package view

import (
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Incident is one incident as anyone may see it. Its instants are in the page's zone.
type Incident struct {
	ID         maint.ID
	Name       string // the id without its kind: what an address has
	Title      string
	Status     maint.IncidentStatus
	Severity   maint.Severity
	Open       bool
	Began      time.Time
	Opened     time.Time
	Monitored  time.Time // zero when it never was
	Resolved   time.Time // zero while it is open
	Changed    time.Time
	Affected   []Affected // now
	Touched    []Affected // ever, each with the worst that it suffered
	Entries    []Entry    // newest first; the texts are Markdown
	PostMortem string     // Markdown
}

// incidents folds those of the record. What is open comes first, however old it is.
func (p *PageModel) incidents(about []subject, catalog Catalog, now time.Time) {
	for _, s := range about {
		if s.id.Kind() != maint.AnIncident {
			continue
		}
		if i := incident(s, catalog.location()); i.Open {
			p.Incidents = append(p.Incidents, i)
		} else {
			p.Closed = append(p.Closed, i)
		}
	}
	newest := func(a, b Incident) int { return b.Began.Compare(a.Began) }
	slices.SortStableFunc(p.Incidents, newest)
	slices.SortStableFunc(p.Closed, newest)
}

func incident(s subject, zone *time.Location) Incident {
	i := maint.Incident{ID: s.id}
	touched := map[string]maint.Impact{}
	for _, e := range s.entries {
		i = i.Apply(e.Event, e.At)
		for id, impact := range i.Components {
			if impact != "" {
				touched[id] = maint.Worst(touched[id], impact)
			}
		}
	}
	in := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.In(zone)
	}
	return Incident{
		ID: s.id, Name: s.id.Name(), Title: i.Title, Status: i.Status, Severity: i.Severity, Open: i.Open(),
		Began: in(i.Began), Opened: in(i.Opened), Monitored: in(i.Monitored), Resolved: in(i.Resolved), Changed: in(i.Changed),
		Affected: affected(i.Components, i.Names), Touched: affected(touched, i.Names),
		Entries: toldOf(s.entries, zone), PostMortem: i.PostMortem,
	}
}

func toldOf(entries []timeline.PublicEntry, zone *time.Location) []Entry {
	out := make([]Entry, 0, len(entries))
	for _, e := range entries {
		line := Entry{Seq: e.Seq, At: e.At.In(zone), Kind: e.Event.Kind(), Text: words(e.Event)}.called(label(e.Event))
		switch ev := e.Event.(type) {
		case maint.IncidentOpened:
			line.Status, line.Affected = ev.Status, affected(ev.Components, ev.Names)
		case maint.IncidentUpdated:
			line.Status, line.Affected = ev.Status, affected(ev.Components, ev.Names)
		case maint.PostMortemPublished:
			line.Status = maint.PostMortem
		case maint.ComponentSet:
			line.Affected = one(e.Subject.Name(), ev.Name, ev.Status)
		case maint.ComponentProbed:
			line.Affected = one(e.Subject.Name(), ev.Name, ev.Status)
		}
		out = append(out, line)
	}
	slices.Reverse(out)
	return out
}

func one(id, name string, impact maint.Impact) []Affected {
	return affected(map[string]maint.Impact{id: impact}, map[string]string{id: name})
}

// FindIncident returns the incident of that name.
func (p PageModel) FindIncident(name string) (Incident, bool) {
	for _, list := range [][]Incident{p.Incidents, p.Closed} {
		for _, i := range list {
			if i.Name == name {
				return i, true
			}
		}
	}
	return Incident{}, false
}
