package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/slack"
	"github.com/lullhq/lull/internal/notify/webhook"
	"github.com/lullhq/lull/internal/subscribe"
)

// ways are those by which lull.yaml lets people be told.
func (a *App) ways() (out []subscribe.Way) {
	s := a.Config.Subscribers
	if s.Email != "" {
		out = append(out, subscribe.Email)
	}
	if s.Webhooks {
		out = append(out, subscribe.Webhook)
	}
	if s.Slack {
		out = append(out, subscribe.Slack)
	}
	return out
}

// subscriptions are how people ask to be told; nil when they cannot.
func (a *App) subscriptions() *httpd.Subscriptions {
	if !a.Config.Subscribers.Set {
		return nil
	}
	return &httpd.Subscriptions{Book: a.store, Ways: a.ways(), Components: a.catalog().Components, Secret: newSigningSecret, Proxies: a.Config.Subscribers.Proxies}
}

// newSigningSecret makes one in the form of Standard Webhooks.
func newSigningSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: Go 1.24 on ends the program instead
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// subscriberChannels adds to a sender what reaches subscribers.
func (a *App) subscriberChannels(into map[string]notify.Channel, guard *netguard.Guard) error {
	s := a.Config.Subscribers
	if s.Email != "" {
		for _, x := range a.Config.Channels {
			if x.ID != s.Email {
				continue
			}
			m, err := a.mailer(x.Email, guard)
			if err != nil {
				return fmt.Errorf("channel %s: %w", x.ID, err)
			}
			into[subscribe.Email.Channel()] = m
		}
	}
	if s.Webhooks {
		into[subscribe.Webhook.Channel()] = hooks{guard}
	}
	if s.Slack {
		into[subscribe.Slack.Channel()] = rooms{guard}
	}
	return nil
}

// hooks are the programs of subscribers, each at an address of its own.
type hooks struct{ guard *netguard.Guard }

// Knows implements notify.Channel.
func (hooks) Knows() bool { return true }

// Send implements notify.Channel.
func (h hooks) Send(ctx context.Context, m notify.Message) error {
	key, err := webhook.ParseKey(m.To.Secret)
	if err != nil {
		return notify.Refuse("what is kept of this subscriber is no key")
	}
	return (&webhook.Hook{Client: h.guard.Client(), URL: m.To.At, Key: key}).Send(ctx, m)
}

// rooms are the rooms in Slack of subscribers.
type rooms struct{ guard *netguard.Guard }

// Knows implements notify.Channel.
func (rooms) Knows() bool { return false }

// Send implements notify.Channel.
func (r rooms) Send(ctx context.Context, m notify.Message) error {
	return (&slack.Channel{Client: r.guard.Client(), URL: m.To.At}).Send(ctx, m)
}

// forgetEvery is how often what nobody has confirmed is taken out. It is kept for days.
const forgetEvery = time.Hour

// forgetting takes out what nobody has confirmed, until ctx ends. Of several servers each does, and the others find nothing.
func (a *App) forgetting(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.store.ForgetUnconfirmed(ctx, a.now()); err != nil && ctx.Err() == nil {
			slog.Warn("look after subscribers", "error", err)
		}
		pause(ctx, forgetEvery)
	}
}

// Subscribers gives up to limit of them after one, in order.
func (a *App) Subscribers(ctx context.Context, after int64, limit int) ([]subscribe.Subscriber, error) {
	return a.store.List(ctx, after, limit)
}

// AddSubscriber makes an address active without asking it: the operator knows that it has agreed.
func (a *App) AddSubscriber(ctx context.Context, s subscribe.Subscriber) (changed bool, err error) {
	if s.Address, err = s.Way.Address(s.Address); err != nil {
		return false, err
	}
	if s.Choice, err = s.Choice.Check(a.componentIDs(), config.Languages); err != nil {
		return false, err
	}
	n, err := a.putSubscribers(ctx, []subscribe.Subscriber{s})
	return n > 0, err
}

func (a *App) putSubscribers(ctx context.Context, all []subscribe.Subscriber) (int, error) {
	for i := range all {
		if all[i].Way == subscribe.Webhook && all[i].Secret == "" {
			all[i].Secret = newSigningSecret()
		}
	}
	return a.store.Put(ctx, a.now(), all...)
}

func (a *App) componentIDs() (out []string) {
	for _, c := range a.Config.Components {
		out = append(out, c.ID)
	}
	return out
}

// RemoveSubscriber forgets an address.
func (a *App) RemoveSubscriber(ctx context.Context, way subscribe.Way, address string) error {
	address, err := way.Address(address)
	if err != nil {
		return err
	}
	return hint.Or(a.store.Remove(ctx, way, address, a.now()), "lull subscribers list")
}

// SuppressAddress has nothing sent to an address of mail any more.
func (a *App) SuppressAddress(ctx context.Context, address, reason string) error {
	address, err := subscribe.Email.Address(address)
	if err != nil {
		return err
	}
	return a.store.Suppress(ctx, address, reason, a.now())
}

// SuppressReported does so for every address that a message of a mail server or a provider tells of, and gives them.
func (a *App) SuppressReported(ctx context.Context, message io.Reader) ([]subscribe.Returned, error) {
	found, err := subscribe.ReadReport(message)
	if err != nil {
		return nil, hint.Or(err, "pipe the whole message that came back to: lull subscribers suppress --report")
	}
	for _, r := range found {
		err = errors.Join(err, a.store.Suppress(ctx, r.Address, r.Reason, a.now()))
	}
	return found, err
}

// importedAtOnce is how many are written in one transaction.
const importedAtOnce = 1000

// ImportSubscribers reads a list and makes all in it active, but for those that it says have left, are suppressed or never confirmed.
// All are looked at before one is kept.
func (a *App) ImportSubscribers(ctx context.Context, list io.Reader) (changed int, err error) {
	all, err := subscribe.ReadList(list, []subscribe.Kind{subscribe.Maintenances, subscribe.Incidents}, a.componentIDs(), config.Languages)
	if err != nil {
		return 0, err
	}
	var some []subscribe.Subscriber
	for i, s := range all {
		switch s.State {
		case subscribe.Active:
			some = append(some, s)
		case subscribe.Suppressed:
			if s.Way == subscribe.Email {
				if err := a.store.Suppress(ctx, s.Address, s.Reason, a.now()); err != nil {
					return changed, err
				}
			}
		case subscribe.Pending, subscribe.Left:
		}
		if len(some) == importedAtOnce || i == len(all)-1 {
			n, err := a.putSubscribers(ctx, some)
			changed += n
			if err != nil {
				return changed, err
			}
			some = nil
		}
	}
	return changed, nil
}

// ExportSubscribers writes all of them as a list.
func (a *App) ExportSubscribers(ctx context.Context, w io.Writer) error {
	after := int64(0)
	return subscribe.WriteList(w, func() ([]subscribe.Subscriber, error) {
		some, err := a.store.List(ctx, after, importedAtOnce)
		if len(some) > 0 {
			after = some[len(some)-1].ID
		}
		return some, err
	})
}
