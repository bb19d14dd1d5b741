package config

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Post is a file of the change log: front matter, and below it Markdown.
type Post struct {
	Title       string
	Labels      []string
	Maintenance string    // that brought the change, "" = none did
	Date        time.Time // when it is to be published, or was; zero = now
	Draft       bool      // it is kept back until somebody publishes it
	Text        string
}

// LoadPost reads a post. A date without a zone is one of the given zone. Problems of its content come as Errors.
func LoadPost(path string, zone *time.Location) (*Post, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parsePost(path, data, zone)
}

func parsePost(path string, data []byte, zone *time.Location) (*Post, error) {
	header, text, err := frontMatter(path, bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
	if err != nil {
		return nil, err
	}
	d, root, err := begin(path, header)
	if err != nil {
		return nil, err
	}
	p := &Post{Text: string(bytes.TrimSpace(text))}
	d.object(root, "the front matter",
		need("title", d.line(&p.Title)),
		may("labels", d.list(func(n *yaml.Node) {
			var label string
			d.line(&label)(n)
			p.Labels = append(p.Labels, label)
		})),
		may("maintenance", d.slug(&p.Maintenance)),
		may("date", d.instant(&p.Date, zone)),
		may("draft", d.either(&p.Draft, "true", "false")))
	switch below := bytes.Count(header, []byte("\n")) + 2; {
	case p.Text == "":
		d.problemAt(below, 1, "write below the second --- what is new", "the post has no text")
	case !utf8.ValidString(p.Text):
		d.problemAt(below, 1, "save the file as UTF-8", "the text is not UTF-8")
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// instants are the ways to write one: with a zone, or in the zone that is meant. A date alone is its first moment.
var instants = []string{time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseInstant reads a date, a date and a time, or both with a zone.
func ParseInstant(s string, zone *time.Location) (time.Time, error) {
	for _, layout := range instants {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not an instant", s)
}

func (d *document) instant(into *time.Time, zone *time.Location) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		t, err := ParseInstant(s, zone)
		if err != nil {
			d.problem(n, `such as "2026-12-05 17:00", or with a zone, "2026-12-05T17:00:00+13:00"`, "%q is not an instant", shorten(s))
			return
		}
		*into = t
	}
}

// frontMatter splits a file at its second line of hyphens. The header keeps the first
// one, which begins a YAML document, so that lines are counted as in the file.
func frontMatter(path string, data []byte) (header, text []byte, err error) {
	fence := []byte("---\n")
	if bytes.HasPrefix(data, fence) {
		if at := bytes.Index(data, []byte("\n---\n")); at >= 0 {
			return data[:at+1], data[at+len("\n---\n"):], nil
		}
		if header, found := bytes.CutSuffix(data, []byte("\n---")); found {
			return append(header[:len(header):len(header)], '\n'), nil, nil
		}
	}
	return nil, nil, Errors{{File: path, Line: 1, Column: 1, Text: "the file has no front matter",
		Hint: "begin it with a line ---, then title: What is new, then a line ---, and write the text below"}}
}
