package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/discord"
	"github.com/lullhq/lull/internal/notify/intercom"
	"github.com/lullhq/lull/internal/notify/ntfy"
	"github.com/lullhq/lull/internal/notify/opsgenie"
	"github.com/lullhq/lull/internal/notify/pagerduty"
	"github.com/lullhq/lull/internal/notify/slack"
	"github.com/lullhq/lull/internal/notify/teams"
	"github.com/lullhq/lull/internal/notify/telegram"
	"github.com/lullhq/lull/internal/notify/webhook"
)

// channel puts together what sends to one of lull.yaml's channels. Its secrets are read now.
// Channels of one workspace of Intercom share its limit.
func (a *App) channel(x config.Channel, guard *netguard.Guard, workspaces map[string]*intercom.API) (notify.Channel, error) {
	if x.Webhook != nil {
		return a.webhook(x.Webhook, guard)
	}
	switch {
	case x.Chat != nil:
		return chat(x.Chat, guard)
	case x.Telegram != nil:
		token, err := config.ReadPassword(x.Telegram.Token)
		return &telegram.Channel{Client: guard.Client(), Server: server(x.Telegram.Server, telegram.Server), Token: token.Reveal(), Chat: x.Telegram.Chat}, err
	case x.Windows != nil:
		return windows(x.Windows, guard)
	case x.Intercom != nil:
		return a.workspace(x.Intercom, guard, workspaces)
	}
	return a.mailer(x.Email, guard)
}

func (a *App) workspace(x *config.Intercom, guard *netguard.Guard, known map[string]*intercom.API) (notify.Channel, error) {
	token, err := config.ReadPassword(x.Token)
	if err != nil {
		return nil, err
	}
	at := server(x.Server, intercom.Server)
	api := known[at+" "+token.Reveal()]
	if api == nil {
		api = &intercom.API{Client: guard.Client(), Server: at, Token: token.Reveal(), Now: a.now}
		known[at+" "+token.Reveal()] = api
	}
	if x.Active == 0 {
		return &intercom.News{API: api, Admin: x.Admin, Feeds: x.Feeds, HTML: markdown.HTML}, nil
	}
	return &intercom.Messages{API: api, Admin: x.Admin, Active: x.Active}, nil
}

// server is the one that is named, or else the service's own.
func server(named, own string) string { return strings.TrimSuffix(cmp.Or(named, own), "/") }

func windows(x *config.Windows, guard *netguard.Guard) (notify.Channel, error) {
	secret, err := config.ReadPassword(x.Secret)
	if err != nil {
		return nil, err
	}
	if x.Kind == config.WindowsOpsgenie {
		return &opsgenie.Maintenances{Client: guard.Client(), Server: server(x.Server, opsgenie.Server), Key: secret.Reveal(), Integrations: x.Integrations, Policies: x.Policies}, nil
	}
	return &pagerduty.Windows{Client: guard.Client(), Server: server(x.Server, pagerduty.Server), Token: secret.Reveal(), From: x.From, Services: x.Services}, nil
}

func chat(x *config.Chat, guard *netguard.Guard) (notify.Channel, error) {
	url, err := x.Address.Read()
	if err != nil {
		return nil, err
	}
	var token config.Secret
	if x.Secret != "" {
		if token, err = config.ReadPassword(x.Secret); err != nil {
			return nil, err
		}
	}
	switch x.Kind {
	case "slack":
		return &slack.Channel{Client: guard.Client(), URL: url.Reveal()}, nil
	case "discord":
		return &discord.Channel{Client: guard.Client(), URL: url.Reveal()}, nil
	case "teams":
		return &teams.Channel{Client: guard.Client(), URL: url.Reveal()}, nil
	case "ntfy":
		return &ntfy.Channel{Client: guard.Client(), URL: url.Reveal(), Token: token.Reveal()}, nil
	}
	return nil, fmt.Errorf("unknown kind %s", x.Kind)
}

func (a *App) webhook(x *config.Webhook, guard *netguard.Guard) (notify.Channel, error) {
	url, err := x.Address.Read()
	if err != nil {
		return nil, err
	}
	h := &webhook.Hook{Client: guard.Client(), URL: url.Reveal()}
	if x.Body == config.BodyStatuspage {
		h.Body = a.statuspageBody
	}
	if x.Secret == "" {
		return h, nil
	}
	secret, err := config.ReadPassword(x.Secret)
	if err != nil {
		return nil, err
	}
	if h.Key, err = webhook.ParseKey(secret.Reveal()); err != nil {
		return nil, hint.Wrap(fmt.Errorf("read %s: %w", x.Secret, err), `make one: printf 'whsec_%s\n' "$(openssl rand -base64 32)" > `+x.Secret)
	}
	return h, nil
}

// statuspageBody is what Statuspage's own webhooks would say now.
func (a *App) statuspageBody(ctx context.Context, m notify.Message) ([]byte, error) {
	page, err := a.Page(ctx)
	if err != nil {
		return nil, err
	}
	found, ok := page.Find(m.Notice.Subject)
	if !ok {
		return nil, fmt.Errorf("maintenance %s is not on the page", m.Notice.Subject)
	}
	o := feed.Origin{Name: a.Config.Organization, URL: a.Config.Server.URL, Strict: a.Config.Page.Indicator == config.IndicatorNone}
	return json.Marshal(o.Statuspage(page).Webhook(found, a.now()))
}
