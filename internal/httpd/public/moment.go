package public

import (
	"strings"
	"time"

	"github.com/lullhq/lull/internal/view"
)

// moment is an instant, or two, as the page writes it: in the organiser's zone
// with UTC beside it. The script puts the reader's zone first and keeps the organiser's.
type moment struct {
	As              string // full | brief: how the script is to write it
	ISO, Text       string
	EndISO, EndText string
	Place, Also     string
	Day, Short      string // the organiser's day, and the time without it, for readers who share that day
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// full writes day and time, for facts.
func full(t time.Time, zone string) moment {
	return instant(t, zone, "full", "Mon 2 January 2006")
}

// brief writes a time within a maintenance, for its entries; the year shows when it is another than the window's.
func brief(t time.Time, w view.Window) moment {
	if !w.Known() || w.Start.Year() != t.Year() {
		return instant(t, w.Zone, "brief", "2 Jan 2006")
	}
	return instant(t, w.Zone, "brief", "2 Jan")
}

func instant(t time.Time, zone, as, day string) moment {
	m := moment{As: as, ISO: iso(t), Place: place(t, zone), Day: t.Format(day)}
	if as == "brief" {
		m.Place = strings.TrimSuffix(m.Place, " time")
	}
	m.Text = m.Day + ", " + view.Clock(t)
	m.Short = view.Clock(t) + " " + m.Place
	m.Also = inUTC(t, day)
	return m
}

func between(w view.Window) moment {
	m := full(w.Start, w.Zone)
	m.EndISO, m.EndText = iso(w.End), view.Clock(w.End)
	m.Short = view.Clock(w.Start) + " to " + view.Clock(w.End) + " " + m.Place
	if view.Day(w.Start) != view.Day(w.End) {
		m.EndText, m.Short = full(w.End, w.Zone).Text, ""
	}
	if m.Also != "" {
		m.Also = spanUTC(w.Start, w.End)
	}
	return m
}

// inUTC is empty where it would repeat what is said already, and leaves the day out where that is the same.
func inUTC(t time.Time, day string) string {
	u := t.UTC()
	if _, off := t.Zone(); off == 0 {
		return ""
	}
	if view.Day(u) == view.Day(t) {
		return view.Clock(u) + " UTC"
	}
	return u.Format(day) + ", " + view.Clock(u) + " UTC"
}

func spanUTC(start, end time.Time) string {
	s, e := full(start.UTC(), "UTC"), full(end.UTC(), "UTC")
	from, until := s.Text, e.Text
	if e.Day == s.Day {
		until = view.Clock(end.UTC())
	}
	if view.Day(start.UTC()) == view.Day(start) && e.Day == s.Day {
		from = view.Clock(start.UTC())
	}
	return from + " to " + until + " UTC"
}

// place names the zone. A time that fell back to UTC says so.
func place(t time.Time, zone string) string {
	if t.Location() == time.UTC {
		return "UTC"
	}
	return view.Place(zone)
}
