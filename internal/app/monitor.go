package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/httpd"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/probe"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

const (
	// probing is the lease of the one replica that probes. No plan has a name with a slash.
	probing maint.ID = "serve/probes"

	leaseLook   = 10 * time.Second // from one look at the lease to the next, also when another has it
	recordRetry = 5 * time.Second  // before a conclusion that could not be recorded is tried again
	mostWaiting = 10_000           // conclusions that wait while the store is away; the oldest go first
)

// prober runs the probes of components while the server runs, and puts what they find on record.
//
// Of several replicas one does so, the others wait for its lease. Should two think for a
// moment that they have it, no harm is done: the same said twice is recorded once.
type prober struct {
	app    *App
	probes []probe.Probe
	wake   chan struct{}

	mu      sync.Mutex
	monitor *probe.Monitor // since the lease was taken last; nil = it never was
	waiting []probe.Conclusion
}

func (a *App) newProber() *prober {
	return &prober{app: a, probes: a.componentProbes(), wake: make(chan struct{}, 1)}
}

// run probes until ctx ends, whenever it has the lease. Without probes there is nothing to lease.
func (p *prober) run(ctx context.Context) {
	if len(p.probes) == 0 {
		p.probe(ctx)
	}
	for ctx.Err() == nil {
		lease, err := p.app.store.Acquire(ctx, probing)
		switch {
		case err == nil:
			p.hold(ctx, lease)
		case !errors.Is(err, run.ErrLeaseHeld) && ctx.Err() == nil:
			slog.Warn("ask for the lease of the probes", "error", err)
		}
		pause(ctx, leaseLook)
	}
}

// hold probes for as long as the lease is there. While the store is away nobody knows, and it goes on.
func (p *prober) hold(ctx context.Context, lease run.Lease) {
	defer release(ctx, p.app.store, lease)
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { p.probe(ctx) })
	for pause(ctx, leaseLook); ctx.Err() == nil; pause(ctx, leaseLook) {
		if err := p.confirm(ctx, lease); errors.Is(err, run.ErrLeaseLost) {
			slog.Warn("leave the probes to another server", "error", err)
			return
		}
	}
}

// leaseDeadline is how long one question about the lease may take, also that of giving it up:
// if that cannot be, it ends with the process.
const leaseDeadline = 5 * time.Second

// confirm writes nothing, and says when that would not be allowed.
func (p *prober) confirm(ctx context.Context, lease run.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, leaseDeadline)
	defer cancel()
	return p.app.store.Commit(ctx, lease, run.Checkpoint{})
}

func release(ctx context.Context, j run.Journal, lease run.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseDeadline)
	defer cancel()
	_ = j.Release(ctx, lease)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// probe begins anew: somebody else may have said something since it was certain last.
func (p *prober) probe(ctx context.Context) {
	monitor := probe.NewMonitor(p.probes, p.told)
	p.mu.Lock()
	p.monitor, p.waiting = monitor, nil
	p.mu.Unlock()
	p.forgotten(p.app.now())
	var wg sync.WaitGroup
	wg.Go(func() { monitor.Run(ctx) })
	p.record(ctx)
	wg.Wait()
}

// counts are for the metrics.
func (p *prober) counts() (out []httpd.ProbeCount) {
	p.mu.Lock()
	monitor := p.monitor
	p.mu.Unlock()
	if monitor == nil {
		return nil
	}
	for _, c := range monitor.Counts() {
		out = append(out, httpd.ProbeCount(c))
	}
	return out
}

// forgotten lets go of components that had probes and have none any more: nothing else
// would ever say that they are well.
func (p *prober) forgotten(now time.Time) {
	for _, c := range p.app.Config.Components {
		if len(c.Probes) == 0 {
			p.told(probe.Conclusion{Component: c.ID, Impact: maint.Operational, Text: "is not probed any more", Since: now})
		}
	}
}

// told takes a conclusion to be recorded.
func (p *prober) told(c probe.Conclusion) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, c)
	if len(p.waiting) > mostWaiting {
		p.waiting = p.waiting[1:]
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// record writes conclusions in the order in which they were drawn, until ctx ends.
func (p *prober) record(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		for c, ok := p.next(); ok; c, ok = p.next() {
			if err := p.app.found(ctx, c); ctx.Err() != nil {
				return
			} else if err != nil {
				slog.Warn("put on record what probes have found", "component", c.Component, "error", err)
				pause(ctx, recordRetry)
				continue
			}
			p.done(c)
		}
	}
}

func (p *prober) next() (probe.Conclusion, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return probe.Conclusion{}, false
	}
	return p.waiting[0], true
}

// done takes a conclusion off the list, unless it fell off meanwhile.
func (p *prober) done(c probe.Conclusion) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 && p.waiting[0] == c {
		p.waiting = p.waiting[1:]
	}
}

// found records one conclusion. Somebody may say something of the component at the same
// moment; what was decided is then decided anew.
func (a *App) found(ctx context.Context, c probe.Conclusion) error {
	for {
		err := a.probed(ctx, c.Component, maint.ComponentProbed{Status: c.Impact, Text: c.Text, Since: c.Since.UTC()})
		if !errors.Is(err, timeline.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}
