package datafile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// document is a data file with the places of its values.
type document struct {
	bom   []byte
	src   []byte     // what follows the byte order mark
	root  *yaml.Node // the mapping; nil when the file says nothing
	flow  bool       // the mapping is in braces, as in JSON
	json  bool       // the file is called so
	lines []int      // where each line begins, counted as YAML counts lines
}

var byteOrderMark = []byte("\ufeff")

func parse(data []byte) (*document, error) {
	d := &document{src: data}
	if rest, ok := bytes.CutPrefix(data, byteOrderMark); ok {
		d.bom, d.src = byteOrderMark, rest
	}
	if !utf8.Valid(d.src) {
		return nil, errors.New("the file is not UTF-8")
	}
	var docs []yaml.Node
	if err := yaml.Load(d.src, &docs, yaml.WithAllDocuments()); err != nil {
		return nil, fmt.Errorf("the file is not YAML: %w", err)
	}
	if len(docs) > 1 {
		return nil, errors.New("the file holds more than one YAML document")
	}
	d.lines = lineStarts(d.src)
	if len(docs) == 0 || nothing(docs[0].Content[0]) {
		return d, nil
	}
	err := d.setRoot(docs[0].Content[0])
	return d, err
}

func nothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == ""
}

func (d *document) setRoot(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("the file is not a list of keys and values")
	}
	d.root, d.flow = n, n.Style&yaml.FlowStyle != 0
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind == yaml.ScalarNode && seen[k.Value] {
			return fmt.Errorf("line %d: the key %q is there twice", k.Line, k.Value)
		}
		seen[k.Value] = seen[k.Value] || k.Kind == yaml.ScalarNode
	}
	return nil
}

// place is a key with its value, and the mapping that they stand in.
type place struct{ key, value, parent *yaml.Node }

// flow says that the place is within braces.
func (p place) flow() bool { return p.parent != nil && p.parent.Style&yaml.FlowStyle != 0 }

// find gives the place of a key, or one without a value. "locale.de" is the key de of the mapping locale.
func (d *document) find(key string) place {
	at := d.root
	if parent, child, nested := strings.Cut(key, "."); nested {
		at, key = d.find(parent).value, child
	}
	if at == nil || at.Kind != yaml.MappingNode {
		return place{}
	}
	for i := 0; i+1 < len(at.Content); i += 2 {
		if k := at.Content[i]; k.Kind == yaml.ScalarNode && k.Value == key {
			return place{k, at.Content[i+1], at}
		}
	}
	return place{}
}

// lineStarts counts lines as the parser does: YAML 1.1, section 4.2.
func lineStarts(src []byte) []int {
	lines := []int{0}
	for i := 0; i < len(src); {
		if w := breakAt(src, i); w > 0 {
			i += w
			lines = append(lines, i)
			continue
		}
		i++
	}
	return lines
}

// breakAt gives the length of the line break at i: CR LF, LF, CR, NEL, LS or PS; 0 is none.
func breakAt(src []byte, i int) int {
	switch rest := src[i:]; {
	case len(rest) == 0:
		return 0
	case bytes.HasPrefix(rest, []byte("\r\n")), bytes.HasPrefix(rest, []byte("\u0085")):
		return 2
	case rest[0] == '\n', rest[0] == '\r':
		return 1
	case bytes.HasPrefix(rest, []byte("\u2028")), bytes.HasPrefix(rest, []byte("\u2029")):
		return 3
	}
	return 0
}

// offset gives the byte of a line and column, which the parser counts in characters.
func (d *document) offset(line, column int) (int, error) {
	if line < 1 || line > len(d.lines) {
		return 0, fmt.Errorf("line %d is not in the file", line)
	}
	at := d.lines[line-1]
	for range column - 1 {
		if at >= len(d.src) {
			return 0, fmt.Errorf("line %d has no column %d", line, column)
		}
		_, w := utf8.DecodeRune(d.src[at:])
		at += w
	}
	return at, nil
}

// lineEnd is the line break of the file's first line.
func (d *document) lineEnd() string {
	if i := bytes.IndexByte(d.src, '\n'); i > 0 && d.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
