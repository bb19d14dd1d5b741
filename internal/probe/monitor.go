package probe

import (
	"context"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Conclusion is what holds of a component by all its probes, from Since on.
type Conclusion struct {
	Component string
	Impact    maint.Impact
	Text      string // public, a short phrase
	Since     time.Time
}

// Count is what a component's probes have done so far, for whoever counts.
type Count struct {
	Component string
	Looks     int64
	Failures  int64        // looks without a good answer
	Impact    maint.Impact // "" = not certain yet
}

// Monitor looks at components steadily and tells when what holds of one has changed.
// Nothing is told of a component before all its probes are certain once.
type Monitor struct {
	// Watch is told of every look and of when it was due, by several goroutines; nil = nobody is.
	Watch func(due time.Time, f Finding)

	probes []Probe
	tell   func(Conclusion)

	mu      sync.Mutex
	judges  []judge
	watched map[string]*watched
	order   []*watched
}

// watched is a component with its probes.
type watched struct {
	Count
	probes []int
	since  time.Time // of the impact
}

// NewMonitor makes a monitor, which does nothing until it runs. It calls tell for one
// conclusion at a time, and tell must return at once.
func NewMonitor(probes []Probe, tell func(Conclusion)) *Monitor {
	m := &Monitor{probes: probes, tell: tell, judges: make([]judge, len(probes)), watched: map[string]*watched{}}
	for i, p := range probes {
		w := m.watched[p.Component]
		if w == nil {
			w = &watched{Count: Count{Component: p.Component}}
			m.watched[p.Component], m.order = w, append(m.order, w)
		}
		w.probes = append(w.probes, i)
	}
	return m
}

// Run looks until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	every := each(m.probes, func(p Probe) time.Duration { return p.Every })
	schedule{every: every, first: spread(every), look: func(ctx context.Context, i int, due time.Time) time.Duration {
		f := m.probes[i].Look(ctx)
		if ctx.Err() != nil {
			return 0 // cut off by us: it says nothing of the component
		}
		if m.Watch != nil {
			m.Watch(due, f)
		}
		return m.take(i, f)
	}}.run(ctx)
}

// Counts gives the components in the order of their first probes.
func (m *Monitor) Counts() []Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	return each(m.order, func(w *watched) Count { return w.Count })
}

// take counts a finding in, and says how soon the next one is wanted.
func (m *Monitor) take(i int, f Finding) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, j := m.probes[i], &m.judges[i]
	w := m.watched[p.Component]
	w.Looks++
	if f.Err != nil {
		w.Failures++
	}
	if j.take(f, p.Confirm) {
		m.conclude(w, j.since)
	}
	if j.unsure() {
		return soon(p.Every)
	}
	return 0
}

// conclude works out what holds of a component now that one of its probes is certain of
// something new, since changed.
func (m *Monitor) conclude(w *watched, changed time.Time) {
	worst := judge{impact: maint.Operational, public: "answers again"}
	for _, i := range w.probes {
		j := m.judges[i]
		if !j.known {
			return
		}
		if worse(j.impact, worst.impact) {
			worst = j
		}
	}
	if worst.impact == w.Impact {
		return
	}
	first := w.Impact == ""
	if w.Impact = worst.impact; first && worst.impact != maint.Operational {
		changed = worst.since
	}
	if changed.After(w.since) { // nothing is told before what was told last
		w.since = changed
	}
	m.tell(Conclusion{Component: w.Component, Impact: w.Impact, Text: worst.public, Since: w.since})
}

// onceAtOnce bounds the looks of Once that wait for an answer at one time.
const onceAtOnce = 64

// Once looks at everything once, and gives what it found in the order of the probes.
func Once(ctx context.Context, probes []Probe) []Finding {
	out := make([]Finding, len(probes))
	slots := make(chan struct{}, onceAtOnce)
	var wg sync.WaitGroup
	for i, p := range probes {
		slots <- struct{}{}
		wg.Go(func() {
			out[i] = p.Look(ctx)
			<-slots
		})
	}
	wg.Wait()
	return out
}
