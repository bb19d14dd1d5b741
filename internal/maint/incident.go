package maint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// IncidentStatus is how far the work on an incident has come, in Statuspage's words.
type IncidentStatus string

// The statuses, in the order in which they are usual. An incident may go back to an earlier one.
const (
	Investigating IncidentStatus = "investigating"
	Identified    IncidentStatus = "identified"
	Monitoring    IncidentStatus = "monitoring"
	Resolved      IncidentStatus = "resolved"
	PostMortem    IncidentStatus = "postmortem"
)

// IncidentStatuses are those that an update may give; a post-mortem has an event of its own.
var IncidentStatuses = []IncidentStatus{Investigating, Identified, Monitoring, Resolved}

// Severity is how bad an incident is as a whole: Statuspage's impact of an incident.
type Severity string

// The severities, from the least to the worst.
const (
	NoSeverity Severity = "none"
	Minor      Severity = "minor"
	Major      Severity = "major"
	Critical   Severity = "critical"
)

// Severities lists every severity, for messages and checks.
var Severities = []Severity{NoSeverity, Minor, Major, Critical}

// IncidentOpened says that something is wrong that nobody planned.
type IncidentOpened struct {
	Title    string         `json:"title"`
	Status   IncidentStatus `json:"status"`
	Severity Severity       `json:"severity"`
	Text     string         `json:"text"` // Markdown
	// Components are those that suffer, and what.
	Components map[string]Impact `json:"components,omitempty"`
	// Names are what the components were called when this was published.
	Names map[string]string `json:"names,omitempty"`
	// Began is when it began, where that was before it was told.
	Began time.Time `json:"began,omitzero"`
}

// IncidentUpdated says what is known now. Components replaces what was said of them before; a
// resolved incident has none.
type IncidentUpdated struct {
	Status     IncidentStatus    `json:"status"`
	Severity   Severity          `json:"severity"`
	Text       string            `json:"text"` // Markdown
	Components map[string]Impact `json:"components,omitempty"`
	Names      map[string]string `json:"names,omitempty"`
}

// PostMortemPublished explains afterwards what happened. A later one replaces it.
type PostMortemPublished struct {
	Text string `json:"text"` // Markdown
}

func (IncidentOpened) Kind() string      { return "incident_opened" }
func (IncidentUpdated) Kind() string     { return "incident_updated" }
func (PostMortemPublished) Kind() string { return "postmortem_published" }

func (IncidentOpened) public()      {}
func (IncidentUpdated) public()     {}
func (PostMortemPublished) public() {}

// Incident is the fold of its events. The zero value has not been opened.
type Incident struct {
	ID         ID
	Title      string
	Status     IncidentStatus // "" before it is opened
	Severity   Severity
	Components map[string]Impact
	Names      map[string]string // of every component that was ever named
	Began      time.Time         // when it began, as far as it was told
	Opened     time.Time         // when it was told
	Monitored  time.Time         // when monitoring began the last time
	Resolved   time.Time         // zero while it is open
	PostMortem string
	Changed    time.Time // when anything was last said
	Version    int64
}

// Open says whether people still work on it.
func (i Incident) Open() bool {
	return i.Status != "" && i.Status != Resolved && i.Status != PostMortem
}

// ErrUnknownIncident is wrapped when a command is for an incident that was not opened.
var ErrUnknownIncident = errors.New("there is no such incident")

// DecideOpen makes an incident. The same again is nothing to do.
func (i Incident) DecideOpen(e IncidentOpened, now time.Time) ([]Event, error) {
	switch {
	case i.Status != "":
		return nil, fmt.Errorf("%s: incident %s was opened at %s: %w", e.Kind(), i.ID.Name(), i.Opened.UTC().Format(time.RFC3339), ErrState)
	case strings.TrimSpace(e.Title) == "":
		return nil, Refuse("an incident needs a title")
	case e.Began.After(now):
		return nil, Refuse("an incident cannot begin in the future, at %s", e.Began.UTC().Format(time.RFC3339))
	}
	if err := sayable(e.Status, e.Severity, e.Text, e.Components); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

// DecideUpdate says more of an incident. What is the same to the letter is nothing to do.
func (i Incident) DecideUpdate(e IncidentUpdated) ([]Event, error) {
	if i.Status == "" {
		return nil, fmt.Errorf("incident %s: %w", i.ID.Name(), ErrUnknownIncident)
	}
	if err := sayable(e.Status, e.Severity, e.Text, e.Components); err != nil {
		return nil, err
	}
	if e.Status == Resolved && len(e.Components) > 0 {
		return nil, Refuse("nothing suffers any more when an incident is resolved: name no components")
	}
	return []Event{e}, nil
}

// DecidePostMortem publishes what happened, once the incident is over.
func (i Incident) DecidePostMortem(e PostMortemPublished) ([]Event, error) {
	switch {
	case i.Status == "":
		return nil, fmt.Errorf("incident %s: %w", i.ID.Name(), ErrUnknownIncident)
	case i.Open():
		return nil, fmt.Errorf("%s: incident %s is %s: %w", e.Kind(), i.ID.Name(), i.Status, ErrState)
	case strings.TrimSpace(e.Text) == "":
		return nil, Refuse("a post-mortem needs a text")
	case e.Text == i.PostMortem:
		return nil, nil
	}
	return []Event{e}, nil
}

func sayable(status IncidentStatus, severity Severity, text string, components map[string]Impact) error {
	switch {
	case !slices.Contains(IncidentStatuses, status):
		return Refuse("%q is not a status of an incident", status)
	case !slices.Contains(Severities, severity):
		return Refuse("%q is not a severity of an incident", severity)
	case strings.TrimSpace(text) == "":
		return Refuse("an update needs a text")
	}
	for id, impact := range components {
		if !slices.Contains(Impacts, impact) {
			return Refuse("component %s: %q is not an impact", id, impact)
		}
	}
	return nil
}

// Apply folds one recorded event, published at the given instant, into the incident.
func (i Incident) Apply(e Event, at time.Time) Incident {
	i.Version++
	i.Changed = at
	switch e := e.(type) {
	case IncidentOpened:
		i.Title, i.Opened, i.Began = e.Title, at, at
		if !e.Began.IsZero() {
			i.Began = e.Began
		}
		i.say(e.Status, e.Severity, e.Components, e.Names, at)
	case IncidentUpdated:
		i.say(e.Status, e.Severity, e.Components, e.Names, at)
	case PostMortemPublished:
		i.Status, i.PostMortem = PostMortem, e.Text
	}
	return i
}

func (i *Incident) say(status IncidentStatus, severity Severity, components map[string]Impact, names map[string]string, at time.Time) {
	i.Status, i.Severity, i.Components = status, severity, components
	all := maps.Clone(i.Names)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, names)
	i.Names = all
	i.Resolved = time.Time{}
	switch status {
	case Monitoring:
		i.Monitored = at
	case Resolved:
		i.Resolved = at
	}
}
