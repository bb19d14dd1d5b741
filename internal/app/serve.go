package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd"
	"github.com/lullhq/lull/internal/httpd/api"
	"github.com/lullhq/lull/internal/httpd/widget"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// collectAt lets the heap grow further between two collections than Go does by itself: what a server keeps is a few MB, and
// what requests leave behind need not be collected every 4 MB. GOGC in the environment has its own way.
const collectAt = 400

// Serve serves the status page until ctx ends, with all that goes on beside it. Listening is told with the page's address.
func (a *App) Serve(ctx context.Context, listening func(url string)) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	l, err := listen(ctx, "server.listen", a.Config.Server.Listen)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	p := a.newProber()
	inside, err := a.widget(slog.Default())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s, err := a.server(a.store.Wake(ctx), p.counts, inside)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	besides, err := a.besides(ctx, s)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if inside != nil {
		besides = append(besides, inside.Run)
	}
	for _, do := range append(besides, p.run) {
		others.Go(func() { do(ctx) })
	}
	listening(a.Config.Server.URL + "/")
	return s.Serve(ctx, l)
}

// besides is what a server does while it serves, each until its ctx ends.
func (a *App) besides(ctx context.Context, s *httpd.Server) (out []func(context.Context), err error) {
	if addr := a.Config.Server.Metrics; addr != "" {
		l, err := listen(ctx, "server.metrics", addr)
		if err != nil {
			return nil, err
		}
		out = append(out, func(ctx context.Context) { s.ServeMetrics(ctx, l) })
	}
	sender, err := a.sender(slog.Default())
	if err != nil {
		return nil, err
	}
	if sender != nil {
		out = append(out, a.telling(sender))
	}
	out = append(out, a.publishing)
	if a.Config.Subscribers.Set {
		out = append(out, a.digesting, a.forgetting)
	}
	if a.Config.Snapshot.Set() {
		keep, err := a.keeper(s)
		if err != nil {
			return nil, err
		}
		out = append(out, keep)
	}
	return out, nil
}

// listen opens an address that is named by that key of lull.yaml.
func listen(ctx context.Context, key, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, hint.Errorf("name another address in "+key+" of lull.yaml, or stop what uses it: ss -ltnp 'sport = :"+port(addr)+"'", "port %s is in use: %s cannot be listened on", port(addr), addr)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("listen on %s: %w", addr, err), "name another address in "+key+" of lull.yaml")
	}
	return l, nil
}

// server is the public face of this configuration's record. Hints tell it when to look; it looks without them, too.
// Probes are counted for the metrics, and inside is for people in products; nil = there are none.
func (a *App) server(hints <-chan struct{}, probes func() []httpd.ProbeCount, inside *widget.Widget) (*httpd.Server, error) {
	look, err := a.look()
	if err != nil {
		return nil, err
	}
	src := a.source()
	src.hints = hints
	opts := httpd.Options{
		Source: src, Now: a.now,
		Organization: a.Config.Organization, Catalog: a.catalog(), URL: a.Config.Server.URL,
		Look: look, Languages: a.Config.Page.Languages, Strict: a.Config.Page.Indicator == config.IndicatorNone, API: a.api(slog.Default()), Probes: probes,
		Picture: a.picture, Subscribe: a.subscriptions(), Poll: a.poll,
	}
	if inside != nil {
		opts.Widget = inside
	}
	return httpd.New(opts), nil
}

// api is what programs elsewhere may ask for.
func (a *App) api(log *slog.Logger) *api.API {
	return api.New(api.Options{
		Record: a, Archive: a, Maintenances: a, Incidents: a, Components: a, Changes: a, Subscribers: a,
		Tokens: a.store, URL: a.Config.Server.URL, Now: a.now, Log: log,
	})
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
	file  storeFile
	now   func() time.Time
	hints <-chan struct{} // that the record may have grown; nil = there are none
}

func (a *App) source() source { return source{store: a.store, file: a.file, now: a.now} }

// Read implements httpd.Source.
func (s source) Read(ctx context.Context, after int64, limit int) ([]timeline.PublicEntry, int64, error) {
	if err := s.file.present(); err != nil {
		return nil, 0, err
	}
	entries, err := s.store.Read(ctx, after, limit)
	if err != nil || len(entries) == 0 {
		return nil, after, err
	}
	return timeline.Public(entries), entries[len(entries)-1].Seq, nil
}

// Await implements httpd.Source. Without hints it ends with ctx.
func (s source) Await(ctx context.Context, _ int64) {
	select {
	case <-ctx.Done():
	case <-s.hints:
	}
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
