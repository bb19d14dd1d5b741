package maint

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Window is when the maintenance may happen: wall time and zone, so that a change
// of the zone's rules moves the instant and not the promise.
type Window struct {
	Start string        `json:"start"` // "2026-12-05 17:00"
	Zone  string        `json:"zone"`  // IANA name
	Allow time.Duration `json:"allow"`
}

// WallLayout is how a window's start is written.
const WallLayout = "2006-01-02 15:04"

// Resolve gives the window's instants in its own zone. It refuses a wall time that
// the zone skips, because nobody can say which instant was meant. Of a wall time
// that the zone has twice it takes the first, so that work never starts an hour
// later than some reader of the notice expects it.
func (w Window) Resolve() (start, end time.Time, err error) {
	loc, err := time.LoadLocation(w.Zone)
	if err != nil || w.Zone == "" || w.Zone == "Local" {
		return start, end, Refuse("zone %q is not an IANA time zone", w.Zone)
	}
	wall, err := time.Parse(WallLayout, w.Start)
	if err != nil || wall.Format(WallLayout) != w.Start {
		return start, end, Refuse("start %q is not of the form %s", w.Start, WallLayout)
	}
	start = first(time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, loc))
	if start.Format(WallLayout) != w.Start {
		return start, end, Refuse("start %s does not exist in %s: clocks are put forward over it", w.Start, w.Zone)
	}
	if w.Allow <= 0 {
		return start, end, Refuse("allow %s is not a length of time", w.Allow)
	}
	return start, start.Add(w.Allow), nil
}

// first gives the earlier instant with t's wall time, if there are two. Of those,
// time.Date gives the first in some zones and the second in others, and says so.
func first(t time.Time) time.Time {
	changed, _ := t.ZoneBounds()
	if changed.IsZero() {
		return t
	}
	_, offset := t.Zone()
	_, before := changed.Add(-time.Second).Zone()
	if earlier := t.Add(time.Duration(offset-before) * time.Second); before > offset && earlier.Before(changed) {
		return earlier
	}
	return t
}

// Longer says whether a window is another one with more time, and else the same.
func (w Window) Longer(than Window) bool {
	return w.Start == than.Start && w.Zone == than.Zone && w.Allow > than.Allow
}

// Same says whether two plans promise the public the same thing.
func (s Scheduled) Same(o Scheduled) bool {
	return s.Title == o.Title && s.Summary == o.Summary && s.Window == o.Window && s.Author == o.Author &&
		maps.Equal(s.Components, o.Components) && maps.Equal(s.Names, o.Names) && slices.Equal(s.Phases, o.Phases) &&
		slices.Equal(s.Notices, o.Notices)
}

func rescheduledText(was, is Scheduled) string {
	if was.Window == is.Window {
		return "The plan was changed. The window stays as it was."
	}
	if _, end, err := is.Window.Resolve(); err == nil && was.Window.Start == is.Window.Start && was.Window.Zone == is.Window.Zone {
		return fmt.Sprintf("The window begins as it was planned, and now ends at %s (%s).", end.Format(WallLayout), is.Window.Zone)
	}
	return fmt.Sprintf("The window moved from %s (%s) to %s (%s).", was.Window.Start, was.Window.Zone, is.Window.Start, is.Window.Zone)
}

func extendedText(w Window) (string, error) {
	_, end, err := w.Resolve()
	return fmt.Sprintf("The maintenance has more time. The window now ends at %s (%s).", end.Format(WallLayout), w.Zone), err
}
