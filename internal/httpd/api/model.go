package api

import (
	"time"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// Maintenance is one as the page shows it. Instants are in UTC.
type Maintenance struct {
	ID         string      `json:"id"`
	Title      string      `json:"title"`
	Summary    string      `json:"summary"`
	State      maint.State `json:"state" enum:"scheduled,in_progress,verifying,completed,cancelled"`
	Window     Window      `json:"window"`
	Started    time.Time   `json:"started,omitzero" doc:"When the work began"`
	Ended      time.Time   `json:"ended,omitzero"`
	Expected   time.Time   `json:"expected_end,omitzero" doc:"The forecast, once it was said to run late"`
	Components []Affected  `json:"components" nullable:"false"`
	Steps      []Step      `json:"steps" nullable:"false" doc:"The plan in the public's words"`
	Progress   *Progress   `json:"progress,omitempty" doc:"While work goes on"`
	Updates    []Update    `json:"updates" nullable:"false" doc:"What was said, newest first"`
	URL        string      `json:"url" format:"uri"`
}

// Window is when it may happen.
type Window struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	Wall  string    `json:"wall" example:"2026-12-05 17:00" doc:"The start as it was announced"`
	Zone  string    `json:"zone" example:"Pacific/Auckland" doc:"The zone of that"`
}

// Step is one of the plan.
type Step struct {
	Title  string `json:"title"`
	Budget int64  `json:"budget_s,omitempty" doc:"How long it may take, in seconds"`
}

// Progress is how far the work is.
type Progress struct {
	Text    string    `json:"text"`
	Percent *int      `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"Left out when nobody can tell"`
	At      time.Time `json:"at"`
}

// Affected is a component and what it suffers.
type Affected struct {
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Impact maint.Impact `json:"impact" enum:"operational,degraded_performance,partial_outage,major_outage,under_maintenance"`
}

// Update is one thing that was said.
type Update struct {
	Seq        int64                `json:"seq" doc:"Its place in the record"`
	At         time.Time            `json:"at"`
	Kind       string               `json:"kind" example:"started"`
	Text       string               `json:"text"`
	Expected   time.Time            `json:"expected_end,omitzero"`
	Status     maint.IncidentStatus `json:"status,omitempty" enum:"investigating,identified,monitoring,resolved,postmortem" doc:"Of an incident's update"`
	Components []Affected           `json:"components,omitempty" nullable:"false" doc:"Of an incident's update: what suffered then"`
}

// Incident is one as the page shows it. Texts are Markdown.
type Incident struct {
	Name       string               `json:"name"`
	Title      string               `json:"title"`
	Status     maint.IncidentStatus `json:"status" enum:"investigating,identified,monitoring,resolved,postmortem"`
	Severity   maint.Severity       `json:"severity" enum:"none,minor,major,critical"`
	Open       bool                 `json:"open"`
	Began      time.Time            `json:"began"`
	Opened     time.Time            `json:"opened" doc:"When it was told"`
	Monitored  time.Time            `json:"monitored,omitzero"`
	Resolved   time.Time            `json:"resolved,omitzero"`
	Changed    time.Time            `json:"changed" doc:"When anything was last said"`
	Components []Affected           `json:"components" nullable:"false" doc:"What suffers now"`
	Updates    []Update             `json:"updates" nullable:"false" doc:"Newest first"`
	PostMortem string               `json:"postmortem,omitempty"`
	URL        string               `json:"url" format:"uri"`
}

// Component is a part of the product.
type Component struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Group       string       `json:"group,omitempty"`
	Status      maint.Impact `json:"status" enum:"operational,degraded_performance,partial_outage,major_outage,under_maintenance"`
	Since       time.Time    `json:"since,omitzero" doc:"Left out when nothing was ever said of it"`
	Uptime      *float64     `json:"uptime_percent,omitempty" doc:"Of the days that the page shows, announced maintenance not counted. Left out while it is not known"`
}

// Change is a post of the change log.
type Change struct {
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Text        string            `json:"text" doc:"Markdown"`
	Labels      []string          `json:"labels" nullable:"false"`
	Maintenance string            `json:"maintenance,omitempty" doc:"The one that brought it"`
	Posted      time.Time         `json:"posted"`
	Changed     time.Time         `json:"changed"`
	Pictures    map[string]string `json:"pictures,omitempty" doc:"Addresses of pictures, by what the text calls them"`
	URL         string            `json:"url" format:"uri"`
}

// each turns what the page has into what the API says. Of nothing it makes an empty list, never null.
func each[V, M any](a *API, list []V, turn func(*API, V) M) []M {
	out := make([]M, 0, len(list))
	for _, v := range list {
		out = append(out, turn(a, v))
	}
	return out
}

// utc leaves an instant that is not set as it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

func (a *API) maintenance(m view.Maintenance) Maintenance {
	out := Maintenance{
		ID: string(m.ID), Title: m.Title, Summary: m.Summary, State: m.State,
		Window:  Window{Start: utc(m.Window.Start), End: utc(m.Window.End), Wall: m.Window.Wall, Zone: m.Window.Zone},
		Started: utc(m.Started), Ended: utc(m.Ended), Expected: utc(m.Expected),
		Components: each(a, m.Components, (*API).affected), Steps: each(a, m.Phases, (*API).step),
		Updates: each(a, m.Entries, (*API).update), URL: a.opts.URL + "/maintenance/" + string(m.ID),
	}
	if p := m.Progress; p != nil {
		out.Progress = &Progress{Text: p.Text, At: utc(p.At)}
		if p.Known() {
			percent := p.Percent()
			out.Progress.Percent = &percent
		}
	}
	return out
}

func (a *API) step(p maint.Phase) Step {
	return Step{Title: p.Title, Budget: int64(p.Budget.Seconds())}
}

func (a *API) affected(x view.Affected) Affected {
	return Affected{ID: x.ID, Name: x.Name, Impact: x.Impact}
}

func (a *API) update(e view.Entry) Update {
	return Update{Seq: e.Seq, At: utc(e.At), Kind: e.Kind, Text: e.Text, Expected: utc(e.Expected), Status: e.Status,
		Components: each(a, e.Affected, (*API).affected)}
}

func (a *API) incident(i view.Incident) Incident {
	return Incident{
		Name: i.Name, Title: i.Title, Status: i.Status, Severity: i.Severity, Open: i.Open,
		Began: utc(i.Began), Opened: utc(i.Opened), Monitored: utc(i.Monitored), Resolved: utc(i.Resolved), Changed: utc(i.Changed),
		Components: each(a, i.Affected, (*API).affected), Updates: each(a, i.Entries, (*API).update),
		PostMortem: i.PostMortem, URL: a.opts.URL + "/incidents/" + i.Name,
	}
}

func (a *API) component(c view.Component) Component {
	out := Component{ID: c.ID, Name: c.Name, Description: c.Description, Group: c.Group, Status: c.Status, Since: utc(c.Since)}
	if c.Uptime.Known > 0 {
		out.Uptime = &c.Uptime.Percent
	}
	return out
}

func (a *API) change(c view.Change) Change {
	return Change{Name: c.Name, Title: c.Title, Text: c.Text, Labels: append([]string{}, c.Labels...), Maintenance: string(c.Maintenance),
		Posted: utc(c.Posted), Changed: utc(c.Changed), Pictures: feed.Pictures(a.opts.URL, c.Pictures), URL: a.opts.URL + "/changes/" + c.Name}
}
