package config

import (
	"cmp"
	"maps"
	"slices"

	yaml "go.yaml.in/yaml/v4"
)

// field is a key that an object knows, and who reads its value.
type field struct {
	key    string
	read   reader
	needed bool
}

func need(key string, read reader) field { return field{key, read, true} }
func may(key string, read reader) field  { return field{key, read, false} }

// object reads a mapping whose keys are known.
func (d *document) object(n *yaml.Node, what string, fields ...field) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	found := map[string]bool{}
	if !d.pairs(n, what, func(k, v *yaml.Node) {
		found[k.Value] = true
		i := slices.Index(known, k.Value)
		if i < 0 {
			d.problem(k, nearest(k.Value, known, "known keys"), "unknown key %q", shorten(k.Value))
			found[closest(k.Value, known)] = true // one mistake, one problem
			return
		}
		d.value(k, v, fields[i].read)
	}) {
		return
	}
	for _, f := range fields {
		if f.needed && !found[f.key] {
			d.problem(n, `add "`+f.key+`:"`, "%s has no %q", what, f.key)
		}
	}
}

// pairs goes through a mapping and leaves doubled keys out. It says whether it was one.
func (d *document) pairs(n *yaml.Node, what string, read func(k, v *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		d.problem(n, `write "key: value" lines`, "%s is a mapping of keys to values, not %s", what, kind(n))
		return false
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content) && !d.full(); i += 2 {
		k := deref(n.Content[i])
		if k.Kind != yaml.ScalarNode {
			d.problem(k, "", "a key is a word, not %s", kind(k))
			continue
		}
		if f, ok := first[k.Value]; ok {
			d.problem(k, "keep one of the two", "key %q is there twice, first on line %d", shorten(k.Value), f.Line)
			continue
		}
		first[k.Value] = k
		read(k, n.Content[i+1])
	}
	return true
}

// value hands a value to its reader, unless nothing was written.
func (d *document) value(k, v *yaml.Node, read reader) {
	v = deref(v)
	if v.Tag == "!!null" {
		d.problem(k, "write a value, or take the key out", "%q has no value", shorten(k.Value))
		return
	}
	read(v)
}

// at remembers where a value stands, for what can be checked only with others.
func (d *document) at(place **yaml.Node, read reader) reader {
	return func(n *yaml.Node) {
		*place = n
		read(n)
	}
}

// each reads a mapping of names to things.
func (d *document) each(what string, read func(id string, n *yaml.Node)) reader {
	return func(n *yaml.Node) {
		d.pairs(n, what+"s", func(k, v *yaml.Node) {
			var id string
			d.slug(&id)(k)
			d.value(k, v, func(v *yaml.Node) { read(id, v) })
		})
	}
}

// list reads a sequence.
func (d *document) list(read reader) reader {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.problem(n, `write "[one, two]", or a line "- one" for each`, "a list belongs here, not %s", kind(n))
			return
		}
		for _, item := range n.Content {
			item = deref(item)
			if item.Tag == "!!null" {
				d.problem(item, "write a value, or take the line out", "the list has an empty entry")
				continue
			}
			read(item)
		}
	}
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// keys gives the names of a map in order, for messages and checks.
func keys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func words[S ~string](in []S) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}
