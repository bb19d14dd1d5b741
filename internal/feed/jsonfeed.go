package feed

import (
	"encoding/json"
	"fmt"

	"github.com/lullhq/lull/internal/view"
)

// JSONFeedType is the media type of JSON Feed 1.1.
const JSONFeedType = "application/feed+json; charset=utf-8"

type jsonFeed struct {
	Version  string       `json:"version"`
	Title    string       `json:"title"`
	Home     string       `json:"home_page_url"`
	Self     string       `json:"feed_url"`
	Language string       `json:"language"`
	Authors  []jsonAuthor `json:"authors"`
	Items    []jsonItem   `json:"items"`
}

type jsonAuthor struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type jsonItem struct {
	ID        string     `json:"id"`
	URL       string     `json:"url"`
	Title     string     `json:"title"`
	HTML      string     `json:"content_html"`
	Published string     `json:"date_published"`
	Modified  string     `json:"date_modified,omitempty"`
	Tags      []string   `json:"tags"`
	Lull      jsonDetail `json:"_lull"`
}

// jsonDetail is what a program would otherwise read out of the text.
type jsonDetail struct {
	Kind       string          `json:"kind"` // of the entry: scheduled, incident_updated ...
	Subject    string          `json:"subject"`
	Status     string          `json:"status,omitempty"`
	StartsAt   string          `json:"starts_at,omitempty"`
	EndsAt     string          `json:"ends_at,omitempty"`
	Components []jsonComponent `json:"components,omitempty"`
}

type jsonComponent struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Impact string `json:"impact"`
}

// JSONFeed writes the channel as JSON Feed 1.1.
func (c Channel) JSONFeed(o Origin, page view.PageModel) ([]byte, error) {
	f := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: c.title(o), Home: o.link(c.Home), Self: o.link(c.Path + ".json"),
		Language: o.words().Lang, Authors: []jsonAuthor{{o.Name, o.link("/")}}, Items: []jsonItem{},
	}
	for _, i := range c.items(o, page) {
		out := jsonItem{ID: i.id, URL: i.url, Title: i.heading, HTML: i.html, Published: iso(i.At), Tags: i.tags, Lull: detail(i.Update)}
		if !i.Changed.Equal(i.At) {
			out.Modified = iso(i.Changed)
		}
		f.Items = append(f.Items, out)
	}
	out, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode %s.json: %w", c.Path, err)
	}
	return append(out, '\n'), nil
}

func detail(u view.Update) jsonDetail {
	d := jsonDetail{Kind: u.Kind, Subject: string(u.Subject), Status: string(u.Status)}
	if u.Planned != nil && u.Planned.Known() {
		d.StartsAt, d.EndsAt = iso(u.Planned.Start), iso(u.Planned.End)
	}
	if !u.Expected.IsZero() {
		d.EndsAt = iso(u.Expected)
	}
	for _, a := range u.Touches {
		d.Components = append(d.Components, jsonComponent{a.ID, a.Name, string(a.Impact)})
	}
	return d
}
