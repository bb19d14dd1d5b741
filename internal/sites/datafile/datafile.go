// Package datafile changes the small file that holds a site's banner: YAML, JSON or TOML, byte by byte. It finds
// the place of a value, puts another one there, and leaves comments, order, quoting, line ends and the end of the
// file as they are. Every result is read again by a parser before it is given out.
//
// It must not know of git, of folders, or of who builds the site.
package datafile

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lullhq/lull/internal/hint"
)

// Banner is what the data file says.
type Banner struct {
	Enabled bool
	Text    string
	URL     string
	// What follows may be empty. Layouts that know the first three only are served as before.
	ID       string            // of what it is about: a reader who has closed it is not shown it again
	StartsAt time.Time         // the banner is shown from then on, zero = at once
	EndsAt   time.Time         // and is gone after it, zero = when it is switched off
	Severity string            // a word for the layout's colours: "maintenance"
	Texts    map[string]string // Text in other languages, by the language's tag
}

// The keys of the data file. keyLocale holds a mapping of languages to texts.
const (
	keyEnabled  = "enabled"
	keyText     = "text"
	keyURL      = "url"
	keyID       = "id"
	keyStarts   = "starts_at"
	keyEnds     = "ends_at"
	keySeverity = "severity"
	keyLocale   = "locale"
)

// ErrFile says that a data file cannot be read or changed as it is.
var ErrFile = errors.New("the banner's data file cannot be used")

// syntax is one way to write a data file.
type syntax interface {
	read(data []byte) (Banner, error)
	// edit makes each setting so.
	edit(data []byte, settings []setting) ([]byte, error)
}

// of gives the syntax of a file by its name.
func of(name string) (syntax, error) {
	switch strings.ToLower(path.Ext(name)) {
	case ".yml", ".yaml", ".json":
		return yamlSyntax{json: strings.EqualFold(path.Ext(name), ".json")}, nil
	case ".toml":
		return tomlSyntax{}, nil
	}
	return nil, hint.Wrap(fmt.Errorf("%w: %s is not YAML, JSON or TOML", ErrFile, name), "name a data file that ends in .yml, .yaml, .json or .toml")
}

// Read gives what the data file of that name says. Enabled is what a template takes for true:
// everything but false and nothing at all.
func Read(name string, data []byte) (Banner, error) {
	s, err := of(name)
	if err != nil {
		return Banner{}, err
	}
	return s.read(data)
}

// Edit puts the banner into the data file. All bytes but those of changed values stay as
// they are; keys that are missing are added. A value that is right already is not touched.
func Edit(name string, data []byte, b Banner) ([]byte, error) {
	was, err := Read(name, data)
	if err != nil {
		return nil, err
	}
	return change(name, data, settings(b, was))
}

// Off switches the banner off and leaves its text and address.
func Off(name string, data []byte) ([]byte, error) {
	return change(name, data, []setting{{keyEnabled, false}})
}

// New gives a file for a site that has none, with the banner switched off.
func New(name string) ([]byte, error) {
	head := ""
	switch {
	case strings.EqualFold(path.Ext(name), ".json"):
		head = "{}\n"
	default:
		head = "# The strip on top of every page. Lull changes the values of this file, and nothing else in it.\n"
	}
	return change(name, []byte(head), []setting{{keyEnabled, false}, {keyText, "Nothing is planned"}, {keyURL, "#"}})
}

func change(name string, data []byte, settings []setting) ([]byte, error) {
	s, err := of(name)
	if err != nil {
		return nil, err
	}
	for _, x := range settings {
		if str, ok := x.want.(string); ok && !utf8.ValidString(str) {
			return nil, fmt.Errorf("set %s: the value is not UTF-8", x.key)
		}
	}
	return s.edit(data, settings)
}

// setting is a key and the value it shall have: a bool or a string. A key in the locale mapping is "locale." and the language.
type setting struct {
	key  string
	want any
}

// settings are those of a banner. A language that the file has a text for, and the banner has not, loses it.
func settings(b, was Banner) []setting {
	out := []setting{
		{keyEnabled, b.Enabled}, {keyText, b.Text}, {keyURL, b.URL}, {keyID, b.ID},
		{keyStarts, instant(b.StartsAt)}, {keyEnds, instant(b.EndsAt)}, {keySeverity, b.Severity},
	}
	languages := maps.Clone(b.Texts)
	if languages == nil {
		languages = map[string]string{}
	}
	for lang := range was.Texts {
		if _, ok := languages[lang]; !ok {
			languages[lang] = ""
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(languages)) {
		out = append(out, setting{keyLocale + "." + lang, languages[lang]})
	}
	return out
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func parseInstant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func (s setting) parent() (parent, key string) {
	if parent, key, ok := strings.Cut(s.key, "."); ok {
		return parent, key
	}
	return "", s.key
}

func unusable(err error) error {
	return hint.Wrap(fmt.Errorf("%w: %w", ErrFile, err),
		"write the file as three lines, `enabled: false`, `text: \"\"` and `url: \"\"`, and commit it")
}
