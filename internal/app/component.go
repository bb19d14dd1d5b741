package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// Components lists the product's parts and what holds of each.
func (a *App) Components(ctx context.Context) ([]view.Component, error) {
	page, err := a.page(ctx)
	return page.Components(), err
}

// SetComponent says by hand what holds of a component, until FreeComponent.
func (a *App) SetComponent(ctx context.Context, id string, status maint.Impact, text string) (Told, error) {
	listed, c, err := a.componentNow(ctx, id)
	if err != nil {
		return Told{}, err
	}
	events, err := c.DecideSet(maint.ComponentSet{Name: listed.Name, Status: status, Text: text})
	if err != nil {
		return Told{}, hint.Wrap(err, "say one of: "+impactWords())
	}
	return a.tell(ctx, c.ID, c.Version, events)
}

// FreeComponent lets a component follow its probes again.
func (a *App) FreeComponent(ctx context.Context, id string) (Told, error) {
	listed, c, err := a.componentNow(ctx, id)
	if err != nil {
		return Told{}, err
	}
	events, err := c.DecideFree(maint.ComponentFreed{Name: listed.Name})
	if err != nil {
		return Told{}, err
	}
	return a.tell(ctx, c.ID, c.Version, events)
}

// probed takes in what probes have found of a component.
func (a *App) probed(ctx context.Context, id string, e maint.ComponentProbed) error {
	listed, c, err := a.componentNow(ctx, id)
	if err != nil {
		return err
	}
	e.Name = listed.Name
	events, err := c.DecideProbed(e)
	if err != nil {
		return err
	}
	_, err = a.tell(ctx, c.ID, c.Version, events)
	return err
}

func (a *App) componentNow(ctx context.Context, id string) (config.Component, maint.Component, error) {
	listed, err := a.component(id)
	c := maint.Component{ID: maint.ComponentID(id)}
	if err != nil {
		return listed, c, err
	}
	entries, err := a.store.History(ctx, c.ID)
	if err != nil {
		return listed, c, fmt.Errorf("read the record of component %s: %w", id, err)
	}
	for _, e := range entries {
		c = c.Apply(e.Event, e.At)
	}
	return listed, c, nil
}

func (a *App) component(id string) (config.Component, error) {
	if c, ok := a.Config.Component(id); ok {
		return c, nil
	}
	var known []string
	for _, c := range a.Config.Components {
		known = append(known, c.ID)
	}
	next := "write it under components: in " + a.Config.File
	if len(known) > 0 {
		next = "say one of: " + strings.Join(known, ", ")
	}
	return config.Component{}, hint.Errorf(next, "component %q is not in %s", id, a.Config.File)
}

func impactWords() string {
	var words []string
	for _, i := range maint.Impacts {
		words = append(words, string(i))
	}
	return strings.Join(words, ", ")
}
