package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/probe"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

const (
	// probing is the lease of the one replica that probes. No plan has a name with a slash.
	probing maint.ID = "serve/probes"

	leaseRetry  = 10 * time.Second // before the lease is asked for again
	recordRetry = 5 * time.Second  // before a conclusion that could not be recorded is tried again
	mostWaiting = 10_000           // conclusions that wait while the store is away; the oldest go first
)

// prober runs the probes of components while the server runs, and puts what they find on record.
//
// Of several replicas one does so, the others wait for its lease. Should two think that
// they have it, no harm is done: the same said twice is recorded once.
type prober struct {
	app     *App
	probes  []probe.Probe
	monitor *probe.Monitor
	wake    chan struct{}

	mu      sync.Mutex
	waiting []probe.Conclusion
}

func (a *App) newProber() *prober {
	p := &prober{app: a, probes: a.componentProbes(), wake: make(chan struct{}, 1)}
	p.monitor = probe.NewMonitor(p.probes, p.told)
	return p
}

// start probes until stop is called.
func (p *prober) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { p.run(ctx) })
	return func() { cancel(); wg.Wait() }
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
			p.probe(ctx)
			release(ctx, p.app.store, lease)
		case !errors.Is(err, run.ErrLeaseHeld) && ctx.Err() == nil:
			slog.Warn("ask for the lease of the probes", "error", err)
		}
		pause(ctx, leaseRetry)
	}
}

// releaseDeadline is how long giving the lease up may take. If it cannot be, it ends with the process.
const releaseDeadline = 5 * time.Second

func release(ctx context.Context, j run.Journal, lease run.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseDeadline)
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

func (p *prober) probe(ctx context.Context) {
	p.forgotten(p.app.now())
	var wg sync.WaitGroup
	wg.Go(func() { p.monitor.Run(ctx) })
	p.record(ctx)
	wg.Wait()
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
