package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// All makes one gate of several: all of them hold, or none does.
func All(gates ...Gate) Gate {
	if len(gates) == 1 {
		return gates[0]
	}
	return all(gates)
}

type all []Gate

func (a all) Stage(ctx context.Context) error {
	return a.each(func(g Gate) error { return g.Stage(ctx) })
}

// Hold gives up everywhere as soon as one gate cannot hold.
func (a all) Hold(ctx context.Context) error {
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	err := a.each(func(g Gate) error {
		err := g.Hold(held)
		if err != nil {
			cancel()
		}
		return err
	})
	if err == nil {
		return nil
	}
	return errors.Join(err, a.Release(context.WithoutCancel(ctx)))
}

// Commit lets the first gate decide: while that one has not moved, none has. The others
// follow, also one that was restarted meanwhile and holds nobody any more.
func (a all) Commit(ctx context.Context) error {
	if err := a[0].Commit(ctx); err != nil {
		return err
	}
	return a[1:].follow(ctx)
}

func (a all) Follow(ctx context.Context) error { return a.follow(ctx) }

func (a all) follow(ctx context.Context) error {
	return a.each(func(g Gate) error { return g.Follow(ctx) })
}

func (a all) Release(ctx context.Context) error {
	return a.each(func(g Gate) error { return g.Release(ctx) })
}

// Where answers target as soon as one gate is there: the decision has been made then,
// and the others follow. While the first gate's side is known, so is that of all.
func (a all) Where(ctx context.Context) (Position, error) {
	at, errs := make([]Position, len(a)), make([]error, len(a))
	var wg sync.WaitGroup
	for i, g := range a {
		wg.Go(func() { at[i], errs[i] = g.Where(ctx) })
	}
	wg.Wait()
	if err := errs[0]; err != nil && !errors.Is(err, ErrPartly) {
		return Position{}, err
	}
	sum := at[0]
	for i, p := range at {
		sum.Held = sum.Held || p.Held || errs[i] != nil
		if sum.Side == Nowhere || p.Side == Target {
			sum.Side = p.Side
		}
	}
	if err := errors.Join(errs...); err != nil {
		return sum, fmt.Errorf("%w: %w", ErrPartly, err)
	}
	return sum, nil
}

func (a all) Close() {
	for _, g := range a {
		g.Close()
	}
}

func (a all) each(do func(Gate) error) error {
	errs := make([]error, len(a))
	var wg sync.WaitGroup
	for i, g := range a {
		wg.Go(func() { errs[i] = do(g) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
