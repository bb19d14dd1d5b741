package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/forecast"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
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
	ups, err := a.rehearsed(p, id, opts)
	if err != nil {
		return "", err
	}
	var items []run.Item
	for _, u := range ups {
		items = append(items, u.Items()...)
	}
	runner := a.runner(opts.Watcher)
	if err := runner.Abort(ctx, id, items); err != nil { // what a rehearsal that was killed has left
		return "", err
	}
	if r, err := a.check(ctx, p, CheckOptions{Quick: true}); err != nil {
		return "", err
	} else if err := checks.Refusal(r.Findings); err != nil {
		return "", err
	}
	load, err := a.load(ctx, p)
	if err != nil {
		return "", err
	}
	past, err := a.history(ctx, id)
	if err != nil {
		return "", err
	}
	failed := runner.Run(ctx, id, items)
	if failed == nil {
		failed = a.learn(ctx, id, ups, load, len(past))
	}
	// Taken back also when a person has ended it: a rehearsal leaves nothing.
	if err := runner.Abort(context.WithoutCancel(ctx), id, items); err != nil {
		return "", hint.Wrap(errors.Join(failed, fmt.Errorf("take the rehearsal back: %w", err)), "lull rehearse "+p.File+" begins with taking back what is left")
	}
	if failed != nil {
		return "", failed
	}
	f, _, err := a.forecast(ctx, p)
	if err != nil {
		return "", err
	}
	return rehearsedText(p, f), nil
}

// learn puts on record what the rehearsal tells of the real run. Its entries begin after those that there were.
func (a *App) learn(ctx context.Context, id maint.ID, ups []*pgup.Upgrade, load maint.Figures, before int) error {
	past, err := a.history(ctx, id)
	if err != nil {
		return err
	}
	r := maint.Rehearsed{Load: load, Between: between(past[before:])}
	for _, u := range ups {
		notes := maint.Figures{}
		for _, e := range past[before:] {
			switch ev := e.Event.(type) {
			case maint.Noted:
				if strings.HasPrefix(ev.Step, u.Name+"/") {
					maps.Copy(notes, ev.Figures)
				}
			case maint.StepFinished:
				if strings.HasPrefix(ev.Step, u.Name+"/") {
					r.Steps = append(r.Steps, maint.StepTime{Step: ev.Step, Title: ev.Title, Took: ev.Took, By: u.GrowsWith(ev.Step)})
				}
			}
		}
		after, hold := u.Rehearsed(notes)
		r.Steps = append(r.Steps, after...)
		if hold != nil {
			r.Hold = hold
		}
	}
	_, err = a.store.Append(ctx, id, timeline.AnyVersion, timeline.Draft{Key: fmt.Sprintf("rehearsed/%d", before), At: a.now(), Event: r})
	return err
}

// between is what lies from one step to the next: looks at what is there, and writes to the record.
func between(entries []timeline.Entry) time.Duration {
	var first, last time.Time
	var steps time.Duration
	n := 0
	for _, e := range entries {
		switch ev := e.Event.(type) {
		case maint.StepStarted:
			if first.IsZero() {
				first = e.At
			}
		case maint.StepFinished:
			last, steps, n = e.At, steps+ev.Took, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return max(0, last.Sub(first)-steps) / time.Duration(n)
}

// rehearsedText is what a person reads at the end of a rehearsal.
func rehearsedText(p *config.Plan, f maint.Forecast) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Rehearsed. Everything is as it was before. What the real run is expected to be like:\n%s", ForecastText(f))
	longest := forecast.Longest(f)
	fmt.Fprintf(&b, "\nThe plan allows %s. Most of the time goes into “%s”, %s.", view.Length(p.Window.Allow), longest.Title, view.Length(longest.Takes))
	if f.Total > p.Window.Allow {
		fmt.Fprintf(&b, " That is too little: give window.allow in %s more.", p.File)
	}
	return b.String()
}

// rehearsalOf names the record of a plan's rehearsals.
func rehearsalOf(id maint.ID) maint.ID { return id + "-rehearsal" }

// rehearsed are the upgrades of the plan, under the rehearsal's name.
func (a *App) rehearsed(p *config.Plan, id maint.ID, opts RehearsalOptions) (ups []*pgup.Upgrade, err error) {
	for _, s := range p.Steps {
		if s.Kind != config.KindUpgrade {
			continue
		}
		u, err := a.upgrade(p, s)
		if err != nil {
			return nil, err
		}
		u.ID, u.Rehearsal = string(id), true
		u.WayBack = u.WayBack || opts.WithRollback
		ups = append(ups, u)
	}
	if len(ups) == 0 {
		return nil, hint.Errorf("lull check "+p.File, "plan %s has no upgrade: there is nothing to rehearse", p.ID)
	}
	return ups, nil
}

// upgrades says whether a plan moves any cluster.
func upgrades(p *config.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s config.Step) bool { return s.Kind == config.KindUpgrade })
}
