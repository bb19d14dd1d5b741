package api

import (
	"context"
	"net/http"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

type setComponent struct {
	Terms
	ComponentPath
	Body struct {
		Status maint.Impact `json:"status" enum:"operational,degraded_performance,partial_outage,major_outage,under_maintenance"`
		Text   string       `json:"text,omitempty" maxLength:"2000" doc:"One sentence for the public"`
	}
}

type freeComponent struct {
	Terms
	ComponentPath
}

// ComponentPath is the part of an address that names a component.
type ComponentPath struct {
	ID string `path:"id" maxLength:"64" doc:"The component's id in lull.yaml"`
}

type allComponents struct {
	Body struct {
		Components []Component `json:"components" nullable:"false" doc:"In the order of the page"`
	}
}

func (a *API) components() {
	register(a, operation{method: http.MethodGet, path: "/components", id: "list-components", scope: auth.Read, tag: "components",
		summary: "List components", description: "The product's parts, and what holds of each."}, a.listComponents)
	register(a, operation{method: http.MethodPut, path: "/components/{id}/status", id: "set-component", scope: auth.Components, tag: "components",
		summary: "Set a component by hand", description: "It holds whatever its probes see, until it is let go. As `lull component set`."}, a.setComponent)
	register(a, operation{method: http.MethodDelete, path: "/components/{id}/status", id: "free-component", scope: auth.Components, tag: "components", status: http.StatusOK,
		summary: "Let a component go", description: "It follows its probes again. As `lull component auto`."}, a.freeComponent)
}

func (a *API) listComponents(ctx context.Context, _ *struct{}) (*allComponents, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	out := &allComponents{}
	out.Body.Components = each(a, page.Components(), (*API).component)
	return out, nil
}

func (a *API) setComponent(ctx context.Context, in *setComponent) (*said, error) {
	t, err := in.on(ctx, "set-component", in.Body)
	if err != nil {
		return nil, err
	}
	if err := a.listed(ctx, in.ID); err != nil {
		return nil, err
	}
	s, err := a.opts.Components.SetComponent(ctx, say.Component{Terms: t, ID: in.ID, Status: in.Body.Status, Text: in.Body.Text})
	return a.answer(ctx, maint.ComponentID(in.ID), s, err)
}

func (a *API) freeComponent(ctx context.Context, in *freeComponent) (*said, error) {
	t, err := in.on(ctx, "free-component", nil)
	if err != nil {
		return nil, err
	}
	if err := a.listed(ctx, in.ID); err != nil {
		return nil, err
	}
	s, err := a.opts.Components.FreeComponent(ctx, say.Component{Terms: t, ID: in.ID})
	return a.answer(ctx, maint.ComponentID(in.ID), s, err)
}

// listed answers 404 for a component that the page does not have: here it is part of the address.
func (a *API) listed(ctx context.Context, id string) error {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return err
	}
	for _, c := range page.Components() {
		if c.ID == id {
			return nil
		}
	}
	return newProblem(http.StatusNotFound, "there is no such component", "the components are at "+a.at("/components"))
}
