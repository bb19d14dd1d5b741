// Package changelog reads and writes change logs in the form of keepachangelog.com 1.1: a heading of the second level for each release,
// with its date, and below it what is new, in Markdown.
//
// It is a function of bytes and must not know what a release becomes. What it has written it reads again as the same.
package changelog

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Release is one section.
type Release struct {
	Version string    // as its heading has it: "1.2.0", "Unreleased"
	Date    time.Time // its day, at midnight UTC; zero = it has none
	Yanked  bool
	Link    string // where its heading leads, "" = nowhere
	Text    string // Markdown, without headings of the first two levels
}

// Labels are the headings of the third level, such as Added and Fixed.
func (r Release) Labels() (out []string) {
	outside(r.Text, func(line string) {
		if title, ok := heading(line, "### "); ok && title != "" {
			out = append(out, title)
		}
	})
	return out
}

// dated is what may stand behind the version. The second form is that of tools that write no brackets.
var (
	bracketed = regexp.MustCompile(`^\[((?:[^\[\]\\]|\\.)+)\](?:\(([^()\s]*)\))?(.*)$`)
	rest      = regexp.MustCompile(`^\s*(?:(?:[-–—]\s*)?\(?(\d{4}-\d{2}-\d{2})\)?)?\s*(\[YANKED\])?\s*$`)
	bare      = regexp.MustCompile(`^(.*?)(\s+[-–—]?\s*\(?\d{4}-\d{2}-\d{2}\)?)?(\s*\[YANKED\])?$`)
	defined   = regexp.MustCompile(`^\[((?:[^\[\]\\]|\\.)+)\]:\s*(\S+)\s*$`)
)

// Parse reads the releases of a file, in its order. What stands before the first is left out.
func Parse(data []byte) []Release {
	text := strings.ToValidUTF8(strings.TrimPrefix(string(data), "\ufeff"), "\uFFFD")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	body, links := cutLinks(text)
	var out []Release
	var lines []string
	end := func() {
		if len(out) > 0 {
			out[len(out)-1].Text = closed(strings.Join(lines, "\n"))
		}
		lines = nil
	}
	outsideOr(body, func(line string) {
		if title, ok := heading(line, "## "); ok && title != "" {
			end()
			out = append(out, parseHeading(title, links))
			return
		}
		lines = append(lines, line)
	}, func(line string) { lines = append(lines, line) })
	end()
	for i := range out {
		out[i].Text = links.attach(out[i].Text)
	}
	return out
}

func parseHeading(title string, links links) Release {
	r := parseTitle(title)
	if r.Link == "" {
		r.Link = links.find(escape(r.Version))
	}
	r.Link = address.Replace(r.Link)
	return r
}

func parseTitle(title string) Release {
	if m := bracketed.FindStringSubmatch(title); m != nil {
		if tail := rest.FindStringSubmatch(m[3]); tail != nil {
			if day, ok := date(tail[1]); ok {
				return Release{Version: named(unescape(m[1])), Link: m[2], Date: day, Yanked: tail[2] != ""}
			}
		}
	}
	m := bare.FindStringSubmatch(title) // always matches
	if day, ok := date(strings.Trim(m[2], " \t-–—()")); ok && strings.TrimSpace(m[1]) != "" {
		return Release{Version: named(unescape(m[1])), Date: day, Yanked: m[3] != ""}
	}
	return Release{Version: named(unescape(title))}
}

// address keeps an address from ending the brackets around it.
var address = strings.NewReplacer("(", "%28", ")", "%29")

// named is a version on one line. What is called nothing is not released.
func named(version string) string {
	if s := strings.Join(strings.Fields(version), " "); s != "" {
		return s
	}
	return "Unreleased"
}

// date reads a day; none is one, too.
func date(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(time.DateOnly, s)
	return t, err == nil
}

const preamble = `# Changelog

All notable changes are documented in this file.

The format is based on [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).
`

// Write gives the file of the releases, in their order.
func Write(releases []Release) []byte {
	var out strings.Builder
	out.WriteString(preamble)
	for _, r := range releases {
		out.WriteString("\n## [" + escape(named(r.Version)) + "]")
		if r.Link != "" {
			out.WriteString("(" + address.Replace(r.Link) + ")")
		}
		if !r.Date.IsZero() {
			out.WriteString(" - " + r.Date.Format(time.DateOnly))
		}
		if r.Yanked {
			out.WriteString(" [YANKED]")
		}
		out.WriteString("\n")
		if text := closed(r.Text); text != "" {
			out.WriteString("\n" + text + "\n")
		}
	}
	return []byte(out.String())
}

// closed is the text with nothing open at its end that would swallow the next release, and without headings of the first two levels.
func closed(text string) string {
	var lines []string
	fence := outsideOr(text, func(line string) { lines = append(lines, lower(line)) }, func(line string) { lines = append(lines, line) })
	if fence != "" {
		lines = append(lines, fence)
	}
	return tidy(lines)
}

// lower makes headings of the first two levels ones of the third: the others are the file's own.
func lower(line string) string {
	for _, mark := range []string{"# ", "## "} {
		if title, ok := heading(line, mark); ok {
			return "### " + title
		}
	}
	return line
}

func heading(line, mark string) (title string, ok bool) {
	title, ok = strings.CutPrefix(line, mark)
	return strings.TrimSpace(title), ok
}

func tidy(lines []string) string {
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

var special = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`)

func escape(s string) string { return special.Replace(s) }

// unescape takes the backslashes out of a version.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`\[]`, s[i+1]) >= 0 {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

var fences = regexp.MustCompile("^\\s*(?:[-*+>]\\s+|\\d+[.)]\\s+)*(`{3,}|~{3,})(.*)$")

// outside gives the lines that are not in a block of code between fences.
func outside(text string, line func(string)) { outsideOr(text, line, func(string) {}) }

// outsideOr gives the lines inside such a block to another, the fences among them, and the fence that is still open at the end.
func outsideOr(text string, out, in func(string)) (open string) {
	for _, l := range strings.Split(text, "\n") {
		m := fences.FindStringSubmatch(l)
		switch {
		case open == "" && m != nil && (m[1][0] != '`' || !strings.Contains(m[2], "`")):
			open = m[1]
			in(l)
		case open != "" && m != nil && strings.HasPrefix(m[1], open) && strings.TrimSpace(m[2]) == "":
			open = ""
			in(l)
		case open != "":
			in(l)
		default:
			out(l)
		}
	}
	return open
}

// maxVersion bounds a version, in characters.
const maxVersion = 200

// Valid says whether a version can be a title.
func (r Release) Valid() bool {
	return strings.TrimSpace(r.Version) != "" && utf8.RuneCountInString(r.Version) <= maxVersion
}
