// Package hooks is the gate made of commands that the operator wrote: one that holds the
// clients, one that points them at a server, one that lets them go on, and one that looks.
//
// What a command says of itself is not relied on. However it ended, what is in force is
// asked of the command that looks. The contract is docs/gates.md.
//
// It must not know what the commands talk to, nor what is done while clients are held.
package hooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// Gate is one set of commands. Its methods are called one after the other.
type Gate struct {
	// Trace, when set, is told the name of each thing that has just been done.
	Trace func(name string)

	name     string
	hooks    gate.Hooks
	from, to gate.Addr
	foreign  bool // the hold in force is somebody else's
}

var _ gate.Gate = (*Gate)(nil)

// New runs nothing yet.
func New(p gate.Pooler, from, to gate.Addr) (*Gate, error) {
	for _, h := range []hook{hold, repoint, resume, where} {
		if argv, within := h.of(p.Hooks); len(argv) == 0 || within <= 0 {
			return nil, hint.Errorf("give it in lull.yaml", "pooler %s has no command for %s, or no time for it", p.Name, h)
		}
	}
	if p.Hooks.Lock == "" {
		return nil, fmt.Errorf("pooler %s has no lock file", p.Name)
	}
	return &Gate{name: p.Name, hooks: p.Hooks, from: from, to: to}, nil
}

func (g *Gate) did(name string) {
	if g.Trace != nil {
		g.Trace(name)
	}
}

// Stage makes sure that clients are where the switch begins. There is nothing to prepare.
func (g *Gate) Stage(ctx context.Context) error {
	if g.from == g.to {
		return hint.Errorf("give the target a port of its own in lull.yaml", "source and target are the same place, %s", g.from)
	}
	return g.ready(ctx)
}

func (g *Gate) ready(ctx context.Context) error {
	at, err := g.Where(ctx)
	switch {
	case err != nil:
		return err
	case at.Held:
		return hint.Wrap(gate.ErrForeignHold, "find out who holds them; the pooler's resume command ends it")
	case at.Side != gate.Source:
		return hint.Errorf("see what its `where` command looks at", "pooler %s sends clients to %s, not to %s", g.name, g.to, g.from)
	}
	return nil
}

// Hold looks before, so that somebody else's hold is left alone, and after, so that a
// command that held nobody is noticed before anything relies on it.
func (g *Gate) Hold(ctx context.Context) error {
	g.did("asked")
	lock, err := g.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.release()
	err = g.ready(ctx)
	if g.foreign = errors.Is(err, gate.ErrForeignHold); err != nil {
		return err
	}
	if err := g.hold(ctx, lock); err != nil {
		return errors.Join(fmt.Errorf("hold the clients: %w", err), g.giveUp(ctx, lock))
	}
	g.did("drained")
	return nil
}

func (g *Gate) hold(ctx context.Context, lock *lock) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Unlike all others it ends with ctx: the hold's budget is the shorter limit.
	if err := g.run(ctx, hold, gate.Source, lock); err != nil {
		return err
	}
	if err := g.expect(ctx, gate.Position{Side: gate.Source, Held: true}); err != nil {
		return err
	}
	return ctx.Err()
}

// giveUp takes back a hold that did not come about, or not in time. Nobody has pointed
// the clients anywhere.
func (g *Gate) giveUp(ctx context.Context, lock *lock) error {
	return g.letGo(ctx, gate.Source, lock)
}

// letGo lets the clients go on, and tells from looking whether they do.
func (g *Gate) letGo(ctx context.Context, side gate.Side, lock *lock) error {
	failed := g.run(context.WithoutCancel(ctx), resume, side, lock)
	if err := g.expect(ctx, gate.Position{Side: side}); err != nil {
		return errors.Join(failed, err)
	}
	g.did("resumed")
	return nil
}

// point sends held clients to a side, and tells from looking whether that is where they will go.
func (g *Gate) point(ctx context.Context, side gate.Side, lock *lock) error {
	failed := g.run(context.WithoutCancel(ctx), repoint, side, lock)
	at, err := g.Where(ctx)
	if err == nil && at.Side != side {
		err = fmt.Errorf("pooler %s is at the %s after its repoint command for the %s", g.name, at.Side, side)
	}
	if err != nil {
		return errors.Join(failed, err)
	}
	g.did("repointed")
	return nil
}

// Commit points the clients at the target, which is the decision, and lets them go on.
func (g *Gate) Commit(ctx context.Context) error {
	return g.move(ctx, func(at gate.Position) error {
		if !at.Held {
			return gate.ErrNotHeld
		}
		return nil
	})
}

// Follow is for a gate that does not decide, so it need not be held.
func (g *Gate) Follow(ctx context.Context) error {
	return g.move(ctx, func(gate.Position) error { return nil })
}

// move does what is missing. A repoint that was cut off may have been half done although
// it shows, so it is asked for again while clients are held.
func (g *Gate) move(ctx context.Context, mayDecide func(gate.Position) error) error {
	lock, err := g.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.release()
	at, err := g.Where(ctx)
	if err != nil {
		return err
	}
	if at == (gate.Position{Side: gate.Target}) {
		return nil
	}
	if at.Side != gate.Target {
		if err := mayDecide(at); err != nil {
			return err
		}
	}
	if err := g.point(ctx, gate.Target, lock); err != nil {
		return fmt.Errorf("send the clients to the target: %w", err)
	}
	if err := g.letGo(ctx, gate.Target, lock); err != nil {
		return fmt.Errorf("let the clients go on at the target: %w", err)
	}
	return nil
}

// Release points held clients at the source, wherever a repoint that was cut off left
// them, and lets them go on. Resume is asked for even when nothing seems to be held: a
// hold that was cut off may be half done.
func (g *Gate) Release(ctx context.Context) error {
	if g.foreign {
		return nil
	}
	lock, err := g.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.release()
	at, err := g.Where(ctx)
	if err != nil {
		return err
	}
	if at.Side == gate.Target && !at.Held {
		return fmt.Errorf("return clients to %s: they are on %s already", g.from, g.to)
	}
	if at.Held {
		if err := g.point(ctx, gate.Source, lock); err != nil {
			return fmt.Errorf("return the clients to the source: %w", err)
		}
	}
	if err := g.letGo(ctx, gate.Source, lock); err != nil {
		return fmt.Errorf("let the clients go on at the source: %w", err)
	}
	return nil
}

// Where asks the command that looks.
func (g *Gate) Where(ctx context.Context) (gate.Position, error) {
	out, err := g.output(context.WithoutCancel(ctx), where, gate.Nowhere, nil)
	if err != nil {
		return gate.Position{}, fmt.Errorf("look where the clients are: %w", err)
	}
	at, err := parsePosition(string(out))
	if err != nil {
		return gate.Position{}, hint.Wrap(fmt.Errorf("look where the clients are: pooler %s: %w", g.name, err), "make its `where` command print two words, such as: source open")
	}
	return at, nil
}

func (g *Gate) expect(ctx context.Context, want gate.Position) error {
	at, err := g.Where(ctx)
	if err != nil {
		return err
	}
	if at != want {
		return fmt.Errorf("pooler %s is at %s, and should be at %s", g.name, words(at), words(want))
	}
	return nil
}

// Close has nothing to give back.
func (g *Gate) Close() {}

// longest is the most time that any of the commands may take.
func (g *Gate) longest() time.Duration {
	w := g.hooks.Within
	return max(w.Hold, w.Repoint, w.Resume, w.Where)
}
