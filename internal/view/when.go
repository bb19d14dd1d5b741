package view

import (
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
)

// Window is a planned window: its instants in the organiser's zone, and what the
// organiser wrote, which is all there is when the zone cannot be resolved.
type Window struct {
	Start, End time.Time
	Zone       string // IANA name
	Wall       string // as written in the plan
	Allow      time.Duration
}

// Known says whether the instants could be told.
func (w Window) Known() bool { return !w.Start.IsZero() }

// Place is the zone in a reader's words: "Auckland time".
func (w Window) Place() string { return Place(w.Zone) }

func resolve(w maint.Window) Window {
	out := Window{Zone: w.Zone, Wall: w.Start, Allow: w.Allow}
	if start, end, err := w.Resolve(); err == nil {
		out.Start, out.End = start, end
	}
	return out
}

// in shows an instant in the organiser's zone.
func (w Window) in(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	if w.Known() {
		return t.In(w.Start.Location())
	}
	return t.UTC()
}

// Place names a zone the way people do.
func Place(zone string) string { return phrase.English.Place(zone) }

// Day and Clock are how a time is written, in the zone it carries.
func Day(t time.Time) string   { return t.Format("Monday 2 January 2006") }
func Clock(t time.Time) string { return t.Format("15:04") }

// Span writes two instants of one zone and says the day again only when it is another.
func Span(start, end time.Time) string {
	y, m, d := start.Date()
	if y2, m2, d2 := end.Date(); y == y2 && m == m2 && d == d2 {
		return fmt.Sprintf("%s, %s to %s", Day(start), Clock(start), Clock(end))
	}
	return fmt.Sprintf("%s, %s to %s, %s", Day(start), Clock(start), Day(end), Clock(end))
}
