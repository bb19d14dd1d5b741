package app

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/view"
)

// OpenIncident tells of something that is wrong.
func (a *App) OpenIncident(ctx context.Context, w say.Incident) (say.Said, error) {
	if err := properName(w.Name); err != nil {
		return say.Said{}, err
	}
	names, err := a.componentNames(w.Components)
	if err != nil {
		return say.Said{}, err
	}
	e := maint.IncidentOpened{Title: w.Title, Status: w.Status, Severity: w.Severity, Text: w.Text,
		Components: w.Components, Names: names, Began: w.Began}
	return a.tellIncident(ctx, w, func(i maint.Incident) ([]maint.Event, error) { return i.DecideOpen(e, a.now()) })
}

// UpdateIncident says what is known now.
func (a *App) UpdateIncident(ctx context.Context, w say.Incident) (say.Said, error) {
	return a.tellIncident(ctx, w, func(i maint.Incident) ([]maint.Event, error) {
		e := updated(i, w)
		names, err := a.componentNames(e.Components)
		if err != nil {
			return nil, err
		}
		e.Names = names
		return i.DecideUpdate(e)
	})
}

// updated is what holds, and over it what was said now.
func updated(i maint.Incident, w say.Incident) maint.IncidentUpdated {
	e := maint.IncidentUpdated{Status: i.Status, Severity: i.Severity, Text: w.Text, Components: i.Components}
	if e.Status == maint.PostMortem {
		e.Status = maint.Resolved
	}
	if w.Status != "" {
		e.Status = w.Status
	}
	if w.Severity != "" {
		e.Severity = w.Severity
	}
	if w.Components != nil || e.Status == maint.Resolved {
		e.Components = w.Components
	}
	return e
}

// ExplainIncident publishes a post-mortem.
func (a *App) ExplainIncident(ctx context.Context, w say.Incident) (say.Said, error) {
	return a.tellIncident(ctx, w, func(i maint.Incident) ([]maint.Event, error) {
		return i.DecidePostMortem(maint.PostMortemPublished{Text: w.Text})
	})
}

func (a *App) tellIncident(ctx context.Context, w say.Incident, decide func(maint.Incident) ([]maint.Event, error)) (say.Said, error) {
	id := maint.IncidentID(w.Name)
	return tellOf(ctx, a, id, w.Terms, maint.Incident{ID: id}, decide)
}

// Incidents lists those that are open, and then the others, each newest first.
func (a *App) Incidents(ctx context.Context) ([]view.Incident, error) {
	page, err := a.Page(ctx)
	return append(page.Incidents, page.Closed...), err
}

// componentNames are what lull.yaml calls them now; one that it does not have is refused.
func (a *App) componentNames(impacts map[string]maint.Impact) (map[string]string, error) {
	if len(impacts) == 0 {
		return nil, nil
	}
	names := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(impacts)) {
		c, err := a.component(id)
		if err != nil {
			return nil, err
		}
		names[id] = c.Name
	}
	return names, nil
}

// properName allows what can stand in an address and be typed at night.
func properName(name string) error {
	ok := name != "" && len(name) <= 64 && strings.Trim(name, "-") == name && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}) < 0
	if ok {
		return nil
	}
	return hint.Wrap(maint.Refuse("%q is not a name: small letters, digits and hyphens, up to 64", name), "choose a short name such as slow-search or 2026-11-23-api")
}
