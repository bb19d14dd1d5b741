package probe

import (
	"context"
	"sync"
	"time"
)

// Target is a thing to look at every second, with what a look at it may take.
type Target struct {
	Name   string
	Looker Looker
	Within time.Duration
}

// Prober looks at each of its targets at an interval, and adds up what it sees.
type Prober struct {
	every   time.Duration
	targets []Target
	turned  func()

	mu      sync.Mutex
	tallies []Tally
}

// New makes a prober, which does nothing until it runs. It goes on from the tallies of an
// earlier one, and calls turned, which must return at once, when a target has begun to fail
// or answers again.
func New(targets []Target, every time.Duration, earlier []Tally, turned func()) *Prober {
	p := &Prober{every: every, targets: targets, turned: turned}
	for _, t := range targets {
		p.tallies = append(p.tallies, taken(&earlier, t.Name))
	}
	p.tallies = append(p.tallies, earlier...) // of targets that are no longer there
	return p
}

// taken takes the tally of that name out of the list, or gives an empty one.
func taken(from *[]Tally, name string) Tally {
	for i, t := range *from {
		if t.Name == name {
			*from = append((*from)[:i:i], (*from)[i+1:]...)
			return t
		}
	}
	return Tally{Name: name}
}

// Run looks at the targets until ctx ends. The first look is at once.
func (p *Prober) Run(ctx context.Context) {
	every := make([]time.Duration, len(p.targets))
	for i := range every {
		every[i] = p.every
	}
	schedule{every: every, first: make([]time.Duration, len(every)), look: func(ctx context.Context, i int, _ time.Time) time.Duration {
		p.probe(ctx, i)
		return 0
	}}.run(ctx)
}

func (p *Prober) probe(ctx context.Context, i int) {
	began := time.Now()
	err := look(ctx, p.targets[i].Looker, p.targets[i].Within)
	took := time.Since(began)
	if ctx.Err() != nil {
		return // cut off by us: it says nothing of the target
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tallies[i].add(began, took, err) {
		p.turned()
	}
}

// Tallies gives what came of it so far: of the targets in their order, then of those that an
// earlier prober had besides.
func (p *Prober) Tallies() []Tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	return each(p.tallies, Tally.clone)
}
