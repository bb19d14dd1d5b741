package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// RehearsalOptions say what a rehearsal includes.
type RehearsalOptions struct {
	WithRollback bool // the way back is tried, whatever the plan says of it
	Watcher      run.Watcher
}

// Rehearse does everything that a run does before the switch, and then takes it back,
// whatever came of it. Clients stay where they are, and nobody is told anything.
// The record of it is that of a maintenance of its own, which no page shows.
func (a *App) Rehearse(ctx context.Context, planFile string, opts RehearsalOptions) (text string, err error) {
	p, m, err := a.plan(ctx, planFile)
	if err != nil {
		return "", err
	}
	if m.State != maint.Draft && m.State != "" && m.State != maint.StateScheduled {
		return "", hint.Errorf("lull status", "maintenance %s has begun: it is too late to rehearse", p.ID)
	}
	id := rehearsalOf(p.ID)
	items, err := a.rehearsed(p, id, opts)
	if err != nil {
		return "", err
	}
	runner := a.runner(opts.Watcher)
	if err := runner.Abort(ctx, id, items); err != nil { // what a rehearsal that was killed has left
		return "", err
	}
	if r, err := a.check(ctx, p); err != nil {
		return "", err
	} else if err := checks.Refusal(r.Findings); err != nil {
		return "", err
	}
	began := time.Now()
	failed := runner.Run(ctx, id, items)
	took := time.Since(began)
	// Taken back also when a person has ended it: a rehearsal leaves nothing.
	if err := runner.Abort(context.WithoutCancel(ctx), id, items); err != nil {
		return "", hint.Wrap(errors.Join(failed, fmt.Errorf("take the rehearsal back: %w", err)), "lull rehearse "+p.File+" begins with taking back what is left")
	}
	if failed != nil {
		return "", failed
	}
	return fmt.Sprintf("The rehearsal of %s took %s, up to the moment of the switch. Everything is as it was before.", p.ID, took.Round(time.Second)), nil
}

// rehearsalOf names the record of a plan's rehearsals.
func rehearsalOf(id maint.ID) maint.ID { return id + "-rehearsal" }

func (a *App) rehearsed(p *config.Plan, id maint.ID, opts RehearsalOptions) (items []run.Item, err error) {
	for _, s := range p.Steps {
		if s.Kind != config.KindUpgrade {
			continue
		}
		u, err := a.upgrade(p, s)
		if err != nil {
			return nil, err
		}
		u.ID = string(id)
		u.WayBack = u.WayBack || opts.WithRollback
		items = append(items, u.RehearsalItems()...)
	}
	if len(items) == 0 {
		return nil, hint.Errorf("lull check "+p.File, "plan %s has no upgrade: there is nothing to rehearse", p.ID)
	}
	return items, nil
}

// upgrades says whether a plan moves any cluster.
func upgrades(p *config.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s config.Step) bool { return s.Kind == config.KindUpgrade })
}
