package compare

import (
	"cmp"
	"fmt"
	"slices"
)

// object is one thing that is defined in a database.
type object struct {
	kind       string
	identity   string
	of         string // the object it goes with: when that is missing, nothing is said of this
	definition string // alike on every major
	local      string // what only servers of one major write alike
}

// Change says where something is, or that it is not the same.
type Change string

// The changes.
const (
	OnlySource Change = "only on the source"
	OnlyTarget Change = "only on the target"
	Changed    Change = "changed"
)

// Difference is one thing that is not the same on both sides.
type Difference struct {
	Kind     string `json:"kind"`     // table, column, index, ...
	Identity string `json:"identity"` // its name with schema
	Change   Change `json:"change"`
	Source   string `json:"source,omitempty"` // its definition there
	Target   string `json:"target,omitempty"`
}

// String is one line for the operator.
func (d Difference) String() string {
	if d.Change == Changed {
		return fmt.Sprintf("%s %s: %s on the source, %s on the target", d.Kind, d.Identity, d.Source, d.Target)
	}
	return fmt.Sprintf("%s %s is %s", d.Kind, d.Identity, d.Change)
}

type key struct{ kind, identity string }

func byKey(list []object) map[key]object {
	m := make(map[key]object, len(list))
	for _, o := range list {
		m[key{o.kind, o.identity}] = o
	}
	return m
}

// standing are the names of the objects that go with no other.
func standing(list []object) map[string]bool {
	m := map[string]bool{}
	for _, o := range list {
		if o.of == "" {
			m[o.identity] = true
		}
	}
	return m
}

// diff is the differences in the order of kind and name. What goes with an object
// that one side lacks is not listed beside it.
func diff(source, target []object) []Difference {
	var out []Difference
	there := byKey(target)
	onTarget, onSource := standing(target), standing(source)
	for _, s := range source {
		t, ok := there[key{s.kind, s.identity}]
		switch {
		case !ok && (s.of == "" || onTarget[s.of]):
			out = append(out, Difference{Kind: s.kind, Identity: s.identity, Change: OnlySource, Source: s.definition})
		case ok && !sameDefinition(s.definition, t.definition):
			out = append(out, Difference{Kind: s.kind, Identity: s.identity, Change: Changed, Source: s.definition, Target: t.definition})
		}
	}
	here := byKey(source)
	for _, t := range target {
		if _, ok := here[key{t.kind, t.identity}]; !ok && (t.of == "" || onSource[t.of]) {
			out = append(out, Difference{Kind: t.kind, Identity: t.identity, Change: OnlyTarget, Target: t.definition})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Identity, b.Identity))
	})
	return out
}
