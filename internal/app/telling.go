package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/intercom"
	"github.com/lullhq/lull/internal/run"
)

const (
	// sending is the lease of the one replica that sends. No plan has a name with a slash.
	sending maint.ID = "serve/notices"

	sendLook = time.Second // from one look at what is due to the next
)

// book is everyone whom lull.yaml names.
func book(c *config.Config) (out notify.Book) {
	for _, x := range c.Channels {
		if x.Widget != nil {
			continue // whoever is there is told there: see internal/inapp
		}
		one := notify.Address{Channel: x.ID, Language: x.Language, Zone: x.Zone}
		if x.Windows != nil {
			one.Mirrors = maint.AMaintenance
		}
		if x.Intercom != nil && x.Intercom.Active == 0 {
			one.Mirrors = maint.AChange
		}
		if x.Intercom != nil && x.Intercom.Active > 0 {
			one.Recipient = notify.Everyone
			out = append(out, one)
			continue
		}
		if x.Email == nil {
			one.Recipient = x.ID
			out = append(out, one)
			continue
		}
		for _, r := range x.Email.To {
			to := one
			to.Recipient, to.Language, to.Zone = r.Address, cmp.Or(r.Language, x.Language), cmp.Or(r.Zone, x.Zone)
			out = append(out, to)
		}
	}
	return out
}

// sender puts together what sends; nil when there is no channel.
func (a *App) sender(log *slog.Logger) (*notify.Sender, error) {
	if len(a.Config.Channels) == 0 && !a.Config.Subscribers.Set {
		return nil, nil
	}
	words, err := a.words()
	if err != nil {
		return nil, err
	}
	s := &notify.Sender{
		Queue: a.store, Channels: map[string]notify.Channel{}, Book: book(a.Config), Words: words,
		Now: a.now, Jitter: rand.Float64, Pause: pause, Log: log,
	}
	guard := a.guard()
	workspaces := map[string]*intercom.API{}
	for _, x := range a.Config.Channels {
		if x.Widget != nil {
			continue
		}
		if s.Channels[x.ID], err = a.channel(x, guard, workspaces); err != nil {
			return nil, fmt.Errorf("channel %s: %w", x.ID, err)
		}
	}
	return s, a.subscriberChannels(s.Channels, guard)
}

// telling sends what is due until ctx ends, whenever it has the lease.
func (a *App) telling(s *notify.Sender) func(context.Context) {
	return func(ctx context.Context) {
		for ctx.Err() == nil {
			lease, err := a.store.Acquire(ctx, sending)
			switch {
			case err == nil:
				a.send(ctx, s, lease)
				pause(ctx, sendLook) // a write failed: the next lease takes what is left
				continue
			case !errors.Is(err, run.ErrLeaseHeld) && ctx.Err() == nil:
				slog.Warn("ask for the lease of the notices", "error", err)
			}
			pause(ctx, leaseLook)
		}
	}
}

// send goes on until an error: what a write has left undecided belongs to the next lease.
func (a *App) send(ctx context.Context, s *notify.Sender, lease run.Lease) {
	defer release(ctx, a.store, lease)
	for ctx.Err() == nil {
		if err := s.Work(ctx, lease); err != nil && ctx.Err() == nil {
			slog.Warn("send notices", "error", err)
			return
		}
		pause(ctx, sendLook)
	}
}

// Deliveries lists some, the newest first.
func (a *App) Deliveries(ctx context.Context, p notify.Page) ([]notify.Delivery, error) {
	return a.store.Deliveries(ctx, p)
}

// RetryDelivery makes one that was given up wait again.
func (a *App) RetryDelivery(ctx context.Context, id int64) error {
	return hint.Or(a.store.Retry(ctx, id, a.now()), "lull deliveries list --state dead")
}
