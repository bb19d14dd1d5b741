package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// Commit puts the new file in place, which is the decision, and lets the pooler follow it.
func (g *Gate) Commit(ctx context.Context) error {
	return g.orSignal(ctx, gate.Target, g.commit(ctx))
}

func (g *Gate) commit(ctx context.Context) error {
	side, err := g.fileSide(ctx)
	if err != nil {
		return err
	}
	if side != gate.Target {
		if err := g.decide(ctx); err != nil {
			return err
		}
	}
	if err := g.follow(ctx, g.atSource(ctx)); err != nil {
		return g.undecide(ctx, err)
	}
	return g.resume(ctx)
}

// Follow is for a pooler that does not decide, so it need not be held. A process that has
// staged nothing makes the new file now.
func (g *Gate) Follow(ctx context.Context) error {
	return g.orSignal(ctx, gate.Target, g.takePart(ctx))
}

func (g *Gate) takePart(ctx context.Context) error {
	side, err := g.fileSide(ctx)
	if err != nil {
		return err
	}
	if side != gate.Target {
		if err := g.takeOver(ctx); err != nil {
			return err
		}
	}
	if err := g.follow(ctx, g.atSource(ctx)); err != nil {
		return err
	}
	return g.resume(ctx)
}

func (g *Gate) takeOver(ctx context.Context) error {
	if g.unchanged() != nil {
		now, err := g.file.read()
		if err != nil {
			return err
		}
		next, _, err := redirect(now, g.atSource(ctx), g.to)
		if err != nil {
			return fmt.Errorf("edit %s: %w", g.file.path, err)
		}
		if err := g.file.stage(next); err != nil {
			return err
		}
	}
	if err := g.file.swap(); err != nil {
		return err
	}
	g.did("renamed")
	return nil
}

func (g *Gate) decide(ctx context.Context) error {
	held, err := g.paused(ctx)
	if err != nil {
		return fmt.Errorf("look whether clients are held: %w", err)
	}
	if !held {
		return gate.ErrNotHeld
	}
	if err := g.unchanged(); err != nil {
		return err
	}
	if err := g.file.swap(); err != nil {
		return err
	}
	g.did("renamed")
	return nil
}

// follow makes the pooler read its file and looks that no entry is left at the other
// server. Before 1.25 RELOAD says nothing when the file cannot be read.
func (g *Gate) follow(ctx context.Context, left points) error {
	if err := unlessGone(g.reload(ctx)); err != nil {
		return err
	}
	g.did("reloaded")
	names, err := g.runningAt(ctx, left)
	if err := unlessGone(err); err != nil {
		return err
	}
	if len(names) > 0 {
		return hint.Errorf("see the pooler's log", "the pooler did not take its new configuration: %s is where it was", strings.Join(names, ", "))
	}
	return nil
}

func (g *Gate) reload(ctx context.Context) error {
	if _, err := g.main.run(ctx, "RELOAD"); err != nil {
		return fmt.Errorf("reload the pooler: %w", err)
	}
	return nil
}

func (g *Gate) resume(ctx context.Context) error {
	if _, err := g.main.resume(ctx); unlessGone(err) != nil {
		return fmt.Errorf("resume the pooler: %w", err)
	}
	g.resumed = time.Now()
	g.did("resumed")
	return nil
}

// undecide puts the old file back when the pooler answers, holds, and does not take the
// new one: nobody has been on the target then.
func (g *Gate) undecide(ctx context.Context, cause error) error {
	if held, err := g.paused(ctx); err != nil || !held {
		return cause
	}
	return errors.Join(cause, g.restore(ctx))
}

func (g *Gate) restore(ctx context.Context) error {
	b := g.old
	if b == nil {
		now, err := g.file.read()
		if err != nil {
			return err
		}
		if b, _, err = redirect(now, g.atTarget(ctx), g.from); err != nil {
			return fmt.Errorf("edit %s: %w", g.file.path, err)
		}
	}
	if err := g.file.stage(b); err != nil {
		return err
	}
	if err := g.file.swap(); err != nil {
		return err
	}
	return g.follow(ctx, g.atTarget(ctx))
}

// Release lets the clients go on at the source. It puts the old file back while clients
// are held, and nowhere, or when the pooler never followed the new one.
func (g *Gate) Release(ctx context.Context) error {
	if g.foreign {
		return nil
	}
	return g.orSignal(ctx, gate.Source, g.release(ctx))
}

func (g *Gate) release(ctx context.Context) error {
	at, err := g.Where(ctx)
	if err != nil {
		return err
	}
	if at.Side == gate.Target && !at.Held {
		return fmt.Errorf("return clients to %s: they are on %s already", g.from, g.to)
	}
	side, err := g.fileSide(ctx)
	if err != nil {
		return err
	}
	if side == gate.Target {
		if err := g.restore(ctx); err != nil {
			return err
		}
	}
	if g.loose {
		return g.giveUp(ctx)
	}
	if err := unlessGone(g.unlimit(ctx)); err != nil {
		return err
	}
	return g.resume(ctx)
}
