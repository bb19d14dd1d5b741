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
// the zone skips, because nobody can say which instant was meant.
func (w Window) Resolve() (start, end time.Time, err error) {
	loc, err := time.LoadLocation(w.Zone)
	if err != nil || w.Zone == "" {
		return start, end, fmt.Errorf("zone %q is not an IANA time zone", w.Zone)
	}
	start, err = time.ParseInLocation(WallLayout, w.Start, loc)
	if err != nil {
		return start, end, fmt.Errorf("start %q is not of the form %s", w.Start, WallLayout)
	}
	if start.Format(WallLayout) != w.Start {
		return start, end, fmt.Errorf("start %s does not exist in %s: clocks are put forward over it", w.Start, w.Zone)
	}
	if w.Allow <= 0 {
		return start, end, fmt.Errorf("allow %s is not a length of time", w.Allow)
	}
	return start, start.Add(w.Allow), nil
}

// Same says whether two plans promise the public the same thing.
func (s Scheduled) Same(o Scheduled) bool {
	return s.Title == o.Title && s.Summary == o.Summary && s.Window == o.Window && s.Author == o.Author &&
		maps.Equal(s.Components, o.Components) && slices.Equal(s.Phases, o.Phases)
}

func rescheduledText(was, is Scheduled) string {
	if was.Window == is.Window {
		return "The plan was changed. The window stays as it was."
	}
	return fmt.Sprintf("The window moved from %s (%s) to %s (%s).", was.Window.Start, was.Window.Zone, is.Window.Start, is.Window.Zone)
}
