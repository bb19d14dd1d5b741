package public

import (
	"bytes"
	"html/template"
	"time"

	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/view"
)

// moment is an instant, or two, as a page writes it: in the organiser's zone
// with UTC beside it. The script puts the reader's zone first and keeps the organiser's.
type moment struct {
	As         string        // full | brief: how the script is to write it
	Own        template.HTML // the instants, each in an element of its own
	Place      string
	Also       string
	Day, Short string // the organiser's day, and the time without it, for readers who share that day
}

// Full writes day and time, for facts.
func (s speaker) Full(t time.Time, zone string) template.HTML { return s.full(t, zone).html() }

// UTC writes an instant for which no zone is known.
func (s speaker) UTC(t time.Time) template.HTML { return s.Full(t.UTC(), "UTC") }

// Brief writes a time within a maintenance, for its entries.
func (s speaker) Brief(t time.Time, w view.Window) template.HTML {
	year := t.Year()
	if w.Known() {
		year = w.Start.Year()
	}
	return s.brief(t, w.Zone, year).html()
}

// Here writes a time in the page's zone, which the time carries.
func (s speaker) Here(t time.Time) template.HTML {
	return s.brief(t, t.Location().String(), 0).html()
}

// Between writes a window.
func (s speaker) Between(w view.Window) template.HTML {
	return s.span(s.full(w.Start, w.Zone), w.Start, w.End, "date.full").html()
}

// Stretch writes from when to when something lasted. What still lasts has no end.
func (s speaker) Stretch(v view.Stretch) template.HTML {
	zone := v.From.Location().String()
	if v.Open() {
		return s.H("date.since", "when", s.brief(v.From, zone, 0).html())
	}
	return s.span(s.brief(v.From, zone, 0), v.From, v.To, "date.year").html()
}

func (s speaker) full(t time.Time, zone string) moment {
	m := s.instant(t, zone, "date.full")
	m.As, m.Place = "full", s.place(t, zone)
	m.Short = s.T("date.in", "time", phrase.Clock(t), "place", m.Place)
	return m
}

// brief leaves the year out where that is the one that everything around it has.
func (s speaker) brief(t time.Time, zone string, year int) moment {
	pattern := "date.brief"
	if t.Year() != year {
		pattern = "date.year"
	}
	m := s.instant(t, zone, pattern)
	m.As, m.Place = "brief", "UTC"
	if t.Location() != time.UTC {
		m.Place, _ = phrase.City(zone)
	}
	m.Short = phrase.Clock(t) + " " + m.Place
	return m
}

func (s speaker) instant(t time.Time, zone, pattern string) moment {
	day := s.words.Date(pattern, t)
	return moment{Day: day, Own: element(t, s.words.At(day, phrase.Clock(t))), Also: s.inUTC(t, pattern)}
}

// span makes two instants of one. The day is said again only when it is another.
func (s speaker) span(m moment, from, until time.Time, pattern string) moment {
	end := phrase.Clock(until)
	m.Short = s.T("date.span", "start", phrase.Clock(from), "end", end) + " " + m.Place
	if m.As == "full" {
		m.Short = s.T("date.in", "time", s.T("date.span", "start", phrase.Clock(from), "end", end), "place", m.Place)
	}
	if view.Day(from) != view.Day(until) {
		end, m.Short = s.words.At(s.words.Date(pattern, until), end), ""
	}
	m.Own = s.H("date.span", "start", m.Own, "end", element(until, end))
	if m.Also != "" {
		m.Also = s.spanUTC(from, until, pattern)
	}
	return m
}

// inUTC is empty where it would repeat what is said already, and leaves the day out where that is the same.
func (s speaker) inUTC(t time.Time, pattern string) string {
	u := t.UTC()
	switch _, off := t.Zone(); {
	case off == 0:
		return ""
	case view.Day(u) == view.Day(t):
		return phrase.Clock(u) + " UTC"
	}
	return s.words.At(s.words.Date(pattern, u), phrase.Clock(u)) + " UTC"
}

func (s speaker) spanUTC(from, until time.Time, pattern string) string {
	f, u := from.UTC(), until.UTC()
	start, end := phrase.Clock(f), phrase.Clock(u)
	if view.Day(f) != view.Day(from) || view.Day(f) != view.Day(u) {
		start = s.words.At(s.words.Date(pattern, f), start)
	}
	if view.Day(f) != view.Day(u) {
		end = s.words.At(s.words.Date(pattern, u), end)
	}
	return s.T("date.span", "start", start, "end", end) + " UTC"
}

// place names the zone. A time that fell back to UTC says so.
func (s speaker) place(t time.Time, zone string) string {
	if t.Location() == time.UTC {
		return "UTC"
	}
	return s.words.Place(zone)
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func element(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + iso(t) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

var whenTemplate = template.Must(template.New("when").Parse(
	`<span class="when" data-as="{{.As}}" data-day="{{.Day}}" data-short="{{.Short}}"><span class="own">{{.Own}} <span class="place">{{.Place}}</span></span> <span class="also">{{.Also}}</span></span>`))

func (m moment) html() template.HTML {
	var out bytes.Buffer
	if err := whenTemplate.Execute(&out, m); err != nil {
		return template.HTML(template.HTMLEscapeString(m.Day)) // strings into a buffer: cannot go wrong
	}
	return template.HTML(out.String())
}
