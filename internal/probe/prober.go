package probe

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Target is an address to look at.
type Target struct {
	Name   string
	URL    string
	Expect int // 0: any answer below 400
}

// Prober looks at each of its targets at an interval. A target that is slow to answer does
// not keep the others waiting.
type Prober struct {
	every   time.Duration
	targets []Target

	mu      sync.Mutex
	tallies []tally
}

// New makes a prober. It does nothing until it runs.
func New(targets []Target, every time.Duration) *Prober {
	return &Prober{every: every, targets: targets, tallies: make([]tally, len(targets))}
}

// Run looks at the targets until ctx ends. The first look is at once.
func (p *Prober) Run(ctx context.Context) {
	client := newClient()
	var wg sync.WaitGroup
	for i := range p.targets {
		wg.Go(func() { p.watch(ctx, client, i) })
	}
	wg.Wait()
}

func (p *Prober) watch(ctx context.Context, client *http.Client, i int) {
	t := time.NewTicker(p.every)
	defer t.Stop()
	for {
		p.probe(ctx, client, i)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (p *Prober) probe(ctx context.Context, client *http.Client, i int) {
	began := time.Now()
	err := check(ctx, client, p.targets[i].URL, p.targets[i].Expect)
	took := time.Since(began)
	if ctx.Err() != nil {
		return // cut off by us: it says nothing of the target
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tallies[i].add(began, took, err)
}

// Summary gives what came of it so far, in the order of the targets.
func (p *Prober) Summary() []TargetSummary {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]TargetSummary, len(p.targets))
	for i, t := range p.targets {
		out[i] = p.tallies[i].summary(t)
	}
	return out
}
