package app

import (
	"context"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
)

// CheckReport is the answer of lull check.
type CheckReport struct {
	Plan     maint.ID       `json:"plan"`
	Findings []pgup.Finding `json:"findings"`
}

// Blockers counts what stands in the way.
func (r CheckReport) Blockers() (n int) {
	for _, f := range r.Findings {
		if f.Severity == pgup.Blocker {
			n++
		}
	}
	return n
}

// Check reads the plan and asks the databases and poolers that it is about. It changes nothing.
func (a *App) Check(ctx context.Context, planFile string) (CheckReport, error) {
	p, _, err := a.plan(ctx, planFile)
	if err != nil {
		return CheckReport{}, err
	}
	r := CheckReport{Plan: p.ID, Findings: []pgup.Finding{}}
	for _, s := range p.Steps {
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
		r.Findings = append(r.Findings, found...)
	}
	return r, nil
}
