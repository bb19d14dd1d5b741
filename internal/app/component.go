package app

import (
	"context"
	"strings"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/view"
)

// Components lists the product's parts and what holds of each.
func (a *App) Components(ctx context.Context) ([]view.Component, error) {
	page, err := a.Page(ctx)
	return page.Components(), err
}

// SetComponent says by hand what holds of a component, until FreeComponent.
func (a *App) SetComponent(ctx context.Context, w say.Component) (say.Said, error) {
	s, err := a.tellComponent(ctx, w, func(c maint.Component, name string) ([]maint.Event, error) {
		return c.DecideSet(maint.ComponentSet{Name: name, Status: w.Status, Text: w.Text})
	})
	return s, hint.Or(err, "say one of: "+impactWords())
}

// FreeComponent lets a component follow its probes again.
func (a *App) FreeComponent(ctx context.Context, w say.Component) (say.Said, error) {
	return a.tellComponent(ctx, w, func(c maint.Component, name string) ([]maint.Event, error) {
		return c.DecideFree(maint.ComponentFreed{Name: name})
	})
}

// probed takes in what probes have found of a component.
func (a *App) probed(ctx context.Context, id string, e maint.ComponentProbed) error {
	_, err := a.tellComponent(ctx, say.Component{ID: id}, func(c maint.Component, name string) ([]maint.Event, error) {
		e.Name = name
		return c.DecideProbed(e)
	})
	return err
}

func (a *App) tellComponent(ctx context.Context, w say.Component, decide func(c maint.Component, name string) ([]maint.Event, error)) (say.Said, error) {
	listed, err := a.component(w.ID)
	if err != nil {
		return say.Said{}, err
	}
	id := maint.ComponentID(w.ID)
	return tellOf(ctx, a, id, w.Terms, maint.Component{ID: id}, func(c maint.Component) ([]maint.Event, error) { return decide(c, listed.Name) })
}

func (a *App) component(id string) (config.Component, error) {
	if c, ok := a.Config.Component(id); ok {
		return c, nil
	}
	var known []string
	for _, c := range a.Config.Components {
		known = append(known, c.ID)
	}
	next := "write it under components: in lull.yaml"
	if len(known) > 0 {
		next = "say one of: " + strings.Join(known, ", ")
	}
	return config.Component{}, hint.Wrap(maint.Refuse("component %q is not in lull.yaml", id), next)
}

func impactWords() string {
	var words []string
	for _, i := range maint.Impacts {
		words = append(words, string(i))
	}
	return strings.Join(words, ", ")
}
