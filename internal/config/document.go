package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/hint"
)

// The bounds of a file. A person's file is far below each of them, and so is one that a
// program has written for ten thousand probes.
const (
	maxBytes = 4 << 20
	maxDepth = 32
	maxNodes = 250_000 // counted with every alias written out

	maxProblems = 100 // nobody reads on
)

// document is a file being read: where it lies, and what was wrong with it so far.
type document struct {
	file     string // as it was given
	dir      string // absolute: relative paths begin here
	lookup   func(string) (string, bool)
	problems Errors
}

// reader takes one value of the file.
type reader func(*yaml.Node)

func begin(path string, data []byte) (*document, *yaml.Node, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("find the folder of %s: %w", path, err)
	}
	d := &document{file: path, dir: filepath.Dir(abs), lookup: os.LookupEnv}
	root := d.parse(data)
	err = d.err()
	return d, root, err
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, hint.Wrap(err, "name the file, or go to its folder first")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, hint.Wrap(err, "name a file that can be read")
	}
	if len(data) > maxBytes {
		return nil, hint.Errorf("is it the right file?", "read %s: it is larger than 4 MiB", path)
	}
	return data, nil
}

func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return d.problems.sorted()
}

func (d *document) problem(n *yaml.Node, hint, format string, args ...any) {
	d.problemAt(n.Line, n.Column, hint, fmt.Sprintf(format, args...))
}

func (d *document) problemAt(line, column int, hint, text string) {
	if d.full() {
		return
	}
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Column: column, Text: text, Hint: hint})
}

func (d *document) full() bool { return len(d.problems) >= maxProblems }

// parse gives the root mapping, or nil and a problem.
func (d *document) parse(data []byte) *yaml.Node {
	var doc, more yaml.Node
	l, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(limits{}))
	if err == nil {
		err = l.Load(&doc)
	}
	switch {
	case errors.Is(err, io.EOF):
		d.problemAt(1, 1, "", "the file is empty")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := l.Load(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(err)
	default:
		d.problem(&more, `take out what follows "---"`, "the file holds more than one document")
	}
	d.sane(&doc)
	return doc.Content[0]
}

func (d *document) syntax(err error) {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		d.problemAt(1, 1, "", "not YAML: "+err.Error())
		return
	}
	text := "not YAML: " + le.Message
	if le.ContextMsg != "" {
		text += " " + le.ContextMsg
	}
	mark := le.Mark
	d.problemAt(max(1, mark.Line), max(1, mark.Column), "", text)
}

// limits bounds nesting while the file is parsed. Aliases are counted by sane.
type limits struct{}

func (limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	return nil
}

func (limits) CheckAlias(_, _ int) error { return nil }

// sane walks the file as it is with all aliases written out, so that whatever
// reads it afterwards ends, and soon.
func (d *document) sane(doc *yaml.Node) {
	left := maxNodes
	var walk func(n *yaml.Node, open []*yaml.Node) bool
	walk = func(n *yaml.Node, open []*yaml.Node) bool {
		if left--; left < 0 || len(open) > 2*maxDepth || slices.Contains(open, n) {
			d.problem(n, "write the values out", "the file is too large once its aliases are written out")
			return false
		}
		if n.Alias != nil {
			return walk(n.Alias, append(open, n))
		}
		if n.Style&yaml.TaggedStyle != 0 {
			d.problem(n, "take the tag out", "tags such as %s are not used here", n.Tag)
		}
		for _, c := range n.Content {
			if !walk(c, append(open, n)) {
				return false
			}
		}
		return true
	}
	walk(doc, nil)
}

func deref(n *yaml.Node) *yaml.Node {
	for n.Alias != nil {
		n = n.Alias
	}
	return n
}
