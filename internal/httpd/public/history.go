package public

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/view"
)

// monthsShown is how many months the history begins with.
const monthsShown = 3

// item is a maintenance or an incident, by its title.
type item struct {
	ID     string
	Link   string
	Title  string
	Tone   view.Tone
	Word   string
	What   string // a maintenance, or an incident
	When   template.HTML
	At     time.Time
	Recent bool // it is shown whole elsewhere
}

// items are all that is over, newest first.
func (s speaker) items(page view.PageModel) []item {
	var out []item
	for _, m := range page.Past {
		out = append(out, item{
			ID: "past-" + string(m.ID), Link: s.To(maintenancePath(m)), Title: m.Title, Tone: tone(m), Word: s.State(m.State), What: s.T("history.maintenance"),
			When: s.Full(m.Ended, m.Window.Zone), At: m.Ended, Recent: m.Recent,
		})
	}
	for _, i := range page.Closed {
		out = append(out, item{
			ID: "past-i-" + i.Name, Link: s.To(incidentPath(i)), Title: i.Title, Tone: toneOfIncident(i), Word: s.Status(i.Status), What: s.T("history.incident"),
			When: s.Full(i.Began, i.Began.Location().String()), At: i.Began,
		})
	}
	slices.SortStableFunc(out, func(a, b item) int { return b.At.Compare(a.At) })
	return out
}

// month is one in which something ended.
type month struct {
	Key  string // "2026-12"
	Path string
}

func monthOf(t time.Time) month {
	key := t.Format("2006-01")
	return month{Key: key, Path: "/history/" + key}
}

// months are those in which there is something, newest first.
func months(page view.PageModel) []month {
	var out []month
	for _, m := range page.Past {
		out = append(out, monthOf(m.Ended))
	}
	for _, i := range page.Closed {
		out = append(out, monthOf(i.Began))
	}
	slices.SortFunc(out, func(a, b month) int { return strings.Compare(b.Key, a.Key) })
	return slices.Compact(out)
}

// chapter is a month with all that was in it.
type chapter struct {
	month
	Title string
	Items []item
}

// chronicle is what a page of the history shows.
type chronicle struct {
	Chapters     []chapter
	All          []chapter // by title only
	Later, Older *chapter  // beside the one that is shown, if it is one
}

func (s speaker) history(page view.PageModel) ([]byte, error) {
	all := s.chapters(page)
	body := chronicle{Chapters: all[:min(monthsShown, len(all))], All: all}
	title := s.T("nav.history")
	return leaf{speaker: s, Page: page, Title: title, Path: "/history", Nav: "history", Feed: "/history", Body: body}.write("history")
}

func (s speaker) month(page view.PageModel, m month) ([]byte, error) {
	all := s.chapters(page)
	at := slices.IndexFunc(all, func(c chapter) bool { return c.month == m })
	body := chronicle{Chapters: all[at : at+1]}
	if at > 0 {
		body.Later = &all[at-1]
	}
	if at+1 < len(all) {
		body.Older = &all[at+1]
	}
	return leaf{speaker: s, Page: page, Title: all[at].Title, Path: m.Path, Nav: "history", Feed: "/history", Body: body}.write("history")
}

func (s speaker) chapters(page view.PageModel) []chapter {
	var out []chapter
	for _, m := range months(page) {
		first, _ := time.Parse("2006-01", m.Key) // its own format
		out = append(out, chapter{month: m, Title: s.words.Date("date.month", first)})
	}
	for _, i := range s.items(page) {
		at := slices.IndexFunc(out, func(c chapter) bool { return c.month == monthOf(i.At) })
		out[at].Items = append(out[at].Items, i)
	}
	return out
}
