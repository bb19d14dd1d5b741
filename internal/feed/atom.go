package feed

import (
	"encoding/xml"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/view"
)

// AtomType and the types beside it are the media types of the formats.
const AtomType = "application/atom+xml; charset=utf-8"

type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language string      `xml:"xml:lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Updated  string      `xml:"updated"`
	Author   atomPerson  `xml:"author"`
	Links    []atomLink  `xml:"link"`
	Entries  []atomEntry `xml:"entry"`
}

type atomPerson struct {
	Name string `xml:"name"`
	URI  string `xml:"uri"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID         string         `xml:"id"`
	Title      string         `xml:"title"`
	Published  string         `xml:"published"`
	Updated    string         `xml:"updated"`
	Links      []atomLink     `xml:"link"`
	Categories []atomCategory `xml:"category"`
	Content    atomText       `xml:"content"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Body string `xml:",chardata"`
}

// Atom writes the channel as RFC 4287 has it.
func (c Channel) Atom(o Origin, page view.PageModel) ([]byte, error) {
	items := c.items(o, page)
	f := atomFeed{
		Language: o.words().Lang, ID: o.tag(time.Unix(0, 0), "feed"+c.Path), Title: printable(c.title(o)), Updated: iso(changed(items, page)),
		Author: atomPerson{printable(o.Name), o.link("/")},
		Links:  []atomLink{{"self", "application/atom+xml", o.link(c.Path + ".atom")}, {"alternate", "text/html", o.link(c.Home)}},
	}
	for _, i := range items {
		e := atomEntry{ID: i.id, Title: printable(i.heading), Published: iso(i.At), Updated: iso(i.Changed),
			Links: []atomLink{{"alternate", "text/html", i.url}}, Content: atomText{"html", i.html}}
		for _, t := range i.tags {
			e.Categories = append(e.Categories, atomCategory{printable(t)})
		}
		f.Entries = append(f.Entries, e)
	}
	out, err := document(f)
	if err != nil {
		return nil, fmt.Errorf("encode %s.atom: %w", c.Path, err)
	}
	return out, nil
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }
