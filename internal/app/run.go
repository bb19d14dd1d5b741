package app

import (
	"context"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/planstep"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// RunOptions say how a run differs from the ordinary.
type RunOptions struct {
	Early   bool // begin before the window opens
	Watcher run.Watcher
	Tell    func(Baking) // of the new server, while it is watched; may be nil
	Offer   planstep.Ask // asks whether to give up the way back when that is over; nil = nobody is there
}

// Run does the maintenance, or carries on with it after whatever ended the run before.
// Then it watches the new server for as long as the plan says. The text is for what no fact tells.
func (a *App) Run(ctx context.Context, planFile string, opts RunOptions) (text string, err error) {
	p, m, err := a.plan(ctx, planFile)
	if err != nil {
		return "", err
	}
	if m.State == maint.StateCompleted { // not even looked at: the servers have had a life of their own since
		return a.bake(ctx, p, opts)
	}
	items, probes, err := a.items(p)
	if err != nil {
		return "", err
	}
	if items, err = a.endsBanner(ctx, p, items); err != nil {
		return "", err
	}
	if err := mayRun(p.File, m, a.announcement(p), opts.Early, a.now()); err != nil {
		return "", err
	}
	if m.State == maint.StateScheduled { // nothing is said or done before all looks well
		if err := a.ready(ctx, p); err != nil {
			return "", err
		}
	}
	runner := a.runner(opts.Watcher)
	pace, err := newPace(p)
	if err != nil {
		return "", err
	}
	banner := a.keepBannerTrue(ctx, p, items)
	defer banner.end()
	runner.Pace, pace.late = pace, banner.late
	pace.window = func() (maint.Window, error) {
		past, err := a.history(ctx, p.ID)
		return timeline.Fold(p.ID, past).Plan.Window, err
	}
	runner.Journal = probes // the sites are asked for as long as the run holds its lease
	err = runner.Run(ctx, p.ID, items)
	if err != nil || !bakes(p) {
		return "", err
	}
	return a.bake(ctx, p, opts)
}

// ready looks at everything once more, and puts on record how long the work is expected to take.
func (a *App) ready(ctx context.Context, p *config.Plan) error {
	r, err := a.checkAll(ctx, p, CheckOptions{Quick: true})
	if err != nil {
		return err
	}
	if err := checks.Refusal(r.Findings); err != nil {
		return err
	}
	_, err = a.store.Append(ctx, p.ID, timeline.AnyVersion, timeline.Draft{Key: "forecast", At: a.now(), Event: *r.Forecast})
	return err
}

// Abort takes back what was done, and says that the maintenance is given up.
func (a *App) Abort(ctx context.Context, planFile string, w run.Watcher) error {
	p, m, err := a.plan(ctx, planFile)
	if err != nil {
		return err
	}
	switch m.State {
	case maint.Draft:
		return hint.Errorf("lull status", "maintenance %s was not announced: there is nothing to abort", p.ID)
	case maint.StateCompleted:
		if upgrades(p) {
			return hint.Errorf("lull rollback "+p.File, "maintenance %s is completed: clients are on the new server", p.ID)
		}
		return hint.Errorf("lull report "+p.File, "maintenance %s is completed: there is nothing to abort", p.ID)
	}
	items, _, err := a.items(p)
	if err != nil {
		return err
	}
	if err := a.runner(w).Abort(ctx, p.ID, items); err != nil {
		return err
	}
	if err := a.takeBannerDown(ctx, p.ID, a.banner(p, time.Time{})); err != nil {
		return err
	}
	return a.say(ctx, p.ID, "cancelled", maint.Cancel{Text: calledOff}, w)
}

func (a *App) runner(w run.Watcher) *run.Runner {
	return &run.Runner{Journal: journal(a.store), Log: a.store, Gauge: a.store, Watch: w, Now: a.now, Patience: pgup.Patience}
}

// mayRun refuses a run that people were not told of: one of a plan that was not
// announced, or announced otherwise, or before its window.
func mayRun(file string, m maint.Maintenance, plan maint.Scheduled, early bool, now time.Time) error {
	switch m.State {
	case maint.Draft:
		return hint.Errorf("lull schedule "+file, "maintenance %s was not announced", m.ID)
	case maint.StateCancelled:
		return hint.Errorf("give the plan a new `maintenance:` name, then lull schedule "+file, "maintenance %s was called off", m.ID)
	case maint.StateScheduled:
	default:
		return nil // begun: a run resumes
	}
	if !m.Plan.Same(plan) {
		return hint.Errorf("lull schedule "+file, "the plan is not what was announced")
	}
	start, end, err := m.Plan.Window.Resolve()
	if err != nil {
		return err
	}
	if now.Before(start) && !early {
		return hint.Errorf("wait, or add --early", "the window opens at %s, in %s", start.Format("2006-01-02 15:04 MST"), view.Length(max(start.Sub(now).Round(time.Minute), time.Minute)))
	}
	if now.After(end) {
		return hint.Errorf("change window.start in the plan, then lull schedule "+file, "the window closed at %s", end.Format("2006-01-02 15:04 MST"))
	}
	return nil
}
