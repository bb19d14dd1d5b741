package notify

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
)

// Text is a notice with places still open: a subject, and paragraphs. It has no logic: a place is filled
// with plain text, and a paragraph or a line whose places are all empty is left out.
type Text struct{ subject, body string }

// String is the text as it was written, with its places open.
func (t *Text) String() string { return t.subject + "\n\n" + t.body }

// Texts are an operator's own texts, by name: a kind and a language, and the channel's name for one alone.
type Texts map[string]*Text

// TextName is the name of a text, and of its file without .txt. channel "" = every channel.
func TextName(k Kind, language, channel string) string {
	name := string(k) + "." + language
	if channel != "" {
		name += "." + channel
	}
	return name
}

func (t Texts) find(k Kind, language, channel string) *Text {
	if own := t[TextName(k, language, channel)]; own != nil {
		return own
	}
	return t[TextName(k, language, "")]
}

const (
	longestSubject = 200
	longestBody    = 20_000
)

// ParseText reads a text: its first line is the subject, below an empty line stands the body.
func ParseText(s string) (*Text, error) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	subject, body, found := strings.Cut(strings.TrimSpace(s), "\n\n")
	t := &Text{subject: subject, body: strings.TrimSpace(body)}
	switch {
	case !utf8.ValidString(s):
		return nil, fmt.Errorf("it is not UTF-8")
	case !found || t.subject == "" || t.body == "":
		return nil, fmt.Errorf("it is not a subject, an empty line, and a text")
	case strings.Contains(t.subject, "\n") || len(t.subject) > longestSubject:
		return nil, fmt.Errorf("the subject is not one line of %d bytes at most", longestSubject)
	case len(t.body) > longestBody:
		return nil, fmt.Errorf("it is longer than %d bytes", longestBody)
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return nil, fmt.Errorf("it holds control characters")
	}
	for _, part := range []string{t.subject, t.body} {
		for _, name := range open(part) {
			if !slices.Contains(Places, name) {
				return nil, fmt.Errorf("{%s} is none of the places: {%s}", name, strings.Join(Places, "}, {"))
			}
		}
	}
	if word := maint.Relative(s); word != "" {
		return nil, fmt.Errorf("%q is another day for whoever reads it later: use {when}", word)
	}
	return t, nil
}

// open gives the names of the places of a text.
func open(s string) (names []string) {
	for {
		_, rest, found := strings.Cut(s, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return names
		}
		names = append(names, name)
		s = after
	}
}

// fill puts the arguments into the places. Nothing in an argument counts as a place.
func (t *Text) fill(args map[string]string) (subject, body string) {
	subject, _ = fillLine(t.subject, args)
	var paragraphs []string
	for _, p := range strings.Split(t.body, "\n\n") {
		var lines []string
		for _, line := range strings.Split(p, "\n") {
			if filled, empty := fillLine(line, args); !empty && strings.TrimSpace(filled) != "" {
				lines = append(lines, filled)
			}
		}
		if len(lines) > 0 {
			paragraphs = append(paragraphs, strings.Join(lines, "\n"))
		}
	}
	return oneLine(subject), strings.Join(paragraphs, "\n\n")
}

// fillLine says too whether the line had places and all of them were empty.
func fillLine(line string, args map[string]string) (out string, empty bool) {
	var b strings.Builder
	places, filled := 0, 0
	for {
		before, rest, found := strings.Cut(line, "{")
		name, after, closed := strings.Cut(rest, "}")
		v, known := args[name]
		if !found || !closed || !known {
			b.WriteString(line)
			return b.String(), places > 0 && filled == 0
		}
		places++
		if v != "" {
			filled++
		}
		b.WriteString(before)
		b.WriteString(v)
		line = after
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// standard is Lull's own text in a language.
func standard(c *phrase.Catalogue, n Notice) *Text {
	lines := func(keys ...string) string {
		var out []string
		for _, k := range keys {
			out = append(out, c.Raw("notice."+k))
		}
		return strings.Join(out, "\n")
	}
	facts := lines("when", "affects")
	switch n.Kind {
	case Late:
		facts = lines("expected", "planned")
	case Rescheduled, Extended:
		facts = lines("now", "before", "affects")
	case Completed, Cancelled, RolledBack:
		facts = lines("planned")
	}
	body := []string{c.Raw("notice." + string(n.Kind) + ".text"), facts}
	switch n.Kind {
	case Confirm:
		body = body[:1]
	case Digest:
		body = []string{"{text}"}
	case Incident:
		body = []string{body[0], "{text}", lines("affects")}
	case Ahead, Rescheduled, Started:
		body = append(body, "{summary}")
	case Late, Cancelled, RolledBack:
		body = append(body, "{text}")
	}
	return &Text{subject: c.Raw("notice." + string(n.Kind)), body: strings.Join(body, "\n\n")}
}
