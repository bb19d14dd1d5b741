package pgup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/gate/gates"
	"github.com/lullhq/lull/internal/pgup/gate/pgbouncer"
	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// gate makes one gate of all the poolers in front of the cluster.
func (u *Upgrade) gate() (gate.Gate, error) {
	from, err := u.sourceAddr()
	if err != nil {
		return nil, err
	}
	return gates.All(u.Poolers, from, u.targetAddr(), nil)
}

func (u *Upgrade) sourceAddr() (gate.Addr, error) {
	cfg, err := u.Source.Config("")
	if err != nil {
		return gate.Addr{}, err
	}
	return gate.Addr{Host: cfg.Host, Port: int(cfg.Port)}, nil
}

func (u *Upgrade) targetAddr() gate.Addr {
	return gate.Addr{Host: u.Place.Host, Port: u.Place.Port}
}

// watchdogSpec is what the watchdog, or whoever settles after it, needs to know.
func (u *Upgrade) watchdogSpec(w way) (watchdog.Spec, error) {
	if err := os.MkdirAll(u.WorkDir, 0o700); err != nil {
		return watchdog.Spec{}, fmt.Errorf("make the watchdog's folder: %w", err)
	}
	_, holders := watchdog.NewHolder(u.ID)
	file := filepath.Join(u.WorkDir, u.object()+strings.ReplaceAll(w.name, "/", ".")+".watchdog")
	return watchdog.Spec{
		Poolers: u.Poolers, From: w.fromAddr, To: w.toAddr, Record: file + ".jsonl", Log: file + ".log",
		Source:  watchdog.Source{Conninfo: w.from.Conninfo, Password: w.from.Password, Unfence: w.fence.OpenSQL()},
		Holders: holders,
		Target:  watchdog.Target{Conninfo: w.to.Conninfo, Password: w.to.Password, Refence: w.refence()},
	}, nil
}

// onTarget looks whether the poolers send all their clients to the target.
func (u *Upgrade) onTarget(ctx context.Context) (bool, error) {
	at, err := u.where(ctx)
	return at == gate.Position{Side: gate.Target}, err
}

// onSource looks whether all clients are on the source, and free.
func (u *Upgrade) onSource(ctx context.Context) (bool, error) {
	at, err := u.where(ctx)
	return at == gate.Position{Side: gate.Source}, err
}

func (u *Upgrade) where(ctx context.Context) (gate.Position, error) {
	g, err := u.gate()
	if err != nil {
		return gate.Position{}, err
	}
	defer g.Close()
	at, err := g.Where(ctx)
	if err != nil {
		return at, fmt.Errorf("look where the poolers send their clients: %w", err)
	}
	return at, nil
}

// checkPoolers asks each pooler for what would make a hold impossible, or long.
func (u *Upgrade) checkPoolers(ctx context.Context) (out []checks.Finding, err error) {
	if len(u.Poolers) == 0 {
		return on(AboutCluster, blocker("pooler", "Add `poolers: [NAME]` to the cluster in lull.yaml.", "Cluster %s has no pooler. Clients can only be held at one.", u.Cluster)), nil
	}
	from, err := u.sourceAddr()
	if err != nil {
		return nil, err
	}
	for _, p := range u.Poolers {
		out = append(out, on(AboutPooler+checks.About(p.Name), u.checkPooler(ctx, p, from)...)...)
	}
	return out, nil
}

func (u *Upgrade) checkPooler(ctx context.Context, p gate.Pooler, from gate.Addr) (out []checks.Finding) {
	g, err := gates.New(p, from, u.targetAddr(), nil)
	if err != nil {
		return []checks.Finding{blocker(pgbouncer.PoolerFile, sentence(hint.Of(err)), "Pooler %s: %v.", p.Name, err)}
	}
	defer g.Close()
	for _, f := range g.Check(ctx, u.HoldBudget) {
		severity := checks.Warning
		if f.Blocks {
			severity = checks.Blocker
		}
		out = append(out, checks.Finding{ID: f.ID, Severity: severity, Text: f.Text, Fix: sentence(f.Hint)})
	}
	return out
}
