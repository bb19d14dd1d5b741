package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/gate/pgbouncer"
	"github.com/lullhq/lull/internal/security"
)

// SecurityReport is the answer of lull check --security.
type SecurityReport struct {
	Plan     maint.ID         `json:"plan"`
	Looked   []string         `json:"looked_at"` // servers and poolers, in words
	Findings []checks.Finding `json:"findings"`
}

// Markdown is the report for a person who was not there.
func (r SecurityReport) Markdown() string {
	text := fmt.Sprintf("# The security of what %s is about\n\n", r.Plan)
	for _, what := range r.Looked {
		text += "- " + what + "\n"
	}
	return text + checks.Report(r.Findings)
}

// Open counts what is to be fixed, or stands in the way.
func (r SecurityReport) Open() (n int) {
	for _, f := range r.Findings {
		if f.Severity == checks.Blocker || f.Severity == checks.Fix {
			n++
		}
	}
	return n
}

// CheckSecurity audits the clusters that the plan upgrades: the source, the target if it runs, and
// the poolers. It changes nothing.
func (a *App) CheckSecurity(ctx context.Context, planFile string) (SecurityReport, error) {
	p, _, err := a.plan(ctx, planFile)
	if err != nil {
		return SecurityReport{}, err
	}
	r := SecurityReport{Plan: p.ID, Looked: []string{}, Findings: []checks.Finding{}}
	var seen []string
	for _, s := range p.Steps {
		if s.Kind != config.KindUpgrade || slices.Contains(seen, s.Upgrade.Cluster) {
			continue
		}
		seen = append(seen, s.Upgrade.Cluster)
		if err := a.auditCluster(ctx, *s.Upgrade, &r); err != nil {
			return r, err
		}
	}
	if len(seen) == 0 {
		return r, hint.Errorf("name a plan with an upgrade step", "%s upgrades no cluster: there is nothing to look at", planFile)
	}
	checks.Sort(r.Findings)
	return r, nil
}

func (a *App) auditCluster(ctx context.Context, u config.Upgrade, r *SecurityReport) error {
	c := a.Config.Clusters[u.Cluster]
	source, err := endpoint(c.Source)
	if err != nil {
		return err
	}
	if err := r.audit(ctx, "source", source); err != nil {
		return hint.Wrap(err, fmt.Sprintf("check clusters.%s.source in %s", c.ID, a.Config.File))
	}
	if err := r.clients(ctx, source, u.LookBack, u.MayRefuse); err != nil {
		return err
	}
	var refused *pgconn.PgError
	if err := r.audit(ctx, "target", source.At(c.Target.Host, c.Target.Port)); errors.As(err, &refused) {
		return err
	} else if err != nil {
		r.Looked = append(r.Looked, "not the target: no server runs there yet")
	}
	for _, name := range c.Poolers {
		if err := a.auditPooler(ctx, a.Config.Poolers[name], r); err != nil {
			return err
		}
	}
	return nil
}

// audit looks at one server.
func (r *SecurityReport) audit(ctx context.Context, side string, e cluster.Endpoint) error {
	conn, err := e.Connect(ctx, "")
	if err != nil {
		return err
	}
	major, version, at := cluster.Major(conn), conn.PgConn().ParameterStatus("server_version"), conn.Config()
	_ = conn.Close(context.WithoutCancel(ctx))
	found, err := security.Audit(ctx, e, major)
	if err != nil {
		return err
	}
	where := side + " " + net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
	for i := range found {
		found[i].Where = where
	}
	r.Looked, r.Findings = append(r.Looked, where+", PostgreSQL "+version), append(r.Findings, found...)
	return nil
}

// clients looks who of those that use the source strict rules would refuse.
func (r *SecurityReport) clients(ctx context.Context, source cluster.Endpoint, back time.Duration, mayRefuse []string) error {
	found, said, err := security.Refused(ctx, source, security.Strictest, back, mayRefuse)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		said = "not the clients of the source: " + refused.Message
	case err != nil:
		return err
	default:
		said = "clients of the source: " + said
	}
	for i := range found {
		found[i].Where = "source"
	}
	r.Looked, r.Findings = append(r.Looked, said), append(r.Findings, found...)
	return nil
}

func (a *App) auditPooler(ctx context.Context, x config.Pooler, r *SecurityReport) error {
	p, err := a.pooler(x, a.Config.Store.WorkDir)
	if err != nil {
		return err
	}
	if p.Kind != gate.PgBouncer {
		r.Looked = append(r.Looked, "not pooler "+x.ID+": what stands behind its commands is not known to Lull")
		return nil
	}
	settings, err := pgbouncer.Settings(ctx, p)
	if err != nil {
		return hint.Wrap(fmt.Errorf("pooler %s: %w", x.ID, err), fmt.Sprintf("check poolers.%s.admin in %s", x.ID, a.Config.File))
	}
	r.Looked, r.Findings = append(r.Looked, "pooler "+x.ID), append(r.Findings, security.Pooler(x.ID, settings, p.Config)...)
	return nil
}
