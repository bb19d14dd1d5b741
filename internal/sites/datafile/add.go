package datafile

import (
	"errors"
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// added gives what puts the keys in that are missing: at the end of the file, or of the locale mapping; in braces
// right after the opening one, so that no other line changes.
func (d *document) added(missing []setting) ([]splice, error) {
	var top, texts []setting
	for _, s := range missing {
		if parent, key := s.parent(); parent == "" {
			top = append(top, s)
		} else {
			texts = append(texts, setting{key, s.want})
		}
	}
	locale := d.find(keyLocale).value
	if len(texts) > 0 && locale == nil {
		top = append(top, setting{keyLocale, texts})
		texts = nil
	}
	var out []splice
	if len(top) > 0 {
		cut, err := d.addTop(top)
		if err != nil {
			return nil, err
		}
		out = append(out, cut)
	}
	if len(texts) > 0 {
		cut, err := d.addTexts(locale, texts)
		if err != nil {
			return nil, err
		}
		out = append(out, cut)
	}
	return out, nil
}

func (d *document) addTop(missing []setting) (splice, error) {
	if d.flow {
		return d.addInBraces(d.root, missing)
	}
	if d.json && d.root == nil {
		return splice{}, errors.New("the file is empty, and so no JSON")
	}
	indent := ""
	if d.root != nil {
		indent = strings.Repeat(" ", d.root.Column-1)
	}
	var lines []string
	for _, s := range missing {
		lines = append(lines, d.linesOf(indent, s)...)
	}
	eol, at := d.lineEnd(), len(d.src)
	text := strings.Join(lines, eol)
	if !d.endsWithBreak() {
		return splice{at, at, eol + text}, nil // the file's last line has no end, and so has the new one
	}
	return splice{at, at, text + eol}, nil
}

// linesOf are the lines of one key.
func (d *document) linesOf(indent string, s setting) []string {
	texts, nested := s.want.([]setting)
	if !nested {
		return []string{indent + keyLike(s.key) + ": " + s.write(place{key: &yaml.Node{}, value: &yaml.Node{}})}
	}
	out := []string{indent + s.key + ":"}
	for _, t := range texts {
		out = append(out, d.linesOf(indent+"  ", t)...)
	}
	return out
}

// keyLike writes a language so that no reader takes it for something else: "no" is Norwegian, and false.
func keyLike(key string) string {
	if isPlain(key, true) {
		return key
	}
	return doubleQuoted(key)
}

// addTexts puts languages into the locale mapping that is there.
func (d *document) addTexts(locale *yaml.Node, texts []setting) (splice, error) {
	switch {
	case locale.Kind == yaml.MappingNode && locale.Style&yaml.FlowStyle != 0:
		return d.addInBraces(locale, texts)
	case locale.Kind == yaml.MappingNode && locale.Anchor == "" && len(locale.Content) > 0:
		return d.addBelow(locale, texts)
	case nothing(locale) && !d.flow:
		start, _, err := d.extent(keyLocale, place{value: locale, parent: d.root})
		if err != nil {
			return splice{}, err
		}
		var lines []string
		for _, t := range texts {
			lines = append(lines, d.linesOf(strings.Repeat(" ", d.root.Column+1), t)...)
		}
		return splice{start, start, d.lineEnd() + strings.Join(lines, d.lineEnd())}, nil
	}
	return splice{}, fmt.Errorf("line %d: %s is not a list of languages and texts", locale.Line, keyLocale)
}

// addBelow puts lines behind the last one of a mapping.
func (d *document) addBelow(m *yaml.Node, texts []setting) (splice, error) {
	last := m.Content[len(m.Content)-1]
	_, end, err := d.extent(keyLocale, place{value: last, parent: m})
	if err != nil {
		return splice{}, err
	}
	at := d.lineStop(end)
	indent, text := strings.Repeat(" ", m.Content[0].Column-1), ""
	for _, t := range texts {
		text += d.lineEnd() + strings.Join(d.linesOf(indent, t), d.lineEnd())
	}
	return splice{at, at, text}, nil
}

// addInBraces puts keys right behind an opening brace, each on a line of its own where the first key is.
func (d *document) addInBraces(m *yaml.Node, missing []setting) (splice, error) {
	at, err := d.offset(m.Line, m.Column)
	if err != nil {
		return splice{}, err
	}
	if at >= len(d.src) || d.src[at] != '{' {
		return splice{}, fmt.Errorf("line %d: it carries an anchor or a tag", m.Line)
	}
	at++
	gap := at
	for gap < len(d.src) && (isBlank(d.src[gap]) || breakAt(d.src, gap) > 0) {
		gap++
	}
	between := string(d.src[at:gap]) // what stands before the first key is what separates the keys
	if len(m.Content) == 0 || !strings.ContainsAny(between, "\n") {
		between = " "
	}
	quoted := d.json || len(m.Content) > 0 && m.Content[0].Style&yaml.DoubleQuotedStyle != 0
	text := strings.TrimPrefix(flowPairs(missing, between, quoted), " ")
	if len(m.Content) > 0 {
		text += ","
		if at == gap {
			text += " "
		}
	}
	return splice{at, at, text}, nil
}

// flowPairs writes keys and values for braces, as JSON where the file is.
func flowPairs(list []setting, between string, quoted bool) string {
	var out []string
	for _, s := range list {
		key := keyLike(s.key)
		if quoted {
			key = doubleQuoted(s.key)
		}
		value := ""
		switch want := s.want.(type) {
		case []setting:
			value = "{" + strings.TrimPrefix(flowPairs(want, " ", quoted), " ") + "}"
		default:
			k := &yaml.Node{}
			if quoted {
				k.Style = yaml.DoubleQuotedStyle
			}
			value = s.write(place{key: k, value: &yaml.Node{}, parent: &yaml.Node{Style: yaml.FlowStyle}})
		}
		out = append(out, between+key+": "+value)
	}
	return strings.Join(out, ",")
}
