package app

import (
	"context"
	"sync"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/sites"
)

// lateBanner has the sites say so when the work will end later than they were told: else the banner would be gone from
// them at the end of the window, while the work goes on. It does that beside the steps, and never beside one that
// switches the banner itself.
type lateBanner struct {
	app *App
	p   *config.Plan

	sites sync.Mutex // whoever switches the banner
	wake  chan struct{}
	done  chan struct{}
}

// keepBannerTrue begins, and has the steps among the items that switch the banner keep to it.
func (a *App) keepBannerTrue(ctx context.Context, p *config.Plan, items []run.Item) *lateBanner {
	l := &lateBanner{app: a, p: p, wake: make(chan struct{}, 1), done: make(chan struct{})}
	for i, it := range items {
		if step, ok := it.Step.(*sites.BannerStep); ok {
			items[i].Step = oneSwitch{step, &l.sites}
		}
	}
	go func() {
		defer close(l.done)
		for range l.wake {
			l.follow(ctx)
		}
	}()
	return l
}

// late is told that the end is expected at another time. It does not wait.
func (l *lateBanner) late() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look at the record anyway
	}
}

func (l *lateBanner) follow(ctx context.Context) {
	l.sites.Lock()
	defer l.sites.Unlock()
	past, err := l.app.history(ctx, l.p.ID)
	if err != nil || !bannerIsOn(past) {
		return
	}
	if b, err := l.app.bannerNow(ctx, l.p); err == nil {
		_, _ = l.app.publish(ctx, l.p.ID, b, true, l.app.sites(), nil) // what failed is on record, site by site
	}
}

// end waits for what has begun. Nobody is late any more.
func (l *lateBanner) end() {
	close(l.wake)
	<-l.done
}

// oneSwitch is a step that switches the banner while nobody else does.
type oneSwitch struct {
	*sites.BannerStep
	mu *sync.Mutex
}

// Apply implements run.Step.
func (s oneSwitch) Apply(ctx context.Context, rec run.Recorder) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.BannerStep.Apply(ctx, rec)
}
