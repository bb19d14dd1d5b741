package app

import (
	"fmt"
	"log/slog"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd/widget"
	"github.com/lullhq/lull/internal/inapp"
)

// widget puts together what talks to people inside of products; nil when lull.yaml names no product.
func (a *App) widget(log *slog.Logger) (*widget.Widget, error) {
	channels := map[string]widget.Channel{}
	for _, x := range a.Config.Channels {
		if x.Widget == nil {
			continue
		}
		keys, err := widgetKeys(x.Widget.Keys)
		if err != nil {
			return nil, fmt.Errorf("channel %s: %w", x.ID, err)
		}
		channels[x.ID] = widget.Channel{
			Keys: keys, Origins: x.Widget.Origins, Language: x.Language,
			Audience: inapp.Audience{Traits: x.Widget.To, Active: x.Widget.Active},
		}
	}
	if len(channels) == 0 {
		return nil, nil
	}
	words, err := a.words()
	if err != nil {
		return nil, err
	}
	return widget.New(widget.Options{Channels: channels, Desk: a.store, Words: words, Now: a.now, Log: log}), nil
}

func widgetKeys(path string) (inapp.Keys, error) {
	text, err := config.ReadKeys(path)
	if err != nil {
		return inapp.Keys{}, err
	}
	keys, err := inapp.ParseKeys(text.Reveal())
	if err != nil {
		return keys, hint.Wrap(fmt.Errorf("read %s: %w", path, err), `make one: printf '%s HS256 %s\n' "$(date +%Y-%m)" "$(openssl rand -base64 32)" > `+path+" && chmod 600 "+path)
	}
	return keys, nil
}
