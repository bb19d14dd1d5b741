package config

import (
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// The kinds of gates: what holds the clients of a cluster.
const (
	GatePgBouncer = "pgbouncer"
	GateHooks     = "hooks"
)

// Pooler is what stands in front of a cluster: a PgBouncer, or anything else that
// commands of the operator's can hold and point elsewhere.
type Pooler struct {
	ID     string
	Gate   string
	Admin  DSN    // of a PgBouncer
	Config string // its ini file
	Hooks  Hooks  // of gate: hooks
}

// Hooks are the operator's commands, with how long each may take. They run in Dir.
type Hooks struct {
	Hold, Repoint, Resume, Where []string
	Within                       HooksWithin
	Dir                          string
}

// HooksWithin is the time limit of each command.
type HooksWithin struct{ Hold, Repoint, Resume, Where time.Duration }

var (
	pgbouncerKeys = []string{"admin", "password_file", "config"}
	hooksKeys     = []string{"hold", "repoint", "resume", "where", "within"}
)

func (d *document) pooler(id string, n *yaml.Node) Pooler {
	x := Pooler{ID: id, Gate: GatePgBouncer}
	if g := child(n, "gate"); g != nil {
		x.Gate = "" // a wrong word is told once, below
		if g = deref(g); g.Kind == yaml.ScalarNode && slices.Contains([]string{GatePgBouncer, GateHooks}, g.Value) {
			x.Gate = g.Value
		}
	}
	var password *yaml.Node
	fields := []field{may("gate", d.oneOf(&x.Gate, "gate", []string{GatePgBouncer, GateHooks}))}
	switch x.Gate {
	case GatePgBouncer:
		fields = append(fields, need("admin", d.conninfo(&x.Admin)), may("password_file", func(n *yaml.Node) { password = n }), need("config", d.absolute(&x.Config)))
		fields = append(fields, d.notOf(n, GatePgBouncer, GateHooks, hooksKeys)...)
	case GateHooks:
		fields = append(fields, d.hooks(&x.Hooks)...)
		fields = append(fields, d.notOf(n, GateHooks, GatePgBouncer, pgbouncerKeys)...)
	default:
		for _, key := range slices.Concat(pgbouncerKeys, hooksKeys) {
			fields = append(fields, may(key, ignore))
		}
	}
	d.object(n, "pooler "+id, fields...)
	d.passwordFile(&x.Admin, password)
	return x
}

func ignore(*yaml.Node) {}

// notOf knows the keys of the other kind of gate, to say so where one stands.
func (d *document) notOf(n *yaml.Node, this, other string, names []string) (out []field) {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := deref(n.Content[i]); slices.Contains(names, k.Value) {
			d.problem(k, "take it out, or write gate: "+other, "%q belongs to gate: %s, and this is gate: %s", k.Value, other, this)
			out = append(out, may(k.Value, ignore))
		}
	}
	return out
}

// Of each command, how long it may take unless the file says otherwise.
const (
	holdWithin   = 2 * time.Second
	changeWithin = 5 * time.Second
	lookWithin   = 2 * time.Second
)

func (d *document) hooks(into *Hooks) []field {
	into.Dir = d.dir
	within := &into.Within
	*within = HooksWithin{Hold: holdWithin, Repoint: changeWithin, Resume: changeWithin, Where: lookWithin}
	return []field{
		need("hold", d.program(&into.Hold)), need("repoint", d.program(&into.Repoint)),
		need("resume", d.program(&into.Resume)), need("where", d.program(&into.Where)),
		may("within", func(n *yaml.Node) {
			d.object(n, "within", may("hold", d.hookTime(&within.Hold)), may("repoint", d.hookTime(&within.Repoint)),
				may("resume", d.hookTime(&within.Resume)), may("where", d.hookTime(&within.Where)))
		}),
	}
}

// program reads a command. One that is a path is relative to the folder of the file, like all paths.
func (d *document) program(into *[]string) reader {
	return func(n *yaml.Node) {
		d.argv(into)(n)
		if len(*into) > 0 && strings.Contains((*into)[0], "/") {
			(*into)[0] = d.path((*into)[0])
		}
	}
}

// longestHook is far more than any client waits.
const longestHook = 5 * time.Minute

func (d *document) hookTime(into *time.Duration) reader {
	return func(n *yaml.Node) {
		var length time.Duration
		d.duration(&length)(n)
		if length > longestHook {
			d.problem(n, "clients wait meanwhile", "%s is longer than %s", n.Value, longestHook)
		} else if length > 0 {
			*into = length
		}
	}
}
