package feed

import (
	"encoding/xml"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/view"
)

// RSSType is the media type that readers ask for.
const RSSType = "application/rss+xml; charset=utf-8"

type rssDocument struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language"`
	Built       string    `xml:"lastBuildDate"`
	Self        atomLink  `xml:"atom:link"`
	Items       []rssItem `xml:"item"`
}

type rssItem struct {
	Title       string   `xml:"title"`
	Link        string   `xml:"link"`
	GUID        rssGUID  `xml:"guid"`
	Published   string   `xml:"pubDate"`
	Categories  []string `xml:"category"`
	Description string   `xml:"description"`
}

type rssGUID struct {
	Permanent bool   `xml:"isPermaLink,attr"`
	ID        string `xml:",chardata"`
}

// RSS writes the channel as RSS 2.0.
func (c Channel) RSS(o Origin, page view.PageModel) ([]byte, error) {
	items := c.items(o, page)
	r := rssDocument{Version: "2.0", Atom: "http://www.w3.org/2005/Atom", Channel: rssChannel{
		Title: printable(c.title(o)), Link: o.link(c.Home), Description: o.say("feed.about"), Language: o.words().Lang, Built: rfc822(changed(items, page)),
		Self: atomLink{"self", "application/rss+xml", o.link(c.Path + ".rss")},
	}}
	for _, i := range items {
		out := rssItem{Title: printable(i.heading), Link: i.url, GUID: rssGUID{ID: i.id}, Published: rfc822(i.At), Description: i.html}
		for _, t := range i.tags {
			out.Categories = append(out.Categories, printable(t))
		}
		r.Channel.Items = append(r.Channel.Items, out)
	}
	out, err := document(r)
	if err != nil {
		return nil, fmt.Errorf("encode %s.rss: %w", c.Path, err)
	}
	return out, nil
}

// rfc822 writes the year with four digits, as RSS 2.0 prefers.
func rfc822(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }
