package app

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/harden"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/planstep"
	"github.com/lullhq/lull/internal/probe"
	"github.com/lullhq/lull/internal/run"
)

// items turns a plan into steps: the maintenance starts with the first, is being
// verified from the first check after the last upgrade on, and completes with the last.
func (a *App) items(p *config.Plan) ([]run.Item, *siteProbes, error) {
	probes := a.newSiteProbes(p)
	begun := []maint.State{maint.InProgress, maint.StateVerifying, maint.StateCompleted}
	out := []run.Item{a.turn(p, "start", maint.Start{Text: "The maintenance has begun."}, begun)}
	verify := verifyFrom(p.Steps)
	for i, s := range p.Steps {
		if i == verify {
			out = append(out, a.turn(p, "verify", maint.Verify{Text: "The work is done. We are checking that all is well."}, begun[1:]))
		}
		more, err := a.planStep(p, s)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, more...)
	}
	if probes.any() {
		out = append(out, probes.item())
	}
	out = append(out, a.turn(p, "complete", maint.Complete{Text: "The maintenance is completed. All checks are green."}, begun[2:]))
	closeBanner(out, p.Steps)
	return out, probes, nil
}

func (a *App) turn(p *config.Plan, name string, cmd maint.Command, past []maint.State) run.Item {
	return run.Item{Hidden: true, Title: name, Step: turn{name: name, id: p.ID, cmd: cmd, past: past, log: a.store, now: a.now}}
}

// verifyFrom is the index of the first check that follows all upgrades and commands, or -1.
func verifyFrom(steps []config.Step) int {
	at := -1
	for i, s := range steps {
		switch s.Kind {
		case config.KindCheck, config.KindSQL:
			if at < 0 {
				at = i
			}
		case config.KindUpgrade, config.KindCommand:
			at = -1
		}
	}
	return at
}

// closeBanner says that turning the banner on is not to be looked at again once it was turned off.
func closeBanner(items []run.Item, steps []config.Step) {
	on := ""
	for _, s := range steps {
		if s.Kind != config.KindBanner {
			continue
		}
		if s.Banner.On {
			on = s.Name
			continue
		}
		for i := range items {
			if items[i].Step.Name() == on {
				items[i].Until = s.Name
			}
		}
	}
}

// announcement is what the plan promises the public.
func (a *App) announcement(p *config.Plan) maint.Scheduled {
	var phases []maint.Phase
	for _, s := range p.Steps {
		title, budget := describe(s)
		phases = append(phases, maint.Phase{Step: s.Name, Title: title, Budget: budget})
	}
	s := p.Scheduled(phases)
	for _, n := range a.notices(p) {
		s.Notices = append(s.Notices, n.Word)
	}
	s.Names = map[string]string{}
	for id := range s.Components {
		if c, ok := a.Config.Component(id); ok {
			s.Names[id] = c.Name
		}
	}
	return s
}

// describe gives a step of the plan its words and its budget. The public reads them, so
// addresses and names of programs stay out. An upgrade has many steps below it: the budget is for all.
func describe(s config.Step) (title string, budget time.Duration) {
	switch s.Kind {
	case config.KindBanner:
		if s.Banner.On {
			return "Banner on", 0
		}
		return "Banner off", 0
	case config.KindUpgrade:
		return fmt.Sprintf("Upgrade to PostgreSQL %d", s.Upgrade.To), s.Upgrade.Budget
	case config.KindCheck:
		return "Check that it answers", s.Check.Budget
	case config.KindCommand:
		return "Work on the servers", s.Command.Budget
	case config.KindConfirm:
		return "Confirmation", 0
	case config.KindWait:
		return "Wait", s.Wait.For
	case config.KindSQL:
		return "Check of the data", 0
	}
	return s.Name, 0
}

func (a *App) planStep(p *config.Plan, s config.Step) ([]run.Item, error) {
	switch s.Kind {
	case config.KindBanner:
		return one(s, a.bannerStep(p, s.Name, s.Banner.On)), nil
	case config.KindUpgrade:
		u, err := a.upgrade(p, s)
		if err != nil {
			return nil, err
		}
		return u.Items(), nil
	case config.KindCheck:
		return one(s, probe.NewCheckStep(s.Name, s.Check.HTTP, s.Check.Expect, s.Check.Budget)), nil
	case config.KindCommand:
		return one(s, planstep.NewCommand(s.Name, planstep.Command{Run: s.Command.Run, Undo: s.Command.Undo, Dir: filepath.Dir(p.File), Within: s.Command.Budget})), nil
	case config.KindConfirm:
		return one(s, planstep.NewConfirm(s.Name, s.Confirm.Question, a.Ask)), nil
	case config.KindWait:
		return one(s, planstep.NewWait(s.Name, s.Wait.For)), nil
	case config.KindSQL:
		dial, err := a.dial(p, s)
		return one(s, planstep.NewSQL(s.Name, planstep.SQL{Dial: dial, Query: s.SQL.Query, Expect: s.SQL.Expect})), err
	}
	return nil, fmt.Errorf("step %s: unknown kind %s", s.Name, s.Kind)
}

// dial reaches the server that clients are on at that place of the plan: the target once
// an upgrade of the cluster stands before it. The query sees the role's own search path.
func (a *App) dial(p *config.Plan, s config.Step) (planstep.Dial, error) {
	c := a.Config.Clusters[s.SQL.Cluster]
	e, err := endpoint(c.Source)
	if err != nil {
		return nil, err
	}
	for _, before := range p.Steps {
		if before.Name == s.Name {
			break
		}
		if before.Kind == config.KindUpgrade && before.Upgrade.Cluster == s.SQL.Cluster {
			e = e.At(c.Target.Host, c.Target.Port)
		}
	}
	dsn := e.Libpq(s.SQL.Database, "")
	if e.Password != "" {
		dsn += " password=" + cluster.Quote(e.Password)
	}
	return planstep.DialDSN(dsn), nil
}

func one(s config.Step, step run.Step) []run.Item {
	title, budget := describe(s)
	return []run.Item{{Step: step, Title: title, Budget: budget}}
}

// windowText says when, so that it reads the same on every day and in every place.
func windowText(w maint.Window) string {
	start, end, err := w.Resolve()
	if err != nil {
		return w.Start
	}
	text := fmt.Sprintf("%s to %s", start.Format("2 January 2006, 15:04"), end.Format("15:04 MST"))
	if _, offset := start.Zone(); offset == 0 {
		return text
	}
	return text + start.UTC().Format(" (15:04 UTC)")
}

// endText says when the window ends.
func endText(w maint.Window) string {
	_, end, err := w.Resolve()
	if err != nil {
		return ""
	}
	text := end.Format("15:04 MST on 2 January 2006")
	if _, offset := end.Zone(); offset == 0 {
		return text
	}
	return text + end.UTC().Format(" (15:04 UTC)")
}

// upgrade puts a plan's upgrade step together with the cluster that it names.
func (a *App) upgrade(p *config.Plan, s config.Step) (*pgup.Upgrade, error) {
	c := a.Config.Clusters[s.Upgrade.Cluster]
	source, err := endpoint(c.Source)
	if err != nil {
		return nil, err
	}
	spec := pgup.Spec{
		Name: s.Name, ID: string(p.ID), Title: p.Title, Until: endText(p.Window), Contact: cmp.Or(a.Config.Contact, p.Author, a.Config.Organization), Cluster: s.Upgrade.Cluster, Source: source, To: s.Upgrade.To,
		Place: seed.Place{Host: c.Target.Host, Port: c.Target.Port, SocketDir: c.Target.SocketDir, Settings: c.Target.Settings},
		Data:  c.Target.Data, Bin: c.Bin, RunAs: c.RunAs, Jobs: c.Jobs, HoldBudget: s.Upgrade.HoldBudget,
		HoldTries: s.Upgrade.HoldTries, HoldPatience: s.Upgrade.HoldPatience, OldestTransaction: s.Upgrade.OldestTransaction,
		Unlogged: s.Upgrade.Unlogged, WALBudget: s.Upgrade.WALBudget, BakeFor: s.Upgrade.Bake, RollBackIf: pgup.Limits(s.Upgrade.RollBackIf), WayBack: s.Upgrade.WayBack,
		Harden: hardenItems(s.Upgrade.Harden), AwaitSCRAM: s.Upgrade.Harden.AwaitSCRAM, MayRefuse: s.Upgrade.MayRefuse, LookBack: s.Upgrade.LookBack,
		Self: a.self, WorkDir: a.Config.Store.WorkDir, Record: a.record,
	}
	for _, accepted := range s.Upgrade.AcceptPlans {
		spec.AcceptPlans = append(spec.AcceptPlans, pgup.AcceptedPlan(accepted))
	}
	for _, name := range c.Poolers {
		p, err := a.pooler(a.Config.Poolers[name], spec.WorkDir)
		if err != nil {
			return nil, err
		}
		spec.Poolers = append(spec.Poolers, p)
	}
	return pgup.New(spec), nil
}

// hardenItems are what the plan makes stricter on the new server.
func hardenItems(h config.Harden) harden.Items {
	out := harden.Items{Checksums: h.Checksums, SCRAM: h.SCRAM, RevokePublicCreate: h.RevokePublicCreate, StrictHBA: h.StrictHBA,
		DefinerSearchPath: h.DefinerSearchPath, LogLogins: h.LogLogins}
	if h.TLS != nil {
		t := harden.TLS(*h.TLS)
		out.TLS = &t
	}
	return out
}

// pooler is what stands before a cluster. workDir is where Lull keeps its own files.
func (a *App) pooler(x config.Pooler, workDir string) (gate.Pooler, error) {
	if x.Gate == config.GateHooks {
		h := x.Hooks
		return gate.Pooler{Name: x.ID, Kind: gate.HookGate, Hooks: gate.Hooks{
			Hold: h.Hold, Repoint: h.Repoint, Resume: h.Resume, Where: h.Where, Within: gate.HooksDeadline(h.Within),
			Dir: h.Dir, Lock: filepath.Join(workDir, "gate-"+x.ID+".lock"),
		}}, nil
	}
	admin, err := x.Admin.Conninfo()
	if err != nil {
		return gate.Pooler{}, err
	}
	return gate.Pooler{Name: x.ID, Kind: gate.PgBouncer, Admin: admin.Reveal(), Config: x.Config}, nil
}

func endpoint(dsn config.DSN) (cluster.Endpoint, error) {
	conninfo, password, err := dsn.Split()
	return cluster.Endpoint{Conninfo: conninfo, Password: password.Reveal()}, err
}
