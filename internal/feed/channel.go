package feed

import (
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// Channel is a choice of updates that people follow, in whatever format.
type Channel struct {
	Path  string // without the ending that names the format
	Title string // beside the organization's name
	Home  string // path of the page that shows the same
	keep  func(view.Update) bool
}

// Channels are all there are: of everything, of each kind, and of each component.
func (o Origin) Channels(page view.PageModel) []Channel {
	out := []Channel{
		{"/history", o.say("feed.all"), "/history", func(view.Update) bool { return true }},
		{"/maintenance", o.say("feed.maintenances"), "/", ofKind(maint.AMaintenance)},
		{"/incidents", o.say("feed.incidents"), "/history", ofKind(maint.AnIncident)},
		{"/changes", o.say("feed.changes"), "/changes", ofKind(maint.AChange)},
	}
	for _, c := range page.Components() {
		path := PathOf(maint.ComponentID(c.ID))
		out = append(out, Channel{path, c.Name, path, touching(c.ID)})
	}
	return out
}

func ofKind(k maint.Kind) func(view.Update) bool {
	return func(u view.Update) bool { return u.Subject.Kind() == k }
}

func touching(component string) func(view.Update) bool {
	return func(u view.Update) bool {
		return u.Subject == maint.ComponentID(component) ||
			slices.ContainsFunc(u.Touches, func(a view.Affected) bool { return a.ID == component })
	}
}

// title is what readers file the channel under.
func (c Channel) title(o Origin) string { return o.say("feed.title", "name", o.Name, "what", c.Title) }

// item is one update, ready to be written in any format.
type item struct {
	view.Update
	id, url string
	heading string
	html    string
	tags    []string
}

// items are the newest updates of the channel. They are dated by when they were published, so
// that no reader files a maintenance of next month under next month.
func (c Channel) items(o Origin, page view.PageModel) []item {
	var out []item
	for _, u := range page.Updates() {
		if !c.keep(u) {
			continue
		}
		out = append(out, o.item(u))
		if len(out) == most {
			break
		}
	}
	return out
}

func (o Origin) item(u view.Update) item {
	i := item{Update: u, id: o.tag(u.At, codeOfUpdate(u.Seq)), url: o.link(PathOf(u.Subject)), heading: u.Title, html: o.content(u)}
	i.tags = append([]string{string(u.Subject.Kind())}, u.Labels...)
	switch u.Subject.Kind() {
	case maint.AChange:
	case maint.AComponent:
		i.heading = o.say("announce", "title", u.Title, "state", o.words().Called(u.Called))
	default:
		i.heading = o.say("feed.entry", "label", o.words().Called(u.Called), "title", u.Title)
		i.url += "#e-" + itoa(u.Seq)
	}
	return i
}

// changed is when the newest of the items was: asking again changes nothing.
func changed(items []item, page view.PageModel) time.Time {
	out := latest(page.Began)
	for _, i := range items {
		out = latest(out, i.Changed)
	}
	return out
}
