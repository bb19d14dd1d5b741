// Package gates makes the gates that the configuration describes: it is the one place
// that knows every kind.
//
// It must not know who uses a gate, nor for what.
package gates

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/gate/hooks"
	"github.com/lullhq/lull/internal/pgup/gate/pgbouncer"
)

// Gate is one that can tell beforehand what would make a hold impossible, or long.
type Gate interface {
	gate.Gate
	Check(ctx context.Context, holdBudget time.Duration) []gate.Finding
}

// New makes the gate of one pooler. trace, which may be nil, is told what it does.
func New(p gate.Pooler, from, to gate.Addr, trace func(name string)) (Gate, error) {
	switch p.Kind {
	case "", gate.PgBouncer:
		g, err := pgbouncer.New(p, from, to)
		if err != nil {
			return nil, err
		}
		g.Trace = trace
		return g, nil
	case gate.HookGate:
		g, err := hooks.New(p, from, to)
		if err != nil {
			return nil, err
		}
		g.Trace = trace
		return g, nil
	}
	return nil, hint.Errorf("write gate: pgbouncer or gate: hooks", "pooler %s: unknown kind of gate %q", p.Name, p.Kind)
}

// All makes one gate of all poolers: they hold together or not at all.
func All(poolers []gate.Pooler, from, to gate.Addr, trace func(name string)) (gate.Gate, error) {
	if len(poolers) == 0 {
		return nil, errors.New("there is no pooler to hold clients with")
	}
	var all []gate.Gate
	for _, p := range poolers {
		g, err := New(p, from, to, trace)
		if err != nil {
			return nil, fmt.Errorf("pooler %s: %w", p.Name, err)
		}
		all = append(all, g)
	}
	return gate.All(all...), nil
}
