package watchdog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/pgup/gate"
)

// Settle ends whatever a run before this one left in the middle: clients go on at the
// target when the decision for it was made, and at the source, its fence open,
// otherwise. It tells where they are. A watchdog still at work is waited for.
func Settle(ctx context.Context, spec Spec) (gate.Side, error) {
	file, err := openRecord(ctx, spec.Record)
	if err != nil {
		return gate.Nowhere, err
	}
	defer file.close()
	g, err := spec.gates(nil)
	if err != nil {
		return gate.Nowhere, err
	}
	defer g.Close()
	source, target := newSource(spec), newTarget(spec)
	defer source.close()
	defer target.close()
	side, err := persist(ctx, g, source.openAfterAll)
	if side == gate.Source {
		target.shutOnce(ctx, file, spec.every())
	}
	file.add(Event{What: Settled, Side: side, Why: text(err)})
	return side, errors.Join(err, file.sync())
}

// shutOnce closes the target if it is there. What is not there holds no controller's session.
func (t *target) shutOnce(ctx context.Context, file *record, which holders) {
	ctx, cancel := context.WithTimeout(ctx, tidying)
	defer cancel()
	if err := t.shut(ctx, &which); err != nil {
		file.add(Event{What: Open, Side: gate.Target, Why: text(err)})
	}
}

// settle looks where the clients are, or would go, and lets them. Where they are is
// also the decision, so nothing else has to be remembered. A pooler that does not answer
// does not keep the clients of the others waiting.
func settle(ctx context.Context, g gate.Gate, unfence func(context.Context) error) (gate.Side, error) {
	at, err := g.Where(ctx)
	if err != nil && !errors.Is(err, gate.ErrPartly) {
		return gate.Nowhere, err
	}
	if at.Side == gate.Target {
		return at.Side, g.Commit(ctx)
	}
	// The fence first: clients let go before it is open would fail.
	if err := unfence(ctx); err != nil {
		return gate.Source, err
	}
	return gate.Source, g.Release(ctx)
}

// persist settles until it works or ctx ends. The very last resort is to let the
// clients go with the fence closed: they get errors then, and no longer wait for nothing.
func persist(ctx context.Context, g gate.Gate, unfence func(context.Context) error) (gate.Side, error) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		side, err := settle(ctx, g, unfence)
		if err == nil {
			return side, nil
		}
		select {
		case <-ctx.Done():
			err = fmt.Errorf("end the hold: %w", err)
			if side == gate.Source {
				err = errors.Join(err, g.Release(context.WithoutCancel(ctx)))
			}
			return gate.Nowhere, err
		case <-time.After(wait):
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
