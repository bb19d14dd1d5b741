package app

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

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
		ring := &keyring{path: x.Widget.Keys, log: log}
		if err := ring.read(); err != nil {
			return nil, fmt.Errorf("channel %s: %w", x.ID, err)
		}
		channels[x.ID] = widget.Channel{
			Keys: ring.now, Origins: x.Widget.Origins, Language: x.Language,
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

// keyring reads the keys of a product again when their file has changed, so that one can take another's place while people listen.
type keyring struct {
	path string
	log  *slog.Logger

	mu     sync.Mutex
	keys   inapp.Keys
	file   os.FileInfo // as it was when it was read last
	looked time.Time
}

const keysLook = time.Second // from one look at the file to the next

// now gives the keys. From a file that cannot be read nothing is taken: those that held go on.
func (k *keyring) now() inapp.Keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t := time.Now(); t.Sub(k.looked).Abs() >= keysLook {
		k.looked = t
		if info, err := os.Stat(k.path); err == nil && !unchanged(info, k.file) {
			if err := k.read(); err != nil {
				k.file = info // it is said once
				k.log.Warn("the keys of a product were changed and do not hold: those from before do", "error", err)
			}
		}
	}
	return k.keys
}

func unchanged(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// read looks at the file before it reads: what is written in between is seen at the next look.
func (k *keyring) read() error {
	info, err := os.Stat(k.path)
	if err != nil {
		info = nil // reading says it better
	}
	keys, err := widgetKeys(k.path)
	if err == nil {
		k.keys, k.file = keys, info
	}
	return err
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
