package api

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/view"
)

type announce struct {
	Terms
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/yaml"`
}

type cancel struct {
	Terms
	MaintenancePath
	Body *struct {
		Text string `json:"text,omitempty" maxLength:"2000" doc:"What people are told; a usual sentence when left out"`
	}
}

// MaintenancePath is the part of an address that names a maintenance.
type MaintenancePath struct {
	ID string `path:"id" maxLength:"64" doc:"The plan's maintenance: name"`
}

type oneMaintenance struct {
	ETag string `header:"ETag"`
	Body Maintenance
}

type allMaintenances struct {
	Body struct {
		Maintenances []Maintenance `json:"maintenances" nullable:"false" doc:"Under way, then upcoming and soonest first, then past and newest first"`
	}
}

func (a *API) maintenances() {
	register(a, operation{method: http.MethodGet, path: "/maintenances", id: "list-maintenances", scope: auth.Read, tag: "maintenances",
		summary: "List maintenances", description: "All that were announced."}, a.listMaintenances)
	register(a, operation{method: http.MethodGet, path: "/maintenances/{id}", id: "get-maintenance", scope: auth.Read, tag: "maintenances",
		summary: "Read a maintenance", description: "As the page shows it, with progress while work goes on."}, a.getMaintenance)
	register(a, operation{method: http.MethodPost, path: "/maintenances", id: "announce-maintenance", scope: auth.Maintenances, tag: "maintenances", maxBody: maxPlan,
		summary: "Announce a maintenance", description: "The body is the plan, in YAML. It is held against the server's lull.yaml and refused with line and column. " +
			"The same plan again is nothing to do, another one of the same name is announced anew. As `lull schedule`."}, a.announce)
	register(a, operation{method: http.MethodPost, path: "/maintenances/{id}/cancel", id: "cancel-maintenance", scope: auth.Maintenances, tag: "maintenances",
		summary: "Cancel a maintenance", description: "Only while its work has not begun: what has begun is taken back where it runs, with `lull abort` or `lull rollback`."}, a.cancel)
}

func (a *API) listMaintenances(ctx context.Context, _ *struct{}) (*allMaintenances, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	out := &allMaintenances{}
	out.Body.Maintenances = each(a, everyMaintenance(page), (*API).maintenance)
	return out, nil
}

func everyMaintenance(page view.PageModel) []view.Maintenance {
	return slices.Concat(page.Running, page.Upcoming, page.Past)
}

func (a *API) getMaintenance(ctx context.Context, in *MaintenancePath) (*oneMaintenance, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	found, ok := page.Find(maint.ID(in.ID))
	if !ok {
		return nil, fmt.Errorf("maintenance %q: %w", in.ID, maint.ErrUnknownMaintenance)
	}
	version, err := a.opts.Record.Version(ctx, found.ID)
	return &oneMaintenance{ETag: etag(version), Body: a.maintenance(found)}, err
}

// yamlTypes are what YAML is called: RFC 9512, and what went before it.
var yamlTypes = []string{"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"}

func (a *API) announce(ctx context.Context, in *announce) (*said, error) {
	if kind, _, err := mime.ParseMediaType(in.ContentType); err != nil || !slices.Contains(yamlTypes, strings.ToLower(kind)) {
		return nil, newProblem(http.StatusUnsupportedMediaType, "a plan is sent as YAML", "send Content-Type: application/yaml")
	}
	t, err := in.on(ctx, "announce-maintenance", in.RawBody)
	if err != nil {
		return nil, err
	}
	id, s, err := a.opts.Maintenances.Announce(ctx, say.Plan{Terms: t, YAML: slices.Clone(in.RawBody)})
	return a.answer(ctx, id, s, err)
}

func (a *API) cancel(ctx context.Context, in *cancel) (*said, error) {
	w := say.Cancel{Maintenance: maint.ID(in.ID)}
	if in.Body != nil {
		w.Text = in.Body.Text
	}
	var err error
	if w.Terms, err = in.on(ctx, "cancel-maintenance", w.Text); err != nil {
		return nil, err
	}
	s, err := a.opts.Maintenances.CancelMaintenance(ctx, w)
	return a.answer(ctx, w.Maintenance, s, err)
}
