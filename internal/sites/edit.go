package sites

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/hint"
)

// The keys of the data file.
const (
	keyEnabled = "enabled"
	keyText    = "text"
	keyURL     = "url"
)

// ErrFile says that a data file cannot be read or changed as it is.
var ErrFile = errors.New("the banner's data file cannot be used")

// Read gives what the data file says. Enabled is what a template takes for true:
// everything but false and nothing at all.
func Read(data []byte) (Banner, error) {
	d, err := parse(data)
	if err != nil {
		return Banner{}, unusable(err)
	}
	var b Banner
	if _, v := d.find(keyEnabled); v != nil {
		on, ok := boolOf(resolve(v))
		b.Enabled = on || !ok && resolve(v).Tag != "!!null"
	}
	b.Text, b.URL = d.text(keyText), d.text(keyURL)
	return b, nil
}

func (d *document) text(key string) string {
	_, v := d.find(key)
	if v = resolve(v); v == nil || v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
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

// Edit puts the banner into the data file. All bytes but those of changed values stay as
// they are; keys that are missing come at the end. A value that is right already is not touched.
func Edit(data []byte, b Banner) ([]byte, error) {
	return edit(data, setting{keyEnabled, b.Enabled}, setting{keyText, b.Text}, setting{keyURL, b.URL})
}

// Off switches the banner off and leaves its text and address.
func Off(data []byte) ([]byte, error) {
	return edit(data, setting{keyEnabled, false})
}

// setting is a key and the value it shall have: a bool or a string.
type setting struct {
	key  string
	want any
}

type splice struct {
	start, end int
	text       string
}

func edit(data []byte, settings ...setting) ([]byte, error) {
	d, err := parse(data)
	if err != nil {
		return nil, unusable(err)
	}
	var cuts []splice
	var missing, changed []setting
	for _, s := range settings {
		if str, ok := s.want.(string); ok && !utf8.ValidString(str) {
			return nil, fmt.Errorf("set %s: the value is not UTF-8", s.key)
		}
		k, v := d.find(s.key)
		switch {
		case s.holds(v):
			continue
		case v == nil:
			missing = append(missing, s)
		default:
			cut, err := d.replace(s, k, v)
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
	out := slices.Concat(d.bom, apply(d.src, cuts), []byte(added))
	return out, d.verify(out, changed, len(missing))
}

func unusable(err error) error {
	return hint.Wrap(fmt.Errorf("%w: %w", ErrFile, err),
		"write the file as three lines, `enabled: false`, `text: \"\"` and `url: \"\"`, and commit it")
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

func (d *document) replace(s setting, k, v *yaml.Node) (splice, error) {
	start, end, err := d.extent(s.key, v)
	if err != nil {
		return splice{}, err
	}
	if start == end {
		return d.fill(start, s.write(k, v, d.flow)), nil
	}
	text, raw := s.write(k, v, d.flow), string(d.src[start:end])
	if isBlock(v) {
		text = s.writeBlock(k, v, raw, text, d.lineEnd())
	}
	return splice{start, end, text}, nil
}

// write gives a value in the style of the one that was there.
func (s setting) write(k, v *yaml.Node, flow bool) string {
	if on, ok := s.want.(bool); ok {
		return boolText(v, on)
	}
	return textLike(v, k, s.want.(string), flow)
}

// writeBlock keeps a block a block, and otherwise the comment of its header.
func (s setting) writeBlock(k, v *yaml.Node, raw, text, lineEnd string) string {
	if str, ok := s.want.(string); ok {
		if block, ok := blockLike(v, raw, str, lineEnd, k.Column+1); ok {
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
func (d *document) fill(at int, text string) splice {
	if at < len(d.src) && d.src[at] == ' ' {
		at++
	}
	if at > 0 && !isBlank(d.src[at-1]) {
		text = " " + text
	}
	if at < len(d.src) && !isBlank(d.src[at]) && breakAt(d.src, at) == 0 && !d.flow {
		text += " "
	}
	return splice{at, at, text}
}

func apply(src []byte, cuts []splice) []byte {
	slices.SortFunc(cuts, func(a, b splice) int { return a.start - b.start })
	var out []byte
	last := 0
	for _, c := range cuts {
		out = append(append(out, src[last:c.start]...), c.text...)
		last = c.end
	}
	return append(out, src[last:]...)
}

// added gives the lines of the keys that are missing, as the file ends its own.
func (d *document) added(missing []setting) (string, error) {
	if len(missing) == 0 {
		return "", nil
	}
	if d.flow {
		return "", fmt.Errorf("the key %s is missing", missing[0].key)
	}
	indent := ""
	if d.root != nil {
		indent = strings.Repeat(" ", d.root.Column-1)
	}
	var lines []string
	for _, s := range missing {
		lines = append(lines, indent+s.key+": "+s.write(&yaml.Node{}, &yaml.Node{}, false))
	}
	eol := d.lineEnd()
	text := strings.Join(lines, eol)
	if n := len(d.src); n > 0 && !bytes.HasSuffix(d.src, []byte("\n")) {
		return eol + text, nil // the file's last line has no end, and so has the new one
	}
	return text + eol, nil
}

// verify reads the result again: the changed values are as wanted, all others as they were.
func (d *document) verify(out []byte, changed []setting, added int) error {
	after, err := parse(out)
	if err != nil {
		return unusable(fmt.Errorf("after the change: %w", err))
	}
	var was, is []*yaml.Node
	if d.root != nil {
		was = d.root.Content
	}
	if after.root != nil {
		is = after.root.Content
	}
	if len(is) != len(was)+2*added {
		return unusable(errors.New("the keys would not be the same after the change"))
	}
	for _, s := range changed {
		if _, v := after.find(s.key); v == nil || !s.holds(v) {
			return unusable(fmt.Errorf("%s would not be as wanted after the change", s.key))
		}
	}
	for i := 0; i < len(was); i += 2 {
		touched := slices.ContainsFunc(changed, func(s setting) bool { return s.key == was[i].Value })
		if !same(was[i], is[i]) || !touched && !same(was[i+1], is[i+1]) {
			return unusable(fmt.Errorf("line %d: %s would change too", was[i].Line, was[i].Value))
		}
	}
	return nil
}

// same compares two values and how they are written, not where and with which comments.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Style != b.Style || a.Anchor != b.Anchor {
		return false
	}
	return slices.EqualFunc(a.Content, b.Content, same)
}
