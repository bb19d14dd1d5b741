package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/pgup/preflight"
)

// CheckReport is the answer of lull check.
type CheckReport struct {
	Plan     maint.ID         `json:"plan"`
	Findings []checks.Finding `json:"findings"`
	// Settled is what the last check found and this one did not. Last is when that was; zero = it is the first.
	Settled []checks.Finding `json:"settled,omitempty"`
	Last    time.Time        `json:"last,omitzero"`
	// Forecast is how long the work is expected to take; nil when the servers could not be asked.
	Forecast *maint.Forecast `json:"forecast,omitempty"`
}

// Markdown is the report for a person who was not there.
func (r CheckReport) Markdown() string {
	return fmt.Sprintf("# What was found before %s\n", r.Plan) + checks.Report(r.Findings) + checks.SettledReport(r.Settled)
}

// Blockers counts what stands in the way.
func (r CheckReport) Blockers() (n int) {
	for _, f := range r.Findings {
		if f.Severity == checks.Blocker {
			n++
		}
	}
	return n
}

// CheckOptions are how thorough a check is.
type CheckOptions struct {
	Quick bool // ask only, and try nothing on a throw-away server
}

// Check reads the plan, asks the databases and poolers that it is about, and follows the addresses that people are given. It changes nothing.
func (a *App) Check(ctx context.Context, planFile string, o CheckOptions) (CheckReport, error) {
	p, m, err := a.plan(ctx, planFile)
	if err != nil {
		return CheckReport{}, err
	}
	r, err := a.checkAll(ctx, p, o)
	if err != nil {
		return r, err
	}
	found, err := a.noticeFindings(ctx, p)
	checks.Explain(found, preflight.Catalogue())
	proof, again := a.proofFindings(ctx, p, m)
	err = errors.Join(err, again)
	r.Findings = slices.Concat(r.Findings, found, proof)
	checks.Sort(r.Findings)
	err = errors.Join(err, a.settle(ctx, &r, o))
	return r, err
}

// settle holds a check against the one before, and keeps it for the next. One that did not get far says
// nothing of the rest, and a quick one nothing of what is tried.
func (a *App) settle(ctx context.Context, r *CheckReport, o CheckOptions) error {
	if preflight.Partial(r.Findings) {
		return nil
	}
	before, at, err := a.store.LastCheck(ctx, r.Plan)
	if err != nil {
		return err
	}
	now := slices.Clone(r.Findings)
	if slices.ContainsFunc(now, func(f checks.Finding) bool { return f.ID == "spelling-not-read" }) { // what a dictionary found may be there still
		now = append(now, slices.DeleteFunc(slices.Clone(before), func(f checks.Finding) bool { return f.ID != "spelling" })...)
	}
	if o.Quick || preflight.NotTried(r.Findings) {
		now = append(now, preflight.Tried(before)...)
	}
	r.Settled, r.Last = checks.Settled(before, now), at
	return a.store.KeepCheck(ctx, r.Plan, now, a.now())
}

// checkAll is what is looked at before work begins: the servers, and whether the time is enough.
func (a *App) checkAll(ctx context.Context, p *config.Plan, o CheckOptions) (CheckReport, error) {
	r, err := a.check(ctx, p, o)
	if err != nil || checks.Refusal(r.Findings) != nil {
		return r, err // what there is to do cannot be asked of a server that is not as it should be
	}
	f, load, err := a.forecast(ctx, p)
	if err != nil {
		return r, err
	}
	left, err := remaining(p, a.now())
	r.Forecast, r.Findings = &f, append(append(r.Findings, forecastFindings(p, f, left)...), walFindings(p, f, load)...)
	return r, err
}

func (a *App) check(ctx context.Context, p *config.Plan, o CheckOptions) (CheckReport, error) {
	r := CheckReport{Plan: p.ID, Findings: []checks.Finding{}}
	for i, s := range p.Steps {
		if s.Kind != config.KindUpgrade {
			continue
		}
		u, err := a.upgrade(p, s)
		if err != nil {
			return r, err
		}
		found, err := u.Check(ctx)
		if err != nil {
			return r, err
		}
		if !o.Quick {
			found = append(found, u.Try(ctx)...)
		}
		for _, f := range found {
			if f.About != "" {
				f.Where = a.where(p, i, f.About)
			}
			r.Findings = append(r.Findings, f)
		}
	}
	return r, nil
}

// where is the place of an entry in the files.
func (a *App) where(p *config.Plan, step int, what checks.About) string {
	entry := []string{"clusters", p.Steps[step].Upgrade.Cluster}
	pooler, isPooler := strings.CutPrefix(string(what), string(pgup.AboutPooler))
	switch {
	case what == pgup.AboutTo:
		return config.Place(p.File, "steps", strconv.Itoa(step), "upgrade", "to")
	case isPooler:
		entry = []string{"poolers", pooler, "admin"}
		if a.Config.Poolers[pooler].Gate == config.GateHooks {
			entry[2] = "gate"
		}
	case what != pgup.AboutCluster:
		entry = append(entry, strings.Split(string(what), ".")...)
	}
	return config.Place(a.Config.File, entry...)
}
