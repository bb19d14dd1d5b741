package app

import (
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/probe"
	"github.com/lullhq/lull/internal/run"
)

// siteProbes asks every site once a second while the maintenance runs, so that "the
// sites stayed up" is a figure and not a feeling.
type siteProbes struct {
	prober *probe.Prober
	sites  int
}

func (a *App) newSiteProbes() *siteProbes {
	var targets []probe.Target
	for _, s := range a.sites() {
		if s.URL != "" {
			targets = append(targets, probe.Target{Name: s.Name, URL: s.URL})
		}
	}
	return &siteProbes{prober: probe.New(targets, time.Second), sites: len(targets)}
}

func (s *siteProbes) any() bool { return s.sites > 0 }

// start probes until stop is called.
func (s *siteProbes) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.prober.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// item is the step that puts the conclusion on record.
func (s *siteProbes) item() run.Item {
	return run.Item{Step: probesStep{s}, Title: "Sites during the maintenance"}
}

type probesStep struct{ *siteProbes }

func (p probesStep) Name() string { return "site-probes" }

func (p probesStep) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var evidence string
	if _, err := rec.Memo(&evidence); err != nil || evidence == "" {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: evidence}, nil
}

func (p probesStep) Apply(ctx context.Context, rec run.Recorder) error {
	probes, failures := 0, 0
	for _, t := range p.prober.Summary() {
		probes, failures = probes+t.Probes, failures+t.Failures
		for _, o := range t.Outages {
			text := fmt.Sprintf("%s did not answer from %s to %s.", t.Name, o.From.UTC().Format(time.TimeOnly), o.To.UTC().Format(time.TimeOnly+" UTC"))
			if err := rec.Note(ctx, text, maint.Figures{"outage_s": o.To.Sub(o.From).Seconds()}); err != nil {
				return err
			}
		}
	}
	text := fmt.Sprintf("Sites asked while it ran: %d, %d times in all. Answers that failed: %d.", p.sites, probes, failures)
	if err := rec.Note(ctx, text, maint.Figures{"site_probes": float64(probes), "site_probe_failures": float64(failures)}); err != nil {
		return err
	}
	return rec.Keep(ctx, fmt.Sprintf("%d probes, %d failed", probes, failures))
}

func (p probesStep) Undo(context.Context, run.Recorder) error { return nil }
