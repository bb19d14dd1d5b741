package view

import (
	"maps"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Stretch is a time in which a component was not operational.
type Stretch struct {
	From    time.Time
	To      time.Time // zero: it still is not
	Status  maint.Impact
	Because []maint.ID // incidents, maintenances, or the component itself, sorted
}

// Open says whether it still lasts.
func (s Stretch) Open() bool { return s.To.IsZero() }

// replay goes through the record and gives each component's stretches, oldest first.
//
// What was told later than it began counts from when it began: entries are gone through
// in the order of what they tell of, not in that of the telling.
func replay(catalog Catalog, entries []timeline.PublicEntry) map[string][]Stretch {
	r := replayer{
		own: map[string]maint.Component{}, incidents: map[maint.ID]maint.Incident{}, works: map[maint.ID]maint.Maintenance{},
		suffers: map[maint.ID]map[string]maint.Impact{}, out: map[string][]Stretch{},
	}
	for _, c := range catalog.Components {
		r.out[c.ID] = nil
	}
	type change struct {
		at time.Time
		e  timeline.PublicEntry
	}
	changes := make([]change, len(entries))
	for i, e := range entries {
		changes[i] = change{happened(e), e}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	for _, c := range changes {
		r.take(c.e, c.at)
	}
	return r.out
}

// happened is when that began of which an entry tells.
func happened(e timeline.PublicEntry) time.Time {
	at := e.At
	switch ev := e.Event.(type) {
	case maint.IncidentOpened:
		at = ev.Began
	case maint.ComponentProbed:
		at = ev.Since
	}
	if at.IsZero() || at.After(e.At) {
		return e.At
	}
	return at
}

type replayer struct {
	own       map[string]maint.Component
	incidents map[maint.ID]maint.Incident
	works     map[maint.ID]maint.Maintenance
	suffers   map[maint.ID]map[string]maint.Impact // by the open incident or the running maintenance
	out       map[string][]Stretch
}

func (r *replayer) take(e timeline.PublicEntry, at time.Time) {
	id := e.Subject
	switch id.Kind() {
	case maint.AComponent:
		r.own[id.Name()] = r.own[id.Name()].Apply(e.Event, at)
		r.settle(id.Name(), at)
	case maint.AnIncident:
		i := r.incidents[id].Apply(e.Event, at)
		r.incidents[id] = i
		r.say(id, i.Open(), i.Components, at)
	case maint.AMaintenance:
		m := r.works[id].Apply(e.Event, at)
		r.works[id] = m
		r.say(id, m.Running(), m.Plan.Components, at)
	}
}

// say takes in what an incident or a maintenance does to components now.
func (r *replayer) say(id maint.ID, lasts bool, components map[string]maint.Impact, at time.Time) {
	touched := maps.Clone(r.suffers[id])
	if touched == nil {
		touched = map[string]maint.Impact{}
	}
	delete(r.suffers, id)
	if lasts && len(components) > 0 {
		r.suffers[id] = components
		maps.Copy(touched, components)
	}
	for _, component := range sortedKeys(touched) {
		r.settle(component, at)
	}
}

// settle ends the stretch that no longer holds and begins the one that does.
func (r *replayer) settle(component string, at time.Time) {
	list, listed := r.out[component]
	if !listed {
		return
	}
	status, because := r.status(component)
	if last := len(list) - 1; last >= 0 && list[last].Open() {
		if list[last].Status == status && slices.Equal(list[last].Because, because) {
			return
		}
		if list[last].To = at; !at.After(list[last].From) {
			list = list[:last]
		}
	}
	if status != maint.Operational {
		list = append(list, Stretch{From: at, Status: status, Because: because})
	}
	r.out[component] = list
}

// status is the worst of what is said of a component. What its probes see counts for nothing
// while a maintenance goes on that has announced it.
func (r *replayer) status(component string) (worst maint.Impact, because []maint.ID) {
	worst = maint.Operational
	announced := false
	for _, id := range sortedKeys(r.suffers) {
		impact := r.suffers[id][component]
		if impact == "" || impact == maint.Operational {
			continue
		}
		announced = announced || id.Kind() == maint.AMaintenance
		worst, because = maint.Worst(worst, impact), append(because, id)
	}
	own := r.own[component]
	if announced {
		own.Probed = ""
	}
	if s := own.Status(); s != maint.Operational {
		worst, because = maint.Worst(worst, s), append(because, maint.ComponentID(component))
	}
	slices.Sort(because)
	return worst, because
}
