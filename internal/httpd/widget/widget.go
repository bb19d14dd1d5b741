// Package widget is the part of the server that talks to people who are signed in to a product: what they are
// told, on a stream of their own, and what they made of it.
//
// It reads and writes through inapp.Desk and must not know of the store, of files, or of what anyone else may read. Nobody is
// known by a cookie: each request carries a token that the product has signed.
package widget

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/view"
)

// Root is where it lies.
const Root = "/widget"

// Channel is one product.
type Channel struct {
	Keys     func() inapp.Keys // those that hold now
	Origins  []string          // of its pages
	Audience inapp.Audience
	Language string // of people whose token names none, "" = the default
}

// Options are what the widget needs to know.
type Options struct {
	Channels map[string]Channel
	Desk     inapp.Desk
	Words    notify.Words
	Now      func() time.Time // time.Now when nil
	Log      *slog.Logger     // slog.Default when nil
}

// Bounds, each a promise.
const (
	mostStreams   = 10_000                 // people who listen at once; who comes then is told to come back
	mostOfOne     = 10                     // streams of one person
	mostBody      = 8 << 10                // of a request
	bodyTime      = 5 * time.Second        // to send it
	mostToken     = 4 << 10                // of a token
	mostInOne     = 50                     // messages and posts in one request
	markEvery     = 500 * time.Millisecond // and person, once the burst is used up
	markBurst     = 40                     //
	comeEvery     = time.Second            // a stream, and person, once the burst is used up
	comeBurst     = 20                     //
	throttled     = 100_000                // people that are counted
	writeTimeout  = 10 * time.Second       // one event
	beatEvery     = 15 * time.Second       //
	lookEvery     = time.Second            // from one look at what other servers have written to the next
	lookTimeout   = 5 * time.Second        // one look
	retryAfter    = "10"                   // seconds, for whoever finds no room
	hereEvery     = 5 * time.Minute        // between two notes that somebody is still here
	countsEvery   = 2 * time.Second        // age of the counts of reactions that anyone may see
	forgetAfter   = 400 * 24 * time.Hour   // since somebody was last here
	forgetEvery   = time.Hour
	forgetAtOnce  = 500
	mostGathered  = 500                   // changes in one transaction
	gatherFor     = 20 * time.Millisecond // that changes wait for others
	preflightKept = "7200"                // seconds that a browser may remember which origin may ask
)

// Widget answers what is below Root.
type Widget struct {
	opts         Options
	mux          *http.ServeMux
	marks, comes *auth.Throttle

	world   atomic.Pointer[world]
	page    atomic.Pointer[view.PageModel]
	kick    chan struct{}
	changes chan waiting
	ended   chan struct{} // closed when Run has ended: nothing is told or written down any more
	tally   tally

	mu       sync.Mutex
	sessions map[inapp.Who]map[*session]struct{}
	count    int
	touched  int64 // position up to which others' changes are known; only Run touches it
}

// New makes a widget. It answers once Show was called, and Run works.
func New(opts Options) *Widget {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	w := &Widget{
		opts: opts, mux: http.NewServeMux(), sessions: map[inapp.Who]map[*session]struct{}{},
		marks: auth.NewThrottle(markEvery, markBurst, throttled), comes: auth.NewThrottle(comeEvery, comeBurst, throttled),
		kick: make(chan struct{}, 1), changes: make(chan waiting), ended: make(chan struct{}),
	}
	w.mux.HandleFunc("GET "+Root+"/{channel}/stream", w.signed(w.stream))
	w.mux.HandleFunc("POST "+Root+"/{channel}/marks", w.signed(w.mark))
	w.mux.HandleFunc("OPTIONS "+Root+"/{channel}/{rest}", w.preflight)
	w.mux.HandleFunc("GET "+Root+"/reactions.json", w.reactions)
	return w
}

// ServeHTTP implements http.Handler.
func (w *Widget) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Cache-Control", "no-store")
	w.mux.ServeHTTP(rw, r)
}

// Show tells what the page is now. turned: by more than the progress of the work.
func (w *Widget) Show(page view.PageModel, turned bool) {
	w.page.Store(&page)
	if turned || w.world.Load() == nil {
		w.look()
		return
	}
	w.each(func(s *session) { s.progressed(page) })
}

func (w *Widget) look() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// Run keeps what people are told true, until ctx ends. Then it lets go of those who listen: they would never go by themselves. It runs once.
func (w *Widget) Run(ctx context.Context) {
	var writing sync.WaitGroup
	defer close(w.ended)
	defer writing.Wait()
	writing.Go(func() { w.gather(ctx) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	forgetting := w.opts.Now()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-w.kick:
			w.refresh(ctx)
		case <-tick.C:
			if old := w.world.Load(); old == nil || old.due(w.opts.Now()) {
				w.refresh(ctx)
			}
			w.elsewhere(ctx)
		}
		if now := w.opts.Now(); !now.Before(forgetting) {
			forgetting = now.Add(forgetEvery)
			w.forget(ctx, now)
		}
	}
}

// refresh reads what is to be told now, and tells who listens. After an error what was told stays, and the next tick looks again.
func (w *Widget) refresh(ctx context.Context) {
	page := w.page.Load()
	if page == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	now := w.opts.Now()
	told, next, err := w.opts.Desk.Notices(ctx, now)
	if err != nil {
		w.opts.Log.Warn("read what people in the app are told", "error", err)
		if old := w.world.Load(); old != nil {
			w.world.Store(old.stale())
		}
		return
	}
	w.world.Store(newWorld(*page, inapp.Current(told, *page, now), next, (feed.Origin{}).WidgetNotices(*page)))
	w.each(func(s *session) { s.turned() })
}

// elsewhere tells the sessions of people who did something on another device, by whatever server.
func (w *Widget) elsewhere(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for {
		who, next, err := w.opts.Desk.Touched(ctx, w.touched)
		if err != nil {
			w.opts.Log.Warn("look what people did on other devices", "error", err)
		}
		if err != nil || len(who) == 0 {
			return
		}
		w.touched = next
		for _, one := range who {
			w.reread(one)
		}
	}
}

func (w *Widget) forget(ctx context.Context, now time.Time) {
	for ctx.Err() == nil {
		n, err := w.opts.Desk.Forget(ctx, now.Add(-forgetAfter), forgetAtOnce)
		if err != nil {
			w.opts.Log.Warn("forget who has not been here for long", "error", err)
		}
		if err != nil || n < forgetAtOnce {
			return
		}
	}
}
