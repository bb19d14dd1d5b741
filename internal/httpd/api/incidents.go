package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

// impacts are components and what each suffers.
type impacts map[string]maint.Impact

type openIncident struct {
	Terms
	Body struct {
		Name       string               `json:"name" maxLength:"64" pattern:"^[a-z0-9-]+$" example:"slow-search" doc:"Short, for its address"`
		Title      string               `json:"title" maxLength:"200" pattern:"^[^\\x00-\\x1f]+$" doc:"One line that a customer understands"`
		Text       string               `json:"text" maxLength:"20000" doc:"Markdown"`
		Status     maint.IncidentStatus `json:"status,omitempty" enum:"investigating,identified,monitoring,resolved" default:"investigating"`
		Severity   maint.Severity       `json:"severity,omitempty" enum:"none,minor,major,critical" default:"minor"`
		Components impacts              `json:"components,omitempty" maxProperties:"100" doc:"What suffers, and what"`
		Began      time.Time            `json:"began,omitzero" doc:"When it began, if before now"`
	}
}

type updateIncident struct {
	Terms
	IncidentPath
	Body struct {
		Text       string               `json:"text" maxLength:"20000" doc:"Markdown"`
		Status     maint.IncidentStatus `json:"status,omitempty" enum:"investigating,identified,monitoring,resolved" doc:"What is left out stays as it is"`
		Severity   maint.Severity       `json:"severity,omitempty" enum:"none,minor,major,critical"`
		Components *impacts             `json:"components,omitempty" maxProperties:"100" doc:"All that suffers now. Left out, it stays as it is; when resolved there is none"`
	}
}

type explainIncident struct {
	Terms
	IncidentPath
	Body struct {
		Text string `json:"text" maxLength:"100000" doc:"Markdown"`
	}
}

// IncidentPath is the part of an address that names an incident.
type IncidentPath struct {
	Name string `path:"name" maxLength:"64" doc:"The incident's name"`
}

type oneIncident struct {
	ETag string `header:"ETag"`
	Body Incident
}

type allIncidents struct {
	Body struct {
		Incidents []Incident `json:"incidents" nullable:"false" doc:"Those that are open, then the others, each newest first"`
	}
}

func (a *API) incidents() {
	register(a, operation{method: http.MethodGet, path: "/incidents", id: "list-incidents", scope: auth.Read, tag: "incidents",
		summary: "List incidents", description: "Those that are open come first."}, a.listIncidents)
	register(a, operation{method: http.MethodGet, path: "/incidents/{name}", id: "get-incident", scope: auth.Read, tag: "incidents",
		summary: "Read an incident", description: "With all that was said of it."}, a.getIncident)
	register(a, operation{method: http.MethodPost, path: "/incidents", id: "open-incident", scope: auth.Incidents, tag: "incidents", status: http.StatusCreated,
		summary: "Open an incident", description: "Tell of something that is wrong and was not planned. As `lull incident open`."}, a.openIncident)
	register(a, operation{method: http.MethodPost, path: "/incidents/{name}/updates", id: "update-incident", scope: auth.Incidents, tag: "incidents",
		summary: "Say what is known now", description: "With the status `resolved` the incident is over. As `lull incident update` and `resolve`."}, a.updateIncident)
	register(a, operation{method: http.MethodPut, path: "/incidents/{name}/postmortem", id: "explain-incident", scope: auth.Incidents, tag: "incidents",
		summary: "Publish the post-mortem", description: "Once the incident is over; a later one replaces it. As `lull incident postmortem`."}, a.explainIncident)
}

func (a *API) listIncidents(ctx context.Context, _ *struct{}) (*allIncidents, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	out := &allIncidents{}
	out.Body.Incidents = each(a, append(page.Incidents, page.Closed...), (*API).incident)
	return out, nil
}

func (a *API) getIncident(ctx context.Context, in *IncidentPath) (*oneIncident, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	found, ok := page.FindIncident(in.Name)
	if !ok {
		return nil, fmt.Errorf("incident %q: %w", in.Name, maint.ErrUnknownIncident)
	}
	version, err := a.opts.Record.Version(ctx, found.ID)
	return &oneIncident{ETag: etag(version), Body: a.incident(found)}, err
}

func (a *API) openIncident(ctx context.Context, in *openIncident) (*said, error) {
	b := in.Body
	t, err := in.on(ctx, "open-incident", b)
	if err != nil {
		return nil, err
	}
	s, err := a.opts.Incidents.OpenIncident(ctx, say.Incident{Terms: t, Name: b.Name, Title: b.Title, Text: b.Text,
		Status: b.Status, Severity: b.Severity, Components: b.Components, Began: b.Began})
	return a.answer(ctx, maint.IncidentID(b.Name), s, err)
}

func (a *API) updateIncident(ctx context.Context, in *updateIncident) (*said, error) {
	b := in.Body
	t, err := in.on(ctx, "update-incident", b)
	if err != nil {
		return nil, err
	}
	w := say.Incident{Terms: t, Name: in.Name, Text: b.Text, Status: b.Status, Severity: b.Severity}
	if b.Components != nil {
		w.Components = *b.Components
	}
	s, err := a.opts.Incidents.UpdateIncident(ctx, w)
	return a.answer(ctx, maint.IncidentID(in.Name), s, err)
}

func (a *API) explainIncident(ctx context.Context, in *explainIncident) (*said, error) {
	t, err := in.on(ctx, "explain-incident", in.Body)
	if err != nil {
		return nil, err
	}
	s, err := a.opts.Incidents.ExplainIncident(ctx, say.Incident{Terms: t, Name: in.Name, Text: in.Body.Text})
	return a.answer(ctx, maint.IncidentID(in.Name), s, err)
}
