package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/probe"
	"github.com/lullhq/lull/internal/run"
)

const (
	siteEvery  = time.Second
	siteWithin = 5 * time.Second
	keepEvery  = 10 * time.Second // what a process that is killed may not have kept of looks that found all well
	keptAs     = "site-probes/looks"
)

// siteProbes asks every site, and every address of the components that the plan names, once
// a second while the maintenance runs, so that "the sites stayed up" is a figure and not a
// feeling.
//
// It asks for as long as the run holds its lease, and keeps what it has seen in the journal,
// under a name that is no step's: whoever carries on goes on counting from there.
type siteProbes struct {
	run.Journal
	notes      run.Journal // where it writes: the same, and not counted by the tests that break things
	targets    []probe.Target
	components map[string]bool // which of the targets are no sites, by name

	turned chan struct{}
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	prober *probe.Prober
	spans  []maint.Span // the last one goes on
}

func (a *App) newSiteProbes(p *config.Plan) *siteProbes {
	s := &siteProbes{Journal: journal(a.store), notes: a.store, components: map[string]bool{}, turned: make(chan struct{}, 1)}
	for _, site := range a.sites() {
		if site.URL != "" {
			s.targets = append(s.targets, probe.Target{Name: site.Name, Looker: probe.HTTP{URL: site.URL}, Within: siteWithin})
		}
	}
	for _, c := range a.Config.Components {
		if _, named := p.Components[c.ID]; named {
			s.component(c)
		}
	}
	return s
}

// component adds the web addresses of a component. Those after the first are numbered.
func (s *siteProbes) component(c config.Component) {
	n := 0
	for _, p := range c.Probes {
		if p.Kind != config.ProbeHTTP {
			continue
		}
		n++
		name := c.Name
		if n > 1 {
			name = fmt.Sprintf("%s (%d)", c.Name, n)
		}
		s.components[name] = true
		s.targets = append(s.targets, probe.Target{Name: name, Looker: httpLooker(p.HTTP), Within: p.Timeout})
	}
}

func (s *siteProbes) any() bool { return len(s.targets) > 0 }

// kept is what the journal has of the looks.
type kept struct {
	Watched []maint.Span  `json:"watched"`
	Tallies []probe.Tally `json:"tallies"`
}

// Acquire implements run.Journal: whoever may drive the maintenance also asks the sites.
func (s *siteProbes) Acquire(ctx context.Context, id maint.ID) (run.Lease, error) {
	lease, err := s.Journal.Acquire(ctx, id)
	if err != nil || !s.any() {
		return lease, err
	}
	earlier, err := s.earlier(ctx, id)
	if err != nil {
		release(ctx, s.Journal, lease)
		return run.Lease{}, err
	}
	s.start(ctx, lease, earlier)
	return lease, nil
}

// Release implements run.Journal.
func (s *siteProbes) Release(ctx context.Context, lease run.Lease) error {
	if s.stop != nil {
		s.stop()
		<-s.done
		s.keep(ctx, lease)
		s.stop = nil
	}
	return s.Journal.Release(ctx, lease)
}

func (s *siteProbes) earlier(ctx context.Context, id maint.ID) (k kept, err error) {
	points, err := s.Load(ctx, id)
	if err != nil || len(points[keptAs].Memo) == 0 {
		return k, err
	}
	if err := json.Unmarshal(points[keptAs].Memo, &k); err != nil {
		return k, fmt.Errorf("read what is kept of the sites' probes: %w", err)
	}
	return k, nil
}

func (s *siteProbes) start(ctx context.Context, lease run.Lease, earlier kept) {
	now := time.Now().UTC()
	s.mu.Lock()
	s.prober = probe.New(s.targets, siteEvery, earlier.Tallies, s.wake)
	s.spans = append(slices.Clone(earlier.Watched), maint.Span{From: now, To: now})
	s.mu.Unlock()
	ctx, s.stop = context.WithCancel(ctx)
	s.done = make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { s.prober.Run(ctx) })
	wg.Go(func() { s.keepOn(ctx, lease) })
	go func() {
		defer close(s.done)
		wg.Wait()
	}()
}

func (s *siteProbes) wake() {
	select {
	case s.turned <- struct{}{}:
	default:
	}
}

// keepOn keeps what is seen: at once when a site has failed or answers again, otherwise now and then.
func (s *siteProbes) keepOn(ctx context.Context, lease run.Lease) {
	t := time.NewTicker(keepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.turned:
		case <-t.C:
		}
		s.keep(ctx, lease)
	}
}

// keepDeadline is how long one write of the looks may take.
const keepDeadline = 5 * time.Second

// keep has no error to give: when the journal cannot be written, the run ends by its own writes.
func (s *siteProbes) keep(ctx context.Context, lease run.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepDeadline)
	defer cancel()
	memo, err := json.Marshal(s.seen())
	if err == nil {
		err = s.notes.Commit(ctx, lease, run.Checkpoint{Step: keptAs, Status: run.Started, Memo: memo, At: time.Now()})
	}
	if err != nil {
		slog.Debug("keep what the sites' probes have seen", "maintenance", string(lease.Maintenance), "error", err)
	}
}

func (s *siteProbes) seen() kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prober == nil {
		return kept{}
	}
	s.spans[len(s.spans)-1].To = time.Now().UTC()
	return kept{Watched: append([]maint.Span(nil), s.spans...), Tallies: s.prober.Tallies()}
}

// item is the step that puts the conclusion on record.
func (s *siteProbes) item() run.Item {
	return run.Item{Step: probesStep{s}, Title: "Sites during the maintenance"}
}

type probesStep struct{ *siteProbes }

// probesName is the step's. It takes no time of its own: the sites are asked while the others run.
const probesName = "site-probes"

func (p probesStep) Name() string { return probesName }

func (p probesStep) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var evidence string
	if _, err := rec.Memo(&evidence); err != nil || evidence == "" {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: evidence}, nil
}

func (p probesStep) Apply(ctx context.Context, rec run.Recorder) error {
	seen := p.seen()
	e := maint.SitesProbed{Step: p.Name(), Watched: seen.Watched}
	for _, t := range seen.Tallies {
		e.Sites = append(e.Sites, uptime(t, p.components[t.Name]))
	}
	if err := rec.Say(ctx, "sites-probed", e); err != nil {
		return err
	}
	text, figures := siteFigures(e.Sites)
	if err := rec.Note(ctx, text, figures); err != nil {
		return err
	}
	return rec.Keep(ctx, text)
}

func (p probesStep) Undo(context.Context, run.Recorder) error { return nil }

func uptime(t probe.Tally, component bool) maint.Uptime {
	u := maint.Uptime{Name: t.Name, Component: component, Probes: t.Probes, Failures: t.Failures, Slowest: t.Slowest}
	for _, o := range t.Outages {
		u.Outages = append(u.Outages, maint.Outage{Span: maint.Span{From: o.From.UTC(), To: o.To.UTC()}, Over: o.Over, Failures: o.Failures, Reason: o.Reason})
	}
	return u
}

// siteFigures are of the sites alone: what the plan does to components is announced.
func siteFigures(all []maint.Uptime) (string, maint.Figures) {
	var sites, probes, failures int
	var down time.Duration
	for _, u := range all {
		if !u.Component {
			sites, probes, failures, down = sites+1, probes+u.Probes, failures+u.Failures, down+u.Down()
		}
	}
	if sites == 0 {
		return fmt.Sprintf("Addresses of components asked while it ran: %d.", len(all)), nil
	}
	text := fmt.Sprintf("Sites asked while it ran: %d, %d times in all. Answers that failed: %d.", sites, probes, failures)
	return text, maint.Figures{"site_probes": float64(probes), "site_probe_failures": float64(failures), "site_downtime_s": down.Seconds()}
}
