package feed

import (
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/view"
)

// Statuspage tells a page in the words of Statuspage's API.
type Statuspage struct {
	origin Origin
	page   view.PageModel
	id     string
	listed map[string]StatuspageComponent // by our id
	full   map[string]string              // names with their group's
	order  []StatuspageComponent          // groups before their members
}

// Statuspage gives what the API and the webhooks say of a page.
func (o Origin) Statuspage(page view.PageModel) Statuspage {
	s := Statuspage{origin: o, page: page, id: code("page", o.URL), listed: map[string]StatuspageComponent{}, full: map[string]string{}}
	position := 0
	for _, g := range page.Groups {
		if g.Name == "" {
			for _, c := range g.Components {
				position++
				s.list(c, position, "")
			}
			continue
		}
		position++
		s.group(g, position)
	}
	return s
}

func (s *Statuspage) group(g view.Group, position int) {
	top := s.component(code("group", g.Name), g.Name, g.Status, time.Time{})
	top.Position, top.Group, top.Showcase = position, true, false
	for _, c := range g.Components {
		top.Components = append(top.Components, codeOf(maint.ComponentID(c.ID)))
		top.UpdatedAt = timestamp(latest(time.Time(top.UpdatedAt), c.Since))
	}
	s.order = append(s.order, top)
	for i, c := range g.Components {
		s.list(c, i+1, top.ID)
		s.full[c.ID] = g.Name + " - " + c.Name
	}
}

func (s *Statuspage) list(c view.Component, position int, group string) {
	out := s.component(codeOf(maint.ComponentID(c.ID)), c.Name, c.Status, c.Since)
	out.Position, out.GroupID, out.Description = position, some(group), some(c.Description)
	s.listed[c.ID], s.full[c.ID] = out, c.Name
	s.order = append(s.order, out)
}

// component is one as it is by itself. It is as old as the record.
func (s *Statuspage) component(id, name string, status maint.Impact, since time.Time) StatuspageComponent {
	out := StatuspageComponent{ID: id, Name: name, Status: string(status), PageID: s.id, Showcase: true,
		CreatedAt: timestamp(latest(s.page.Began)), UpdatedAt: timestamp(latest(s.page.Began, since))}
	if !s.page.Began.IsZero() {
		out.StartDate = some(s.page.Began.UTC().Format(time.DateOnly))
	}
	return out
}

// Page says whose page it is.
func (s Statuspage) Page() StatuspagePage {
	return StatuspagePage{ID: s.id, Name: s.origin.Name, URL: s.origin.URL, TimeZone: s.page.Zone, UpdatedAt: timestamp(latest(s.page.Changed))}
}

// Components lists groups and their members.
func (s Statuspage) Components() []StatuspageComponent {
	return append([]StatuspageComponent{}, s.order...)
}

// Incident gives an incident as the API has it.
func (s Statuspage) Incident(i view.Incident) StatuspageIncident {
	out := s.incident(i.ID, i.Title, i.Touched, i.Entries)
	out.Status, out.Impact = string(i.Status), string(i.Severity)
	out.CreatedAt, out.StartedAt = timestamp(i.Opened), timestamp(i.Began)
	out.MonitoringAt, out.ResolvedAt = maybe(i.Monitored), maybe(i.Resolved)
	was := map[string]maint.Impact{}
	for n, e := range slices.Backward(i.Entries) {
		u := &out.IncidentUpdates[n]
		u.Status, u.Body = string(e.Status), markdown.Text(e.Text)
		is := was
		if e.Status != maint.PostMortem { // which says nothing of components
			is = impacts(e.Affected)
		}
		u.AffectedComponents = s.affected(i.Touched, was, is)
		was = is
	}
	return out
}

// Maintenance gives a maintenance as the API has it. The API knows no cancelled ones: to a client
// nothing is coming any more and nothing suffers, which is what "completed" means to it. The
// update says in words what happened.
func (s Statuspage) Maintenance(m view.Maintenance) StatuspageIncident {
	out := s.incident(m.ID, m.Title, m.Components, m.Entries)
	out.Impact = s.quiet("maintenance")
	out.StartedAt, out.ResolvedAt = out.CreatedAt, maybe(m.Ended)
	if !m.Started.IsZero() {
		out.StartedAt = timestamp(m.Started)
	}
	out.ScheduledFor, out.ScheduledUntil = maybe(m.Window.Start), maybe(until(m))
	out.Status = string(maint.StateScheduled)
	suffers, was := impacts(m.Components), map[string]maint.Impact{}
	for n, e := range slices.Backward(m.Entries) {
		out.Status = stateAfter(out.Status, e.Kind)
		is := map[string]maint.Impact{}
		if out.Status == string(maint.InProgress) || out.Status == string(maint.StateVerifying) {
			is = suffers
		}
		u := &out.IncidentUpdates[n]
		u.Status, u.Body = out.Status, body(e)
		u.AffectedComponents = s.affected(m.Components, was, is)
		was = is
	}
	return out
}

func (s Statuspage) incident(id maint.ID, name string, touched []view.Affected, entries []view.Entry) StatuspageIncident {
	out := StatuspageIncident{ID: codeOf(id), Name: name, PageID: s.id, Shortlink: s.origin.link(PathOf(id)),
		IncidentUpdates: []StatuspageUpdate{}, Components: []StatuspageComponent{}}
	for _, e := range entries {
		at := timestamp(e.At)
		out.IncidentUpdates = append(out.IncidentUpdates, StatuspageUpdate{ID: codeOfUpdate(e.Seq), IncidentID: out.ID,
			CreatedAt: at, UpdatedAt: at, DisplayAt: at, DeliverNotifications: true})
		if out.CreatedAt = at; time.Time(out.UpdatedAt).IsZero() {
			out.UpdatedAt = at
		}
	}
	for _, a := range touched {
		c, known := s.listed[a.ID]
		if !known { // it was on the page when this was published
			c = s.component(codeOf(maint.ComponentID(a.ID)), a.Name, maint.Operational, time.Time{})
		}
		out.Components = append(out.Components, c)
	}
	return out
}

// affected tells of each component what it was and what it is. What is not named is operational.
func (s Statuspage) affected(touched []view.Affected, was, is map[string]maint.Impact) []StatuspageAffected {
	out := []StatuspageAffected{}
	for _, a := range touched {
		name := a.Name
		if full := s.full[a.ID]; full != "" {
			name = full
		}
		out = append(out, StatuspageAffected{Code: codeOf(maint.ComponentID(a.ID)), Name: name,
			OldStatus: statusOf(was[a.ID]), NewStatus: statusOf(is[a.ID])})
	}
	return out
}

func statusOf(i maint.Impact) string {
	if i == "" {
		return string(maint.Operational)
	}
	return string(i)
}

func impacts(list []view.Affected) map[string]maint.Impact {
	out := map[string]maint.Impact{}
	for _, a := range list {
		out[a.ID] = a.Impact
	}
	return out
}

// stateAfter is a maintenance's status once an entry of that kind is there.
func stateAfter(status, kind string) string {
	switch kind {
	case maint.Started{}.Kind():
		return string(maint.InProgress)
	case maint.Verifying{}.Kind():
		return string(maint.StateVerifying)
	case maint.Completed{}.Kind(), maint.Cancelled{}.Kind(), maint.RolledBack{}.Kind():
		return string(maint.StateCompleted)
	}
	return status
}

// body is what an entry of a maintenance says. That it is cancelled is in no other field.
func body(e view.Entry) string {
	switch {
	case e.Text == "":
		return e.Label + "."
	case e.Kind == maint.Cancelled{}.Kind() || e.Kind == maint.RolledBack{}.Kind():
		return e.Label + ". " + e.Text
	}
	return e.Text
}

// until is when a maintenance ends, as far as anybody can tell.
func until(m view.Maintenance) time.Time {
	if m.Expected.After(m.Window.End) {
		return m.Expected
	}
	return m.Window.End
}

// quiet is a word that strict clients do not know, or "none" for them.
func (s Statuspage) quiet(word string) string {
	if s.origin.Strict {
		return string(maint.NoSeverity)
	}
	return word
}

// Webhook is what Statuspage's webhooks say of a maintenance, as things stand.
func (s Statuspage) Webhook(m view.Maintenance, now time.Time) StatuspageWebhook {
	status := s.Status()
	return StatuspageWebhook{
		Meta:     StatuspageMeta{Unsubscribe: s.origin.link("/"), Documentation: "https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/", GeneratedAt: timestamp(now)},
		Page:     StatuspagePageStatus{ID: s.id, Indicator: status.Indicator, Description: status.Description},
		Incident: StatuspageHookIncident{StatuspageIncident: s.Maintenance(m)},
	}
}
