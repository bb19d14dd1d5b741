// Package api is the JSON API below /api/v1: what the commands can do, for programs elsewhere,
// with an OpenAPI document of itself.
//
// It reads and says through ports of its own and must not know of the store, of Postgres or of
// the runner. What moves a database is not here and has no port: an address that answers the
// internet must not be able to. An operation without a scope refuses everybody.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Record is what anyone may know who may read. Its types let nothing private through.
type Record interface {
	// Page folds the public record as it is at this moment.
	Page(ctx context.Context) (view.PageModel, error)
	// Timeline gives public entries out of the limit entries of the record after a position, and
	// the position up to which it looked. next == after means that there is no more.
	Timeline(ctx context.Context, after int64, limit int) (entries []timeline.PublicEntry, next int64, err error)
	// Version gives how many entries there are of a subject.
	Version(ctx context.Context, id maint.ID) (int64, error)
}

// Archive is the operator's own record.
type Archive interface {
	Read(ctx context.Context, after int64, limit int) ([]timeline.Entry, error)
	History(ctx context.Context, id maint.ID) ([]timeline.Entry, error)
	// ReportOf is the post-mortem as Markdown; without the operator's notes when it is for the public.
	ReportOf(ctx context.Context, id maint.ID, public bool) ([]byte, error)
}

// Maintenances announces them, and cancels what has not begun.
type Maintenances interface {
	// Announce also tells which one the plan is of.
	Announce(ctx context.Context, w say.Plan) (maint.ID, say.Said, error)
	CancelMaintenance(ctx context.Context, w say.Cancel) (say.Said, error)
}

// Incidents tells of what is wrong.
type Incidents interface {
	OpenIncident(ctx context.Context, w say.Incident) (say.Said, error)
	UpdateIncident(ctx context.Context, w say.Incident) (say.Said, error)
	ExplainIncident(ctx context.Context, w say.Incident) (say.Said, error)
}

// Components says by hand what holds of them.
type Components interface {
	SetComponent(ctx context.Context, w say.Component) (say.Said, error)
	FreeComponent(ctx context.Context, w say.Component) (say.Said, error)
}

// Changes keeps the change log.
type Changes interface {
	PostChange(ctx context.Context, w say.Change) (say.Said, error)
	WithdrawChange(ctx context.Context, w say.Change) (say.Said, error)
}

// Options are what the API needs to know.
type Options struct {
	Record       Record
	Archive      Archive
	Maintenances Maintenances
	Incidents    Incidents
	Components   Components
	Changes      Changes
	Subscribers  Subscribers
	Tokens       auth.Tokens
	URL          string           // of the status page, without a slash at its end
	Now          func() time.Time // time.Now when nil
	Log          *slog.Logger     // slog.Default when nil
}

// Root is where the API lies.
const Root = "/api/v1"

// Bounds, each a promise.
const (
	maxBody    = 256 << 10             // of a JSON request
	maxPlan    = 1 << 20               // of a plan, as everywhere
	writeEvery = time.Second           // and token, once the burst is used up
	writeBurst = 30                    //
	readEvery  = 50 * time.Millisecond // and token
	readBurst  = 100                   //
	throttled  = 1024                  // tokens that are counted
	bodyTime   = 5 * time.Second       // to send a request's body
	maxPage    = 500                   // entries in one answer
)

// API answers requests.
type API struct {
	opts          Options
	mux           *http.ServeMux
	huma          huma.API
	gate          *auth.Gate
	writes, reads *auth.Throttle
}

// New makes an API. It panics when its own description is wrong, which any test finds.
func New(opts Options) *API {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	a := &API{
		opts: opts, mux: http.NewServeMux(), gate: auth.NewGate(opts.Tokens),
		writes: auth.NewThrottle(writeEvery, writeBurst, throttled), reads: auth.NewThrottle(readEvery, readBurst, throttled),
	}
	a.huma = humago.NewWithPrefix(a.mux, Root, a.configuration())
	a.huma.UseMiddleware(a.guard)
	a.status()
	a.maintenances()
	a.incidents()
	a.components()
	a.changes()
	a.suppressions()
	a.record()
	a.describe()
	return a
}

// ServeHTTP answers whatever is below Root, also what is not there.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if h, pattern := a.mux.Handler(r); pattern == "" {
		a.missing(w, r, h)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// at is the whole address of something below Root, as whoever asks sees it: the status page may lie below a path.
func (a *API) at(path string) string { return a.opts.URL + Root + path }

// operation is what an address does, and the scope that it takes.
type operation struct {
	method, path, id, summary, description string
	scope                                  auth.Scope
	tag                                    string
	status                                 int   // 0 = 200
	maxBody                                int64 // 0 = maxBody
}

// register adds an operation. Every error that it ends with becomes a Problem in one place.
func register[I, O any](a *API, op operation, handle func(context.Context, *I) (*O, error)) {
	if op.maxBody == 0 {
		op.maxBody = maxBody
	}
	huma.Register(a.huma, huma.Operation{
		Method: op.method, Path: op.path, OperationID: op.id, Summary: op.summary, Tags: []string{op.tag},
		Description:  fmt.Sprintf("%s\n\nScope: `%s`.", op.description, op.scope),
		Security:     []map[string][]string{{bearer: {string(op.scope)}}},
		Responses:    map[string]*huma.Response{"default": a.problemResponse()},
		MaxBodyBytes: op.maxBody, BodyReadTimeout: bodyTime, DefaultStatus: op.status,
		RejectUnknownQueryParameters: true,
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, op.id, err)
		}
		return out, nil
	})
}
