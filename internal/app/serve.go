package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Serve serves the status page until ctx ends. Listening is told with the page's address.
func (a *App) Serve(ctx context.Context, listening func(url string)) error {
	look, err := a.look()
	if err != nil {
		return err
	}
	addr := a.Config.Server.Listen
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return hint.Errorf("name another address in server.listen of lull.yaml, or stop what uses it: ss -ltnp 'sport = :"+port(addr)+"'", "port %s is in use: %s cannot be listened on", port(addr), addr)
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("listen on %s: %w", addr, err), "name another address in server.listen of lull.yaml")
	}
	s := httpd.New(httpd.Options{Source: source{a.store, a.now}, Now: a.now, Organization: a.Config.Organization, Catalog: a.catalog(), URL: a.Config.Server.URL,
		Look: look, Languages: a.Config.Page.Languages})
	stop := a.newProber().start(ctx)
	defer stop()
	listening(a.Config.Server.URL + "/")
	return s.Serve(ctx, l)
}

// catalog is what lull.yaml says that there is, as far as it is public.
func (a *App) catalog() view.Catalog {
	out := view.Catalog{Zone: a.Config.Zone}
	for _, c := range a.Config.Components {
		out.Components = append(out.Components, view.Listed{ID: c.ID, Name: c.Name, Description: c.Description, Group: c.Group})
	}
	return out
}

func port(addr string) string {
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if _, err := strconv.Atoi(p); err != nil {
		return addr
	}
	return p
}

// source is the store as the status page may see it: public entries and public words.
type source struct {
	store *store.Store
	now   func() time.Time
}

// Read implements httpd.Source.
func (s source) Read(ctx context.Context, after int64, limit int) ([]timeline.PublicEntry, int64, error) {
	entries, err := s.store.Read(ctx, after, limit)
	if err != nil || len(entries) == 0 {
		return nil, after, err
	}
	return timeline.Public(entries), entries[len(entries)-1].Seq, nil
}

// silence is how old a sample may be before nobody is at work any more.
const silence = 30 * time.Second

// Progress implements httpd.Source.
func (s source) Progress(ctx context.Context) (map[maint.ID]view.Progress, error) {
	newest, err := s.store.Newest(ctx)
	if err != nil {
		return nil, err
	}
	out := map[maint.ID]view.Progress{}
	for id, p := range newest {
		if s.now().Sub(p.At) < silence {
			out[id] = publicProgress(p)
		}
	}
	return out, nil
}

// publicProgress keeps the public line and the share that is done. The operator's words stay behind.
func publicProgress(p run.Progress) view.Progress {
	out := view.Progress{Text: p.Public, Fraction: -1, At: p.At}
	if out.Text == "" {
		out.Text = p.Title
	}
	if p.Total > 0 {
		out.Fraction = min(1, max(0, p.Done/p.Total))
	}
	return out
}
