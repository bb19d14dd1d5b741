package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/discord"
	"github.com/lullhq/lull/internal/notify/ntfy"
	"github.com/lullhq/lull/internal/notify/slack"
	"github.com/lullhq/lull/internal/notify/teams"
	"github.com/lullhq/lull/internal/notify/webhook"
	"github.com/lullhq/lull/internal/phrase"
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
		one := notify.Address{Channel: x.ID, Language: x.Language, Zone: x.Zone}
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
	if len(a.Config.Channels) == 0 {
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
	guard := netguard.New(a.Config.Notices.Private...)
	for _, x := range a.Config.Channels {
		if s.Channels[x.ID], err = a.channel(x, guard); err != nil {
			return nil, fmt.Errorf("channel %s: %w", x.ID, err)
		}
	}
	return s, nil
}

func (a *App) channel(x config.Channel, guard *netguard.Guard) (notify.Channel, error) {
	if x.Webhook != nil {
		return a.webhook(x.Webhook, guard)
	}
	if x.Chat != nil {
		return chat(x.Chat, guard)
	}
	return a.mailer(x.Email, guard)
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

// words are Lull's own, and over them those in the operator's folder.
func (a *App) words() (notify.Words, error) {
	w := notify.Words{Organization: a.Config.Organization, Page: a.Config.Server.URL, Language: "en"}
	if len(a.Config.Page.Languages) > 0 {
		w.Language = a.Config.Page.Languages[0]
	}
	if a.Config.Notices.Words == "" {
		return w, nil
	}
	own, err := readTexts(a.Config.Notices.Words, a.Config.Channels)
	w.Own = own
	return w, err
}

const mostText = 64 << 10

// readTexts reads a folder of files such as ahead.en.txt, and ahead.en.customers.txt for one channel.
func readTexts(dir string, channels []config.Channel) (notify.Texts, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the words of notices: %w", err), "make the folder, or take words out of notices in lull.yaml")
	}
	known := textNames(channels)
	out := notify.Texts{}
	for _, f := range files {
		name, isText := strings.CutSuffix(f.Name(), ".txt")
		if !isText {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if !slices.Contains(known, name) {
			return nil, hint.Errorf("call it such as "+known[0]+".txt", "%s is the text of no notice", path)
		}
		if out[name], err = readText(path); err != nil {
			return nil, hint.Or(fmt.Errorf("%s: %w", path, err), "correct it, then look at it with: lull notices preview plan.yaml")
		}
	}
	return out, nil
}

func readText(path string) (*notify.Text, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() || info.Size() > mostText {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no file, or too large")}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return notify.ParseText(string(data))
}

// textNames are all that a text can be called.
func textNames(channels []config.Channel) (out []string) {
	for _, k := range notify.Kinds {
		for _, lang := range phrase.Languages {
			out = append(out, notify.TextName(k, lang, ""))
			for _, c := range channels {
				out = append(out, notify.TextName(k, lang, c.ID))
			}
		}
	}
	return out
}

// telling sends what is due until ctx ends, whenever it has the lease.
func (a *App) telling(s *notify.Sender) func(context.Context) {
	return func(ctx context.Context) {
		for ctx.Err() == nil {
			lease, err := a.store.Acquire(ctx, sending)
			switch {
			case err == nil:
				a.send(ctx, s, lease)
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

// Deliveries lists those of some states, or all, the newest first.
func (a *App) Deliveries(ctx context.Context, states ...notify.State) ([]notify.Delivery, error) {
	return a.store.Deliveries(ctx, states...)
}

// RetryDelivery makes one that was given up wait again.
func (a *App) RetryDelivery(ctx context.Context, id int64) error {
	return hint.Or(a.store.Retry(ctx, id, a.now()), "lull deliveries list --state dead")
}
