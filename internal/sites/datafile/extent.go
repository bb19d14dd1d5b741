package datafile

import (
	"bytes"
	"fmt"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// extent gives the bytes of a value: only these are ever replaced.
func (d *document) extent(key string, p place) (start, end int, err error) {
	n := p.value
	switch {
	case n.Kind == yaml.AliasNode:
		return 0, 0, fmt.Errorf("line %d: %s refers to another value (*%s)", n.Line, key, n.Value)
	case n.Kind != yaml.ScalarNode:
		return 0, 0, fmt.Errorf("line %d: %s is not a single value", n.Line, key)
	case n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return 0, 0, fmt.Errorf("line %d: %s carries an anchor or a tag", n.Line, key)
	}
	if start, err = d.offset(n.Line, n.Column); err != nil {
		return 0, 0, err
	}
	if nothing(n) {
		return start, start, nil
	}
	end = d.end(p, start)
	if !d.means(d.src[start:end], p) {
		return 0, 0, fmt.Errorf("line %d: %s is written in a way that lull cannot change", n.Line, key)
	}
	return start, end, nil
}

func (d *document) end(p place, start int) int {
	n := p.value
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return quoteEnd(d.src, start, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return quoteEnd(d.src, start, '\'')
	case isBlock(n):
		return d.blockEnd(start, p.parent.Column)
	}
	return d.plainEnd(start, p)
}

func isBlock(n *yaml.Node) bool { return n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 }

// means asks the parser whether the bytes alone are the value: a second opinion on every extent.
func (d *document) means(raw []byte, p place) bool {
	n, text := p.value, "k: "+string(raw)
	if p.flow() {
		text = "{" + text + "}"
	}
	alone, err := parse([]byte(text))
	if err != nil || alone.root == nil || len(alone.root.Content) != 2 {
		return false
	}
	v, want := alone.root.Content[1], n.Value
	got := v.Value
	if isBlock(n) { // blank lines after a block may count as its own, and stay where they are
		got, want = strings.TrimRight(got, "\n"), strings.TrimRight(want, "\n")
	}
	return v.Kind == n.Kind && v.Tag == n.Tag && v.Style == n.Style && got == want
}

func quoteEnd(src []byte, start int, quote byte) int {
	for i := start + 1; i < len(src); i++ {
		switch {
		case src[i] == '\\' && quote == '"':
			i++
		case src[i] == quote && quote == '\'' && i+1 < len(src) && src[i+1] == quote:
			i++
		case src[i] == quote:
			return i + 1
		}
	}
	return len(src)
}

// plainEnd follows a plain value over its lines, up to a comment or a line that is no longer indented.
func (d *document) plainEnd(start int, p place) int {
	end, comment := d.plainLine(start, p.flow())
	for next := d.nextLine(end); !comment && !p.flow() && next < len(d.src); next = d.nextLine(next) {
		text := next + d.indentAt(next)
		if text == len(d.src) || breakAt(d.src, text) > 0 {
			continue
		}
		if text-next < p.parent.Column || d.src[text] == '#' {
			break
		}
		end, comment = d.plainLine(text, p.flow())
	}
	return end
}

// plainLine gives the end of a plain value on one line, and whether a comment follows it.
func (d *document) plainLine(start int, flow bool) (end int, comment bool) {
	i := start
	for ; i < len(d.src) && breakAt(d.src, i) == 0; i++ {
		if d.src[i] == '#' && i > start && isBlank(d.src[i-1]) {
			comment = true
			break
		}
		if flow && bytes.IndexByte([]byte(",[]{}"), d.src[i]) >= 0 {
			break
		}
	}
	for i > start && isBlank(d.src[i-1]) {
		i--
	}
	return i, comment
}

// blockEnd gives the end of a block's last line that is not blank, before its line break.
func (d *document) blockEnd(start, column int) int {
	end, indent := d.trimmedEnd(start), 0
	for next := d.nextLine(start); next < len(d.src); next = d.nextLine(next) {
		n := d.indentAt(next)
		if text := next + n; text == len(d.src) || breakAt(d.src, text) > 0 {
			continue
		}
		if indent == 0 {
			indent = n
		}
		if n < indent || n < column {
			break
		}
		end = d.lineStop(next)
	}
	return end
}

func (d *document) nextLine(from int) int {
	stop := d.lineStop(from)
	return stop + breakAt(d.src, stop)
}

func (d *document) lineStop(from int) int {
	for from < len(d.src) && breakAt(d.src, from) == 0 {
		from++
	}
	return from
}

func (d *document) trimmedEnd(from int) int {
	end := d.lineStop(from)
	for end > from && isBlank(d.src[end-1]) {
		end--
	}
	return end
}

func (d *document) indentAt(i int) int {
	n := 0
	for i+n < len(d.src) && d.src[i+n] == ' ' {
		n++
	}
	return n
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }
