package public

import (
	"slices"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

const (
	jsonType   = "application/json; charset=utf-8"
	scriptType = "text/javascript; charset=utf-8"
)

// machineFiles are what programs and other sites read.
func (s Site) machineFiles(page view.PageModel) []File {
	o := feed.Origin{Name: s.Organization, URL: s.URL, Lang: s.languages()[0], Strict: s.Strict}
	return slices.Concat(statuspageFiles(o, page), feedFiles(o, page), calendarFiles(o, page), badgeFiles(o, page), embedFiles(o, page), s.widgetFiles(o, page), s.pictureFiles(page))
}

func foreign(path, mediaType string, render func() ([]byte, error)) File {
	return File{Path: path, Type: mediaType, Foreign: true, Render: render}
}

func statuspageFiles(o feed.Origin, page view.PageModel) (out []File) {
	for _, d := range feed.StatuspageDocuments {
		out = append(out, foreign("/api/v2"+d.Path, jsonType, func() ([]byte, error) { return d.Encode(o.Statuspage(page)) }))
	}
	return out
}

func feedFiles(o feed.Origin, page view.PageModel) (out []File) {
	for _, c := range o.Channels(page) {
		out = append(out,
			foreign(c.Path+".atom", feed.AtomType, func() ([]byte, error) { return c.Atom(o, page) }),
			foreign(c.Path+".rss", feed.RSSType, func() ([]byte, error) { return c.RSS(o, page) }),
			foreign(c.Path+".json", feed.JSONFeedType, func() ([]byte, error) { return c.JSONFeed(o, page) }))
	}
	return out
}

func calendarFiles(o feed.Origin, page view.PageModel) (out []File) {
	for _, c := range o.Calendars(page) {
		out = append(out, foreign(c.Path, feed.CalendarType, func() ([]byte, error) { return c.Encode(o, page), nil }))
	}
	return out
}

func badgeFiles(o feed.Origin, page view.PageModel) []File {
	out := []File{foreign("/badge.svg", feed.BadgeType, func() ([]byte, error) { return o.Badge(page) })}
	for _, c := range page.Components() {
		path := feed.PathOf(maint.ComponentID(c.ID)) + ".svg"
		out = append(out, foreign(path, feed.BadgeType, func() ([]byte, error) { return o.ComponentBadge(c) }))
	}
	return out
}
