package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Told is what came of a command that says something to the public.
type Told struct {
	Text    string           `json:"text"`
	URL     string           `json:"url"`
	Entries []timeline.Entry `json:"entries"`
}

// IncidentWords are what a person says of an incident. Empty ones of an update keep what holds.
type IncidentWords struct {
	Name       string
	Title      string
	Status     maint.IncidentStatus
	Severity   maint.Severity
	Text       string
	Components map[string]maint.Impact // nil keeps what holds
	Began      time.Time
}

// OpenIncident tells of something that is wrong.
func (a *App) OpenIncident(ctx context.Context, w IncidentWords) (Told, error) {
	if err := properName(w.Name); err != nil {
		return Told{}, err
	}
	i, err := a.incident(ctx, w.Name)
	if err != nil {
		return Told{}, err
	}
	names, err := a.componentNames(w.Components)
	if err != nil {
		return Told{}, err
	}
	events, err := i.DecideOpen(maint.IncidentOpened{Title: w.Title, Status: w.Status, Severity: w.Severity, Text: w.Text,
		Components: w.Components, Names: names, Began: w.Began}, a.now())
	if err != nil {
		return Told{}, hint.Wrap(err, "lull incident open --help; to say more of an incident: lull incident update "+w.Name+" --text TEXT")
	}
	return a.tell(ctx, i.ID, i.Version, events)
}

// UpdateIncident says what is known now.
func (a *App) UpdateIncident(ctx context.Context, w IncidentWords) (Told, error) {
	i, err := a.incident(ctx, w.Name)
	if err != nil {
		return Told{}, err
	}
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
	if e.Names, err = a.componentNames(e.Components); err != nil {
		return Told{}, err
	}
	events, err := i.DecideUpdate(e)
	if err != nil {
		return Told{}, hint.Wrap(err, "lull incident list")
	}
	return a.tell(ctx, i.ID, i.Version, events)
}

// ExplainIncident publishes a post-mortem.
func (a *App) ExplainIncident(ctx context.Context, name, text string) (Told, error) {
	i, err := a.incident(ctx, name)
	if err != nil {
		return Told{}, err
	}
	events, err := i.DecidePostMortem(maint.PostMortemPublished{Text: text})
	if err != nil {
		return Told{}, hint.Wrap(err, "lull incident list; an incident that is open is ended with lull incident resolve "+name+" --text TEXT")
	}
	return a.tell(ctx, i.ID, i.Version, events)
}

// Incidents lists those that are open, and then the others, each newest first.
func (a *App) Incidents(ctx context.Context) ([]view.Incident, error) {
	page, err := a.page(ctx)
	return append(page.Incidents, page.Closed...), err
}

func (a *App) incident(ctx context.Context, name string) (maint.Incident, error) {
	i := maint.Incident{ID: maint.IncidentID(name)}
	entries, err := a.store.History(ctx, i.ID)
	if err != nil {
		return i, fmt.Errorf("read the record of incident %s: %w", name, err)
	}
	for _, e := range entries {
		i = i.Apply(e.Event, e.At)
	}
	return i, nil
}

// tell writes what was decided. Two people at once are told to look again.
func (a *App) tell(ctx context.Context, id maint.ID, version int64, events []maint.Event) (Told, error) {
	out := Told{Text: "It says so already.", URL: a.Config.Server.URL + "/"}
	if id.Kind() == maint.AnIncident {
		out.URL = a.Config.Server.URL + "/incidents/" + id.Name()
	}
	if len(events) == 0 {
		return out, nil
	}
	var drafts []timeline.Draft
	for _, e := range events {
		drafts = append(drafts, timeline.Draft{At: a.now(), Event: e})
	}
	var err error
	if out.Entries, err = a.store.Append(ctx, id, version, drafts...); err != nil {
		return out, hint.Wrap(err, "somebody else may have said something at the same moment: look, and type the command again")
	}
	out.Text = "It is on the status page."
	return out, nil
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
	return hint.Errorf("choose a short name such as slow-search or 2026-11-23-api", "%q is not a name: small letters, digits and hyphens, up to 64", name)
}

// page folds the whole public record.
func (a *App) page(ctx context.Context) (view.PageModel, error) {
	s := source{store: a.store, file: a.file, now: a.now}
	var all []timeline.PublicEntry
	for after := int64(0); ; {
		entries, next, err := s.Read(ctx, after, 1000)
		if err != nil {
			return view.PageModel{}, fmt.Errorf("read the record: %w", err)
		}
		all = append(all, entries...)
		if next <= after {
			return view.Page(a.catalog(), all, nil, a.now()), nil
		}
		after = next
	}
}
