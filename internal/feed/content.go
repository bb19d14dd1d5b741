package feed

import (
	"encoding/xml"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/view"
)

// content is an update as a fragment of HTML.
func (o Origin) content(u view.Update) string {
	var out strings.Builder
	if u.Markdown {
		out.WriteString(markdown.Illustrated(u.Text, Pictures(o.URL, u.Pictures)))
	} else {
		out.WriteString(paragraphs(u.Text))
	}
	announces := u.Announces()
	if announces && u.Planned != nil && u.Planned.Known() {
		out.WriteString(paragraph(o.say("entry.planned_for", "when", o.span(*u.Planned))))
	}
	if !u.Expected.IsZero() && u.Planned != nil {
		out.WriteString(paragraph(o.say("at.expected_end", "when", o.instant(u.Expected, u.Planned.Zone))))
	}
	suffers := u.Affected
	if announces {
		suffers = u.Touches
	}
	if len(suffers) > 0 {
		out.WriteString("<ul>")
		for _, a := range suffers {
			out.WriteString("<li>" + escape(o.say("announce", "title", a.Name, "state", o.words().Named("impact", string(a.Impact)))) + "</li>")
		}
		out.WriteString("</ul>\n")
	}
	return out.String()
}

// paragraphs keeps the lines of plain text apart.
func paragraphs(text string) string {
	var out strings.Builder
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out.WriteString(paragraph(p))
		}
	}
	return out.String()
}

func paragraph(text string) string {
	return "<p>" + strings.ReplaceAll(escape(text), "\n", "<br />\n") + "</p>\n"
}

func escape(text string) string { return html.EscapeString(printable(text)) }

// span and instant say a time in the organiser's zone and in UTC.
func (o Origin) span(w view.Window) string {
	return o.twice(w.Start, w.Zone, func(from time.Time) string {
		until := w.End.In(from.Location())
		end := o.clock(until)
		if view.Day(from) == view.Day(until) {
			end = phrase.Clock(until)
		}
		return o.say("date.span", "start", o.clock(from), "end", end)
	})
}

func (o Origin) instant(t time.Time, zone string) string { return o.twice(t, zone, o.clock) }

// twice says it as it is in the zone that t carries, and then in UTC where that is another time.
func (o Origin) twice(t time.Time, zone string, write func(time.Time) string) string {
	text := write(t) + " (" + zone + ")"
	if _, offset := t.Zone(); offset == 0 {
		return text
	}
	return text + " · " + write(t.UTC()) + " (UTC)"
}

func (o Origin) clock(t time.Time) string {
	return o.words().At(o.words().Date("date.full", t), phrase.Clock(t))
}

// printable leaves out what XML 1.0 (section 2.2) cannot hold and no reader can see.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= 0x20 && r < 0x7f || r >= 0xa0 && r&0xfffe != 0xfffe {
			return r
		}
		return -1
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// document writes v as an XML document. The standard library's encoder escapes every text, so
// that there is no section to close too early.
func document(v any) ([]byte, error) {
	body, err := xml.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
