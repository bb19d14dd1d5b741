// Package view folds timelines into what people see: the status page and the
// post-mortem. Everything is a pure function of the record and of now, so that
// the same record always tells the same story.
//
// It must not know of clocks, contexts, databases or HTTP, nor how its models
// become bytes on a screen.
package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Progress is how far the running work is. Whoever makes one answers for its
// text: anyone may read it, so it may be made of public lines only.
type Progress struct {
	Text     string
	Fraction float64 // from 0 to 1; below 0 when nobody can tell
	At       time.Time
}

// Known says whether the fraction means anything.
func (p Progress) Known() bool { return p.Fraction >= 0 && p.Fraction <= 1 }

// Percent is the fraction in whole percent, rounded down: a page must not say 100 before the end.
func (p Progress) Percent() int {
	if !p.Known() {
		return 0
	}
	return int(p.Fraction * 100)
}

// Same says whether two samples tell the same.
func (p Progress) Same(o Progress) bool {
	return p.Text == o.Text && p.Fraction == o.Fraction && p.At.Equal(o.At)
}

// Catalog is what the operator says there is: it is as public as the page.
type Catalog struct {
	Components []Listed // in the order of the page
	Zone       string   // IANA name; the days of the page are days there. "" is UTC
}

// Listed is a component as lull.yaml has it.
type Listed struct {
	ID          string
	Name        string
	Description string
	Group       string // "" = it stands by itself
}

func (c Catalog) location() *time.Location {
	if loc, err := time.LoadLocation(c.Zone); err == nil {
		return loc
	}
	return time.UTC
}

// PageModel is the status page.
type PageModel struct {
	Overall Overall

	Groups    []Group    // of components, in the order of the catalog
	Incidents []Incident // that are open, newest first
	Closed    []Incident // newest first

	Running  []Maintenance // in progress and verifying
	Upcoming []Maintenance // scheduled, soonest first
	Past     []Maintenance // completed and cancelled, newest first

	Changes []Change // posts of the change log, newest first

	Zone    string    // of the page: an IANA name
	Seq     int64     // of the last public entry that is in it
	Began   time.Time // of the first public entry; zero when nothing was ever said
	Changed time.Time // of the last one

	// AsOf is set when the record could not be read since: the page is as old as that.
	AsOf time.Time
	Age  time.Duration

	// ChangesAt is the next instant at which the same record folds to another page; zero = never.
	ChangesAt time.Time
}

// How long things stay as they are on the page.
const (
	recentFor = 48 * time.Hour   // an ended maintenance is shown whole
	freshFor  = 90 * time.Second // progress without news counts as live
)

// Page folds the public record, in order of sequence, into the status page.
func Page(catalog Catalog, entries []timeline.PublicEntry, progress map[maint.ID]Progress, now time.Time) PageModel {
	page := PageModel{Zone: catalog.location().String()}
	about := bySubject(entries)
	page.incidents(about, catalog, now)
	page.components(catalog, about, entries, now)
	for _, m := range foldAll(about, progress, now) {
		page.ChangesAt = sooner(page.ChangesAt, m.changesAt)
		switch m.State {
		case maint.InProgress, maint.StateVerifying:
			page.Running = append(page.Running, m)
		case maint.StateScheduled:
			page.Upcoming = append(page.Upcoming, m)
		case maint.StateCompleted, maint.StateCancelled:
			page.Past = append(page.Past, m)
		}
	}
	slices.SortStableFunc(page.Upcoming, func(a, b Maintenance) int { return a.Window.Start.Compare(b.Window.Start) })
	slices.SortStableFunc(page.Past, func(a, b Maintenance) int { return b.Ended.Compare(a.Ended) })
	page.changes(about, catalog)
	if last := len(entries) - 1; last >= 0 {
		page.Seq, page.Began, page.Changed = entries[last].Seq, entries[0].At, entries[last].At
	}
	page.Overall = overall(page, catalog)
	return page
}

// Aged is the same page when the record could last be read at asOf.
func (p PageModel) Aged(asOf, now time.Time) PageModel {
	p.AsOf, p.Age = asOf, now.Sub(asOf)
	p.ChangesAt = sooner(p.ChangesAt, now.Add(time.Minute))
	return p
}

// Find returns the maintenance of that name, if the page may show it.
func (p PageModel) Find(id maint.ID) (Maintenance, bool) {
	for _, list := range [][]Maintenance{p.Running, p.Upcoming, p.Past} {
		for _, m := range list {
			if m.ID == id {
				return m, true
			}
		}
	}
	return Maintenance{}, false
}

// subject is everything that was said of one.
type subject struct {
	id      maint.ID
	entries []timeline.PublicEntry
}

// bySubject keeps the order in which they came up.
func bySubject(entries []timeline.PublicEntry) (out []subject) {
	at := map[maint.ID]int{}
	for _, e := range entries {
		i, known := at[e.Subject]
		if !known {
			i, at[e.Subject] = len(out), len(out)
			out = append(out, subject{id: e.Subject})
		}
		out[i].entries = append(out[i].entries, e)
	}
	return out
}

func foldAll(about []subject, progress map[maint.ID]Progress, now time.Time) (out []Maintenance) {
	for _, s := range about {
		if s.id.Kind() == maint.AMaintenance {
			out = append(out, fold(s.id, s.entries, progress, now))
		}
	}
	return out
}

// sooner picks the earlier of two instants, of which either may be unset.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
