package datafile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// yamlSyntax is YAML, and JSON as the part of YAML that it is.
type yamlSyntax struct{ json bool }

func (yamlSyntax) read(data []byte) (Banner, error) {
	d, err := parse(data)
	if err != nil {
		return Banner{}, unusable(err)
	}
	var b Banner
	if p := d.find(keyEnabled); p.value != nil {
		on, ok := boolOf(resolve(p.value))
		b.Enabled = on || !ok && resolve(p.value).Tag != "!!null"
	}
	b.Text, b.URL, b.ID, b.Severity = d.text(keyText), d.text(keyURL), d.text(keyID), d.text(keySeverity)
	b.StartsAt, b.EndsAt = parseInstant(d.text(keyStarts)), parseInstant(d.text(keyEnds))
	if l := resolve(d.find(keyLocale).value); l != nil && l.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(l.Content); i += 2 {
			if text := d.text(keyLocale + "." + l.Content[i].Value); text != "" {
				if b.Texts == nil {
					b.Texts = map[string]string{}
				}
				b.Texts[l.Content[i].Value] = text
			}
		}
	}
	return b, nil
}

func (d *document) text(key string) string {
	v := resolve(d.find(key).value)
	if v == nil || v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
		return ""
	}
	return v.Value
}

func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

type splice struct {
	start, end int
	text       string
}

func (y yamlSyntax) edit(data []byte, settings []setting) ([]byte, error) {
	d, err := parse(data)
	if err != nil {
		return nil, unusable(err)
	}
	d.json = y.json
	var cuts []splice
	var missing, changed []setting
	for _, s := range settings {
		p := d.find(s.key)
		switch {
		case s.holds(p.value):
			continue
		case p.value == nil:
			missing = append(missing, s)
		default:
			cut, err := d.replace(s, p)
			if err != nil {
				return nil, unusable(err)
			}
			cuts = append(cuts, cut)
		}
		changed = append(changed, s)
	}
	if len(changed) == 0 {
		return data, nil
	}
	added, err := d.added(missing)
	if err != nil {
		return nil, unusable(err)
	}
	out := slices.Concat(d.bom, apply(d.src, append(cuts, added...)))
	if err := d.verify(out, changed, missing); err != nil {
		return nil, err
	}
	if y.json && json.Valid(d.src) && !json.Valid(out[len(d.bom):]) {
		return nil, unusable(errors.New("after the change: it is no JSON any more"))
	}
	return out, nil
}

// holds says that a value needs no change. A missing or empty text is the text "".
func (s setting) holds(v *yaml.Node) bool {
	if want, ok := s.want.(bool); ok {
		if v == nil {
			return false
		}
		on, ok := boolOf(v)
		return ok && on == want
	}
	if v == nil || v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
		return s.want == ""
	}
	plain := v.Style&^yaml.FlowStyle == 0
	return v.Kind == yaml.ScalarNode && v.Tag == "!!str" && v.Value == s.want && (!plain || !isAmbiguous(v.Value))
}

func (d *document) replace(s setting, p place) (splice, error) {
	start, end, err := d.extent(s.key, p)
	if err != nil {
		return splice{}, err
	}
	if start == end {
		return d.fill(start, s.write(p), p.flow()), nil
	}
	text, raw := s.write(p), string(d.src[start:end])
	if isBlock(p.value) {
		text = s.writeBlock(p, raw, text, d.lineEnd())
	}
	return splice{start, end, text}, nil
}

// write gives a value in the style of the one that was there.
func (s setting) write(p place) string {
	if on, ok := s.want.(bool); ok {
		return boolText(p.value, on)
	}
	return textLike(p.value, p.key, s.want.(string), p.flow())
}

// writeBlock keeps a block a block, and otherwise the comment of its header.
func (s setting) writeBlock(p place, raw, text, lineEnd string) string {
	if str, ok := s.want.(string); ok {
		if block, ok := blockLike(p.value, raw, str, lineEnd, p.key.Column+1); ok {
			return block
		}
		text = doubleQuoted(str)
	}
	header, _, _ := strings.Cut(raw, "\n")
	if _, comment, ok := strings.Cut(strings.TrimSuffix(header, "\r"), " "); ok {
		text += " " + comment
	}
	return text
}

// fill puts a value where none was, behind the blank that follows the colon.
func (d *document) fill(at int, text string, flow bool) splice {
	if at < len(d.src) && d.src[at] == ' ' {
		at++
	}
	if at > 0 && !isBlank(d.src[at-1]) {
		text = " " + text
	}
	if at < len(d.src) && !isBlank(d.src[at]) && breakAt(d.src, at) == 0 && !flow {
		text += " "
	}
	return splice{at, at, text}
}

func apply(src []byte, cuts []splice) []byte {
	slices.SortStableFunc(cuts, func(a, b splice) int { return a.start - b.start })
	var out []byte
	last := 0
	for _, c := range cuts {
		out = append(append(out, src[last:c.start]...), c.text...)
		last = c.end
	}
	return append(out, src[last:]...)
}

// verify reads the result again: the changed values are as wanted, all others as they were.
func (d *document) verify(out []byte, changed, missing []setting) error {
	after, err := parse(out)
	if err != nil {
		return unusable(fmt.Errorf("after the change: %w", err))
	}
	for _, s := range changed {
		if p := after.find(s.key); p.value == nil || !s.holds(p.value) {
			return unusable(fmt.Errorf("%s would not be as wanted after the change", s.key))
		}
	}
	if err := d.kept(after, "", changed, missing); err != nil {
		return unusable(err)
	}
	if slices.ContainsFunc(changed, func(s setting) bool { return strings.HasPrefix(s.key, keyLocale+".") }) {
		if err := d.kept(after, keyLocale, changed, missing); err != nil {
			return unusable(err)
		}
	}
	return nil
}

// kept compares the keys of one mapping before and after: those that were not to be changed, and how many there are.
func (d *document) kept(after *document, mapping string, changed, missing []setting) error {
	was, is := d.content(mapping), after.content(mapping)
	added := map[string]bool{}
	for _, s := range missing {
		switch parent, key := s.parent(); {
		case parent == mapping:
			added[key] = true
		case mapping == "" && d.find(parent).value == nil:
			added[parent] = true
		}
	}
	if len(is) != len(was)+2*len(added) {
		return errors.New("the keys would not be the same after the change")
	}
	touched := map[string]bool{}
	for _, s := range changed {
		parent, key := s.parent()
		touched[key] = touched[key] || parent == mapping
		touched[parent] = touched[parent] || mapping == ""
	}
	is = slices.Clone(is)
	for i := 0; i < len(was); i += 2 {
		at := 0
		for at < len(is) && !same(was[i], is[at]) {
			at += 2
		}
		if at >= len(is) || !touched[was[i].Value] && !same(was[i+1], is[at+1]) {
			return fmt.Errorf("line %d: %s would change too", was[i].Line, was[i].Value)
		}
		is = slices.Delete(is, at, at+2)
	}
	return nil
}

// content gives the keys and values of a mapping of the file, "" is the file's own.
func (d *document) content(mapping string) []*yaml.Node {
	n := d.root
	if mapping != "" {
		n = d.find(mapping).value
	}
	if n == nil {
		return nil
	}
	return n.Content
}

// same compares two values and how they are written, not where and with which comments.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Style != b.Style || a.Anchor != b.Anchor {
		return false
	}
	return slices.EqualFunc(a.Content, b.Content, same)
}

// endsWithBreak says that the file's last line is ended.
func (d *document) endsWithBreak() bool {
	return len(d.src) == 0 || bytes.HasSuffix(d.src, []byte("\n"))
}
