package feed

import (
	"encoding/xml"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/view"
)

// content is an update as a fragment of HTML.
func content(u view.Update) string {
	var out strings.Builder
	if u.Markdown {
		out.WriteString(markdown.HTML(u.Text))
	} else {
		out.WriteString(paragraphs(u.Text))
	}
	announces := u.Kind == maint.Scheduled{}.Kind() || u.Kind == maint.Rescheduled{}.Kind()
	if announces && u.Planned != nil && u.Planned.Known() {
		out.WriteString(paragraph("Planned for " + span(*u.Planned) + "."))
	}
	if !u.Expected.IsZero() && u.Planned != nil {
		out.WriteString(paragraph("Now expected to end " + instant(u.Expected, u.Planned.Zone) + "."))
	}
	suffers := u.Affected
	if announces {
		suffers = u.Touches
	}
	if len(suffers) > 0 {
		out.WriteString("<ul>")
		for _, a := range suffers {
			out.WriteString("<li>" + escape(a.Name+": "+a.Word) + "</li>")
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
func span(w view.Window) string {
	text := view.Span(w.Start, w.End) + " (" + w.Zone + ")"
	if _, offset := w.Start.Zone(); offset == 0 {
		return text
	}
	return text + ", which is " + view.Span(w.Start.UTC(), w.End.UTC()) + " UTC"
}

func instant(t time.Time, zone string) string {
	text := view.Day(t) + ", " + view.Clock(t) + " (" + zone + ")"
	if _, offset := t.Zone(); offset == 0 {
		return text
	}
	return text + ", " + view.Clock(t.UTC()) + " UTC"
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
