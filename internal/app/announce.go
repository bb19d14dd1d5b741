package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/sites"
	"github.com/lullhq/lull/internal/timeline"
)

// Schedule announces the plan's maintenance, or announces it anew.
func (a *App) Schedule(ctx context.Context, planFile string) (say.Said, error) {
	p, err := config.LoadPlan(planFile, a.Config)
	if err != nil {
		return say.Said{}, err
	}
	return a.announce(ctx, p, say.Terms{})
}

// Announce is Schedule of a plan that was sent. It is held against this lull.yaml, and refused
// with the same words, line and column.
func (a *App) Announce(ctx context.Context, w say.Plan) (maint.ID, say.Said, error) {
	p, err := config.ParsePlan("plan.yaml", w.YAML, a.Config)
	var wrong config.Errors
	if errors.As(err, &wrong) {
		var out say.Problems
		for _, x := range wrong {
			out = append(out, say.Problem{Line: x.Line, Column: x.Column, Text: x.Text, Hint: x.Hint})
		}
		return "", say.Said{}, out
	}
	if err != nil {
		return "", say.Said{}, err
	}
	s, err := a.announce(ctx, p, w.Terms)
	return p.ID, s, err
}

func (a *App) announce(ctx context.Context, p *config.Plan, terms say.Terms) (say.Said, error) {
	if err := a.mayAnnounce(ctx, p); err != nil {
		return say.Said{}, err
	}
	again, err := a.proofAnnouncement(ctx, p)
	if err != nil {
		return say.Said{}, err
	}
	s, err := a.tell(ctx, p.ID, terms, func(past []timeline.Entry) ([]maint.Event, error) {
		m := timeline.Fold(p.ID, past)
		events, err := m.Decide(maint.Schedule{Plan: a.announcement(p)}, a.now())
		if err != nil && m.Running() {
			return nil, hint.Wrap(err, "put the plan back to what was announced, and give window.allow more, as long as it ends in the future")
		}
		if e := p.Exception; e != nil && len(events) > 0 {
			events = append(events, maint.Noted{Step: "notices", Text: "Short notice was decided by " + e.By + ": " + e.Why})
		}
		return events, err
	})
	if err != nil {
		return say.Said{}, hint.Or(err, "give the plan a window in the future, or a `maintenance:` name of its own")
	}
	if s.Text = fmt.Sprintf("%s is announced for %s.", p.Title, windowText(p.Window)); len(s.Entries) == 0 {
		s.Text = "It is announced just so already: " + windowText(p.Window) + "."
	}
	s.Text += a.moveBanner(ctx, p) + again
	return s, nil
}

// calledOff is what people read of a maintenance that will not be.
const calledOff = "The maintenance was called off. Everything is as it was before."

// CancelMaintenance gives up a maintenance that was announced and has not begun. It holds the
// right to run it meanwhile, so that none begins.
func (a *App) CancelMaintenance(ctx context.Context, w say.Cancel) (say.Said, error) {
	past, err := a.history(ctx, w.Maintenance)
	if err != nil {
		return say.Said{}, err
	}
	// Before its name is used for anything: it is a stranger's.
	if w.Maintenance.Kind() != maint.AMaintenance || timeline.Fold(w.Maintenance, past).State == maint.Draft {
		return say.Said{}, fmt.Errorf("cancel %q: %w", w.Maintenance, maint.ErrUnknownMaintenance)
	}
	const begun = "what has begun is taken back on the machine where it runs, with lull abort or lull rollback"
	lease, err := a.store.Acquire(ctx, w.Maintenance)
	if errors.Is(err, run.ErrLeaseHeld) {
		return say.Said{}, hint.Wrap(fmt.Errorf("cancel %s: %w: %w", w.Maintenance, err, maint.ErrState), begun)
	}
	if err != nil {
		return say.Said{}, err
	}
	defer func() { _ = a.store.Release(context.WithoutCancel(ctx), lease) }() // one that is lost is over as well
	if w.Text == "" {
		w.Text = calledOff
	}
	if word := maint.Relative(w.Text); word != "" {
		return say.Said{}, hint.Wrap(maint.Refuse("%q is another day for whoever reads it later", word), "write the date")
	}
	s, err := a.tell(ctx, w.Maintenance, w.Terms, func(past []timeline.Entry) ([]maint.Event, error) {
		m := timeline.Fold(w.Maintenance, past)
		if m.Running() {
			return nil, fmt.Errorf("cancel: maintenance %s is %s: %w", m.ID, m.State, maint.ErrState)
		}
		return m.Decide(maint.Cancel{Text: w.Text}, a.now())
	})
	if err == nil {
		if down := a.takeBannerDown(ctx, w.Maintenance, sites.Banner{ID: string(w.Maintenance)}); down != nil {
			s.Text += " The banner is still on: " + down.Error() + ". Type: lull sites off"
		}
	}
	return s, hint.Or(err, begun)
}
