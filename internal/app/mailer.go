package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/email"
)

// mailer puts a channel for mail together. Its secrets are read now.
func (a *App) mailer(x *config.Email, guard *netguard.Guard) (notify.Channel, error) {
	host, port, err := net.SplitHostPort(x.SMTP)
	if err != nil {
		return nil, err
	}
	m := &email.Mailer{From: x.From, Calendar: a.calendarOf, Server: email.Server{Host: host, TLS: x.TLS, User: x.User, Dial: guard.Dial}}
	if m.Server.Port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	if x.Secret != "" {
		password, err := config.ReadPassword(x.Secret)
		if err != nil {
			return nil, err
		}
		m.Server.Password = password.Reveal()
	}
	if x.Leave != nil {
		key, err := config.ReadPassword(x.Leave.Secret)
		if err != nil {
			return nil, err
		}
		m.Leave = email.Leaver(x.Leave.URL, []byte(key.Reveal()))
	}
	if x.DKIM == nil {
		return m, nil
	}
	key, err := os.ReadFile(x.DKIM.Key)
	if err != nil {
		return nil, hint.Wrap(err, "correct key_file in lull.yaml")
	}
	if m.Sign, err = email.Signer(x.DKIM.Domain, x.DKIM.Selector, key); err != nil {
		return nil, hint.Wrap(fmt.Errorf("read %s: %w", x.DKIM.Key, err), "make one: openssl genrsa -out "+x.DKIM.Key+" 2048")
	}
	return m, nil
}

// calendarOf is the calendar of the one maintenance that a notice is about, as things stand.
func (a *App) calendarOf(ctx context.Context, n notify.Notice) ([]byte, error) {
	page, err := a.Page(ctx)
	if err != nil {
		return nil, err
	}
	o := feed.Origin{Name: a.Config.Organization, URL: a.Config.Server.URL}
	for _, c := range o.Calendars(page) {
		if c.Path == feed.PathOf(n.Subject)+".ics" {
			return c.Encode(o, page), nil
		}
	}
	return nil, fmt.Errorf("maintenance %s is not on the page", n.Subject)
}
