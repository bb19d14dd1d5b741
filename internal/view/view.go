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

// PageModel is the status page.
type PageModel struct {
	Overall  Overall
	Running  []Maintenance // in progress and verifying
	Upcoming []Maintenance // scheduled, soonest first
	Past     []Maintenance // completed and cancelled, newest first

	// AsOf is set when the record could not be read since: the page is as old as that.
	AsOf time.Time
	Age  string

	// ChangesAt is the next instant at which the same record folds to another page; zero = never.
	ChangesAt time.Time
}

// How long things stay as they are on the page.
const (
	recentFor = 48 * time.Hour   // an ended maintenance is shown whole
	freshFor  = 90 * time.Second // progress without news counts as live
)

// Page folds the public record of all maintenances, in order of sequence, into the status page.
func Page(entries []timeline.PublicEntry, progress map[maint.ID]Progress, now time.Time) PageModel {
	var page PageModel
	for _, m := range foldAll(entries, progress, now) {
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
	page.Overall = overall(page)
	return page
}

// Aged is the same page when the record could last be read at asOf.
func (p PageModel) Aged(asOf, now time.Time) PageModel {
	p.AsOf, p.Age = asOf, ageText(now.Sub(asOf))
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

func foldAll(entries []timeline.PublicEntry, progress map[maint.ID]Progress, now time.Time) []Maintenance {
	byID := map[maint.ID][]timeline.PublicEntry{}
	var order []maint.ID
	for _, e := range entries {
		if _, ok := byID[e.Maintenance]; !ok {
			order = append(order, e.Maintenance)
		}
		byID[e.Maintenance] = append(byID[e.Maintenance], e)
	}
	out := make([]Maintenance, 0, len(order))
	for _, id := range order {
		out = append(out, fold(id, byID[id], progress, now))
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

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare[string])
	return keys
}
