package public

import (
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
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// full writes day and time, for facts.
func full(t time.Time, zone string) moment {
	return moment{As: "full", ISO: iso(t), Text: view.DayClock(t), Place: place(t, zone), Also: inUTC(t, view.DayClock)}
}

// brief writes a time within a maintenance, for its entries; the year shows when it is another than the window's.
func brief(t time.Time, w view.Window) moment {
	layout := "2 Jan, 15:04"
	if !w.Known() || w.Start.Year() != t.Year() {
		layout = "2 Jan 2006, 15:04"
	}
	write := func(t time.Time) string { return t.Format(layout) }
	return moment{As: "brief", ISO: iso(t), Text: write(t), Place: place(t, w.Zone), Also: inUTC(t, write)}
}

func between(w view.Window) moment {
	m := full(w.Start, w.Zone)
	m.EndISO, m.EndText = iso(w.End), view.DayClock(w.End)
	if view.Day(w.Start) == view.Day(w.End) {
		m.EndText = view.Clock(w.End)
	}
	if m.Also != "" {
		m.Also = spanUTC(w.Start, w.End)
	}
	return m
}

// inUTC is empty where it would repeat what is said already, and leaves the day out where that is the same.
func inUTC(t time.Time, write func(time.Time) string) string {
	u := t.UTC()
	if _, off := t.Zone(); off == 0 {
		return ""
	}
	if view.Day(u) == view.Day(t) {
		return view.Clock(u) + " UTC"
	}
	return write(u) + " UTC"
}

func spanUTC(start, end time.Time) string {
	s, e := start.UTC(), end.UTC()
	if view.Day(s) == view.Day(start) && view.Day(e) == view.Day(s) {
		return view.Clock(s) + " to " + view.Clock(e) + " UTC"
	}
	if view.Day(s) == view.Day(e) {
		return view.DayClock(s) + " to " + view.Clock(e) + " UTC"
	}
	return view.DayClock(s) + " to " + view.DayClock(e) + " UTC"
}

// place names the zone. A time that fell back to UTC says so.
func place(t time.Time, zone string) string {
	if t.Location() == time.UTC {
		return "UTC"
	}
	return view.Place(zone)
}
