// Package httpd is the server: the status page, its live events, and what a probe
// of the server itself asks for.
//
// It reads public entries through a port of its own and must not know of the
// store, of Postgres, or of the runner. It cannot show a private word, because
// none reaches it: the port speaks timeline.PublicEntry.
package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Source is what the server reads.
type Source interface {
	// Read returns public entries with Seq > after, in order, out of the next limit entries
	// of the record, and the Seq up to which it has looked: private entries count as looked at,
	// or a long run of them would hide what follows. next == after means that there is no more.
	Read(ctx context.Context, after int64, limit int) (entries []timeline.PublicEntry, next int64, err error)
	// Await returns when there may be something to read after that Seq, and at the latest when ctx ends. It may
	// be wrong: it only saves readers from waiting for the next look.
	Await(ctx context.Context, after int64)
	// Progress returns the newest sample of each maintenance that is being worked on, in public words.
	Progress(ctx context.Context) (map[maint.ID]view.Progress, error)
}

// Options are what the server needs to know.
type Options struct {
	Source       Source
	Now          func() time.Time // time.Now when nil
	Organization string
	Catalog      view.Catalog
	URL          string   // public address of the page: https switches HSTS on, and a path in it is the base of all others
	Languages    []string // of the pages, the first by default; all that there are when nil
	Look         public.Look
	Strict       bool                              // Statuspage's API says nothing that its documentation does not list
	Poll         time.Duration                     // how often the record is asked; 150 ms when 0
	Log          *slog.Logger                      // slog.Default when nil
	Subscribe    *Subscriptions                    // nil = nobody can ask to be told
	Picture      func(file string) ([]byte, error) // reads a kept picture of a post; may be nil
	API          http.Handler                      // answers below /api/v1/; may be nil
	Widget       Widget                            // answers below /widget/; may be nil
	Probes       func() []ProbeCount               // for the metrics; nil when nothing is probed
}

// Widget is what talks to people who are signed in to a product.
type Widget interface {
	http.Handler
	// Show tells what the page is now. turned: by more than the progress of the work. It must not wait for anything.
	Show(page view.PageModel, turned bool)
}

// Deadlines and bounds. Each is named here because each is a promise.
const (
	defaultPoll    = 150 * time.Millisecond
	readTimeout    = 5 * time.Second  // one look at the record
	staleAfter     = 10 * time.Second // a record unread for so long is said to be old
	heartbeatEvery = 15 * time.Second
	writeTimeout   = 10 * time.Second // one answer, or one event
	drainTimeout   = 2 * time.Second  // requests in flight when the server ends
	batch          = 500
	maxHeader      = 16 << 10
)

// Server shows the record to anyone.
type Server struct {
	opts      Options
	site      public.Site
	hub       *hub
	base      string // the path of the public address, without a slash at its end
	guards    headers
	kinds     map[fileKind]headers
	assets    map[string]*resource
	routes    http.Handler
	snap      atomic.Pointer[snapshot]
	asking    *asking
	tongues   *tongues // of the snapshots; only who makes them touches it
	follower  follower
	http      *http.Server
	ending    atomic.Bool
	counts    counts
	reads     reads
	readAt    atomic.Pointer[time.Time] // when the record was last read, for the metrics
	changed   chan struct{}
	heartbeat time.Duration
}

// New makes a server that has read nothing yet.
func New(opts Options) *Server {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Poll <= 0 {
		opts.Poll = defaultPoll
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	s := &Server{
		opts: opts, site: public.Site{Organization: opts.Organization, URL: opts.URL, Languages: opts.Languages, Look: opts.Look, Strict: opts.Strict, Picture: opts.Picture, Subscribing: opts.Subscribe.offered()},
		hub: newHub(roomForListeners()), heartbeat: heartbeatEvery, guards: guards(opts.URL), kinds: map[fileKind]headers{},
		changed: make(chan struct{}, 1),
	}
	if opts.Subscribe != nil {
		s.asking = newAsking(opts.URL)
	}
	s.base, s.assets, s.routes = s.site.Base(), s.newAssets(), s.newRoutes()
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(opts.Log.Handler(), slog.LevelDebug),
	}
	return s
}
