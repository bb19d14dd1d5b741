package phrase

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed words
var files embed.FS

// Languages are those that there is a catalogue for.
var Languages = []string{"en", "de", "fr", "es", "ja"}

// Catalogue is everything that can be said in one language.
type Catalogue struct {
	Lang  string // "de"
	Name  string // in its own words: "Deutsch"
	tag   language.Tag
	texts map[string]text
	lists map[string][]string
}

// text is a phrase in the plural forms that its language has; "other" is always there.
type text map[string]string

var catalogues = load()

// English is what everything is measured against, and what machines are told.
var English = catalogues["en"]

// In gives the catalogue of a language, and English where there is none.
func In(lang string) *Catalogue {
	if c, ok := catalogues[lang]; ok {
		return c
	}
	return English
}

func load() map[string]*Catalogue {
	out := map[string]*Catalogue{}
	for _, lang := range Languages {
		data, err := files.ReadFile("words/" + lang + ".json")
		if err == nil {
			out[lang], err = parse(lang, data)
		}
		if err != nil {
			panic(err) // embedded: its tests fail before a program with it can be made
		}
	}
	return out
}

// parse reads a catalogue: a text is a string, or an object of plural forms, or a list of names.
func parse(lang string, data []byte) (*Catalogue, error) {
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", lang, err)
	}
	tag, err := language.Parse(lang)
	if err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", lang, err)
	}
	c := &Catalogue{Lang: lang, tag: tag, texts: map[string]text{}, lists: map[string][]string{}}
	for key, value := range raw {
		if err := c.add(key, value); err != nil {
			return nil, fmt.Errorf("read the words of %s: %s: %w", lang, key, err)
		}
	}
	c.Name = c.Text(Say("language"))
	return c, nil
}

func (c *Catalogue) add(key string, value json.RawMessage) error {
	switch value[0] {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		c.texts[key] = text{"other": s}
		return err
	case '[':
		var list []string
		err := json.Unmarshal(value, &list)
		c.lists[key] = list
		return err
	}
	forms := text{}
	if err := json.Unmarshal(value, &forms); err != nil {
		return err
	}
	if forms["other"] == "" {
		return fmt.Errorf(`the form "other" is missing`)
	}
	c.texts[key] = forms
	return nil
}

// pick gives the text in the form that its number asks for. What has no text says its own name,
// so that a reader sees something and a test sees it too.
func (c *Catalogue) pick(p Phrase) string {
	forms, ok := c.texts[p.Key]
	if !ok {
		return p.Key
	}
	if n, counted := p.Args["n"].(int); counted {
		if s, ok := forms[form(plural.Cardinal.MatchPlural(c.tag, max(n, -n), 0, 0, 0, 0))]; ok {
			return s
		}
	}
	return forms["other"]
}

func form(f plural.Form) string {
	return [...]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}[f]
}

// Raw is a text with its places still open, for a script that fills them.
func (c *Catalogue) Raw(key string) string { return c.texts[key]["other"] }

// List gives the names that a key has: months, days of the week.
func (c *Catalogue) List(key string) []string { return slices.Clone(c.lists[key]) }

// Named says what people call a state, an impact or another value of a fixed set. A value that
// has no name yet is called by its own words: some_new_state is "some new state".
func (c *Catalogue) Named(set, value string) string {
	if forms, ok := c.texts[set+"."+value]; ok {
		return forms["other"]
	}
	return strings.ReplaceAll(value, "_", " ")
}

// Label is what people call a value of a set by itself on a line.
func (c *Catalogue) Label(set, value string) string {
	word := c.Named(set, value)
	first, size := utf8.DecodeRuneInString(word)
	if size == 0 {
		return word
	}
	return string(unicode.ToUpper(first)) + word[size:]
}

// Called is the label of a phrase that names a value of a set: "state.scheduled". A value that has no word
// yet is called by its own.
func (c *Catalogue) Called(p Phrase) string {
	set, value, _ := strings.Cut(p.Key, ".")
	return c.Label(set, value)
}

// Has says whether there are words for a key.
func (c *Catalogue) Has(key string) bool { return c.texts[key] != nil || c.lists[key] != nil }

// Keys are all that there are words for, in order.
func (c *Catalogue) Keys() []string {
	return slices.Sorted(maps.Keys(c.texts))
}
