package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Rollback brings the clients of every upgraded cluster back to its old server, and says
// so. What else the plan did is taken back as well, unless the maintenance was completed.
func (a *App) Rollback(ctx context.Context, planFile string, w run.Watcher) error {
	p, m, err := a.plan(ctx, planFile)
	if err != nil {
		return err
	}
	if m.State == maint.StateCancelled {
		return hint.Errorf("lull report "+p.File, "maintenance %s was given up already", p.ID)
	}
	moved, err := a.moved(ctx, p, func(u *pgup.Upgrade, points map[string]run.Checkpoint) error {
		if u.GivenUp(points) {
			return hint.Errorf("restore from a backup, or upgrade in the other direction as a maintenance of its own", "maintenance %s has no way back any more: it was given up", p.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(moved)
	for _, u := range moved {
		if err := a.runner(w).Run(ctx, p.ID, u.RollbackItems()); err != nil {
			return err
		}
	}
	if m.State != maint.StateCompleted {
		if err := a.takeBackOthers(ctx, p, w); err != nil {
			return err
		}
	}
	return a.say(ctx, p.ID, "rolled-back", maint.RollBack{Text: "We went back to the version that ran before. Nothing was lost."}, w)
}

// FinishOptions say how giving up the way back differs from the ordinary.
type FinishOptions struct {
	SourceGone bool // the old server is not there any more
	Watcher    run.Watcher
}

// Finish gives the way back up and cleans both servers.
func (a *App) Finish(ctx context.Context, planFile string, opts FinishOptions) error {
	p, _, err := a.plan(ctx, planFile)
	if err != nil {
		return err
	}
	moved, err := a.moved(ctx, p, func(u *pgup.Upgrade, points map[string]run.Checkpoint) error {
		switch {
		case u.GivenUp(points):
			return hint.Errorf("lull report "+p.File, "maintenance %s is finished already", p.ID)
		case u.Returned(points):
			return hint.Errorf("lull rollback "+p.File, "a rollback of maintenance %s has begun: it is to be carried to its end", p.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range moved {
		u.SourceGone = opts.SourceGone
		if err := a.runner(opts.Watcher).Run(ctx, p.ID, u.FinishItems()); err != nil {
			return err
		}
	}
	return nil
}

// moved gives the plan's upgrades whose clients were moved and whose way back is open, or
// half taken, with what their steps kept. There is at least one, or an error that says why not.
func (a *App) moved(ctx context.Context, p *config.Plan, closed func(*pgup.Upgrade, map[string]run.Checkpoint) error) (out []*pgup.Upgrade, err error) {
	points, err := a.store.Load(ctx, p.ID)
	if err != nil {
		return nil, fmt.Errorf("load the journal of %s: %w", p.ID, err)
	}
	why := hint.Errorf("lull abort "+p.File+", or lull run "+p.File, "no clients were moved by maintenance %s", p.ID)
	for _, s := range p.Steps {
		if s.Kind != config.KindUpgrade {
			continue
		}
		u, err := a.upgrade(p, s)
		if err != nil {
			return nil, err
		}
		if !u.Moved(points) {
			continue
		}
		if err := closed(u, points); err != nil {
			why = err
			continue
		}
		if err := u.Recall(points); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	if len(out) == 0 {
		return nil, why
	}
	return out, nil
}

// takeBackOthers undoes what the plan did beside its upgrades.
func (a *App) takeBackOthers(ctx context.Context, p *config.Plan, w run.Watcher) error {
	rest := *p
	rest.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s config.Step) bool { return s.Kind == config.KindUpgrade })
	items, _, err := a.items(&rest)
	if err != nil {
		return err
	}
	return a.runner(w).Abort(ctx, p.ID, items)
}

// say decides a command and puts what comes of it on the record, once.
func (a *App) say(ctx context.Context, id maint.ID, key string, cmd maint.Command, w run.Watcher) error {
	entries, err := a.store.History(ctx, id)
	if err != nil {
		return fmt.Errorf("read the record of %s: %w", id, err)
	}
	events, err := timeline.Fold(id, entries).Decide(cmd, a.now())
	if err != nil {
		return err
	}
	for _, e := range events {
		at := a.now()
		if _, err := a.store.Append(ctx, id, timeline.AnyVersion, timeline.Draft{Key: key, At: at, Event: e}); err != nil {
			return fmt.Errorf("put on record how it ended: %w", err)
		}
		if w != nil {
			w.Recorded(at, e)
		}
	}
	return nil
}
