package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/demo"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/run"
)

// pair is a source with its load and a target that follows it, as the upgrade's own steps
// have made them, up to the one that is measured.
type pair struct {
	ground *demo.Ground
	load   *demo.Load
	step   run.Step // the one to measure
	record *record  // of that step
}

// stepUp lays the ground, starts the load, with or without reads, and carries out the upgrade's steps before the named one.
func stepUp(ctx context.Context, o demo.Options, name string, reads bool) (p *pair, err error) {
	p = &pair{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop(context.WithoutCancel(ctx)))
		}
	}()
	if p.ground, err = demo.Lay(ctx, o.Dir, o.Majors, o.Scale); err != nil {
		return p, err
	}
	if p.load, err = p.ground.StartLoad(ctx, demo.LoadSpec{Rate: o.Rate, Clients: o.Clients, Reads: reads}); err != nil {
		return p, err
	}
	spec, err := upgradeOf(p.ground, o.Self)
	if err != nil {
		return p, err
	}
	for _, item := range pgup.New(spec).Items() {
		p.step, p.record = item.Step, &record{}
		seen, err := p.step.Observe(ctx, p.record)
		if err != nil {
			return p, fmt.Errorf("look at %s: %w", p.step.Name(), err)
		}
		if p.step.Name() == spec.Name+"/"+name {
			return p, nil
		}
		if seen.Presence != run.Absent {
			return p, fmt.Errorf("%s is %s before it was done", p.step.Name(), seen.Presence)
		}
		fmt.Fprintf(o.Out, "%s\n", item.Title)
		if err := p.step.Apply(ctx, p.record); err != nil {
			return p, fmt.Errorf("%s: %w", p.step.Name(), err)
		}
	}
	return p, fmt.Errorf("no step is named %s", name)
}

func upgradeOf(g *demo.Ground, self string) (pgup.Spec, error) {
	password, err := os.ReadFile(g.SecretFile(superuser))
	if err != nil {
		return pgup.Spec{}, fmt.Errorf("read the password of the ground: %w", err)
	}
	secret := strings.TrimSpace(string(password))
	return pgup.Spec{
		Name: "upgrade", ID: "bench", Cluster: "main", To: g.Target.Major, HoldBudget: holdBudget, Jobs: 2, Self: self, WorkDir: filepath.Join(g.Dir, "lull.db.work"),
		Source:  cluster.Endpoint{Conninfo: g.Source.DSN("postgres", superuser), Password: secret},
		Place:   seed.Place{Host: "127.0.0.1", Port: g.Target.Port},
		Data:    g.Target.Data,
		Poolers: []gate.Pooler{{Name: "main", Admin: g.Pooler.DSN("pgbouncer", superuser) + " password=" + secret, Config: g.Pooler.Config()}},
	}, nil
}

const superuser = "lull"

// holdBudget is what a plan has that does not say.
const holdBudget = 2 * time.Second

func (p *pair) stop(ctx context.Context) (failed error) {
	if p.load != nil {
		_, failed = p.load.Stop(ctx)
		p.load = nil
	}
	if p.ground != nil {
		failed = errors.Join(failed, p.ground.Stop(ctx))
	}
	return failed
}

// record is what a step writes down, in memory: a measurement is not resumed.
type record struct {
	memo    []byte
	figures maint.Figures
	told    func(text string) // of a line of progress; nil = nobody listens
}

func (r *record) Memo(v any) (bool, error) {
	if r.memo == nil {
		return false, nil
	}
	return true, json.Unmarshal(r.memo, v)
}

func (r *record) Keep(_ context.Context, v any) (err error) {
	r.memo, err = json.Marshal(v)
	return err
}

func (r *record) Note(_ context.Context, _ string, figures maint.Figures) error {
	if figures != nil {
		r.figures = figures
	}
	return nil
}

func (r *record) Say(context.Context, string, maint.Event) error { return nil }

func (r *record) Progress(p run.Progress) {
	if r.told != nil {
		r.told(p.Text)
	}
}
