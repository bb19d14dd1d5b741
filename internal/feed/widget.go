package feed

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/view"
)

const (
	widgetAhead = 5  // maintenances to come
	widgetPosts = 30 // of the change log
)

// WidgetNotice is what the widget's bar shows of one maintenance or incident to anyone.
type WidgetNotice struct {
	Notice
	Subject maint.ID `json:"subject"`
	State   string   `json:"state"`
	Late    bool     `json:"late,omitempty"`
	Ended   bool     `json:"ended,omitempty"`
	Text    string   `json:"text,omitempty"` // what is being done now
	Percent *int     `json:"percent,omitempty"`
}

// WidgetPost is a post of the change log in the widget's panel.
type WidgetPost struct {
	Name     string   `json:"name"`
	Seq      int64    `json:"seq"` // a later post has a higher one
	Title    string   `json:"title"`
	Text     []any    `json:"text"` // a tree: a text, or [name, attributes, ...children]
	Labels   []string `json:"labels"`
	PostedAt string   `json:"posted_at"`
	URL      string   `json:"url"`
}

// Widget is all that the widget shows to anyone, with its own words in the origin's language.
func (o Origin) Widget(page view.PageModel) ([]byte, error) {
	posts := []WidgetPost{}
	for _, c := range page.Changes[:min(widgetPosts, len(page.Changes))] {
		text, err := tree(markdown.Illustrated(c.Text, Pictures(o.URL, c.Pictures)))
		if err != nil {
			return nil, fmt.Errorf("encode post %s for the widget: %w", c.Name, err)
		}
		posts = append(posts, WidgetPost{Name: c.Name, Seq: c.Seq, Title: c.Title, Text: text, Labels: append([]string{}, c.Labels...), PostedAt: iso(c.Posted), URL: o.link(PathOf(c.ID))})
	}
	out, err := json.Marshal(struct {
		Lang       string            `json:"lang"`
		Name       string            `json:"name"`
		URL        string            `json:"url"`
		ChangesURL string            `json:"changes_url"`
		Words      map[string]string `json:"words"`
		Notices    []WidgetNotice    `json:"notices"`
		Changes    []WidgetPost      `json:"changes"`
	}{o.words().Lang, o.Name, o.link("/"), o.link("/changes"), o.widgetWords(), o.WidgetNotices(page), posts})
	if err != nil {
		return nil, fmt.Errorf("encode the widget: %w", err)
	}
	return append(out, '\n'), nil
}

// WidgetNotices lists what the bar may show to anyone: open incidents, what is being worked on, what comes, and what has just
// ended. Which of them it shows, and when, is for the widget to say.
func (o Origin) WidgetNotices(page view.PageModel) []WidgetNotice {
	out := []WidgetNotice{}
	for _, i := range page.Incidents {
		out = append(out, WidgetNotice{Notice: o.incidentNotice(i), Subject: i.ID, State: string(i.Status)})
	}
	for _, m := range page.Running {
		out = append(out, o.widgetNotice(m))
	}
	for _, m := range page.Upcoming[:min(widgetAhead, len(page.Upcoming))] {
		out = append(out, o.widgetNotice(m))
	}
	for _, m := range page.Past {
		if m.Recent {
			out = append(out, o.widgetNotice(m))
		}
	}
	return out
}

func (o Origin) widgetNotice(m view.Maintenance) WidgetNotice {
	n := WidgetNotice{Notice: o.notice(m), Subject: m.ID, State: string(m.State), Ended: !m.Ended.IsZero()}
	n.Late = m.Running() && (m.Overrun || !m.Expected.IsZero())
	if m.Progress == nil {
		return n
	}
	n.Text = m.Progress.Text
	if m.Progress.Known() {
		percent := m.Progress.Percent()
		n.Percent = &percent
	}
	return n
}

// widgetWords are what the widget says by itself.
func (o Origin) widgetWords() map[string]string {
	c := o.words()
	return map[string]string{
		"title": c.Raw("home.news"), "nothing": c.Raw("changes.nothing"), "progress": c.Raw("progress.label"), "until": c.Raw("entry.expected"),
		"bar": c.Raw("widget.bar"), "close": c.Raw("widget.close"), "details": c.Raw("widget.details"), "kinds": c.Raw("widget.kinds"),
		"all": c.Raw("widget.all"), "fresh": c.Raw("widget.new"), "whole": c.Raw("widget.whole"), "unread": c.Raw("widget.unread"),
		"react": c.Raw("widget.react"), "like": c.Raw("widget.like"), "love": c.Raw("widget.love"), "unsure": c.Raw("widget.unsure"),
	}
}

// tree takes markup apart, so that a script can make nodes of it without ever reading markup itself.
func tree(markup string) ([]any, error) {
	d := xml.NewDecoder(strings.NewReader("<root>" + markup + "</root>"))
	open := [][]any{{}}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			root := open[0][0].([]any)
			return root[2:], nil // without its name and its attributes
		}
		if err != nil {
			return nil, fmt.Errorf("take markup apart: %w", err)
		}
		last := len(open) - 1
		switch t := token.(type) {
		case xml.StartElement:
			attributes := map[string]string{}
			for _, a := range t.Attr {
				attributes[a.Name.Local] = a.Value
			}
			open = append(open, []any{t.Name.Local, attributes})
		case xml.EndElement:
			open[last-1] = append(open[last-1], open[last])
			open = open[:last]
		case xml.CharData:
			open[last] = append(open[last], string(t))
		}
	}
}
