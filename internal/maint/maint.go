// Package maint is the domain: what a maintenance is, which states it has, and
// which events a command leads to. It imports the standard library only, takes
// the time as an argument, and must not know of Postgres, storage or HTTP.
package maint

import (
	"errors"
	"fmt"
	"time"
)

// ID names what an entry of the record is about. A maintenance has its plan's `maintenance:` slug;
// other subjects carry their kind before a slash (IncidentID, ComponentID).
type ID string

// State is where a maintenance stands. The words are Statuspage's, plus draft and cancelled.
type State string

// The states, in the order in which they are passed.
const (
	Draft          State = "draft"
	StateScheduled State = "scheduled"
	InProgress     State = "in_progress"
	StateVerifying State = "verifying"
	StateCompleted State = "completed"
	StateCancelled State = "cancelled"
)

// Impact is what a component suffers, in Statuspage's component statuses.
type Impact string

// The impacts a plan may name.
const (
	Operational         Impact = "operational"
	DegradedPerformance Impact = "degraded_performance"
	PartialOutage       Impact = "partial_outage"
	MajorOutage         Impact = "major_outage"
	UnderMaintenance    Impact = "under_maintenance"
)

// Impacts lists every impact, for messages and checks.
var Impacts = []Impact{Operational, DegradedPerformance, PartialOutage, MajorOutage, UnderMaintenance}

// Maintenance is the fold of its events. The zero value is a draft.
type Maintenance struct {
	ID        ID
	State     State
	Plan      Scheduled
	Version   int64 // number of events applied
	Scheduled time.Time
	Started   time.Time
	Ended     time.Time
	Late      *Late
}

// Commands are what a person or a step decides.
type (
	// Schedule announces the maintenance, or announces it anew with other facts. While the work goes on, it may have more time.
	Schedule struct{ Plan Scheduled }
	// Start says that work begins now.
	Start struct{ Text string }
	// Verify says that the work is done and is being checked.
	Verify struct{ Text string }
	// Complete says that the checks are green.
	Complete struct{ Text string }
	// Cancel gives the maintenance up.
	Cancel struct{ Text string }
	// RollBack says that the work was taken back, also after it was completed.
	RollBack struct{ Text string }
)

// Command is one of the command types of this package.
type Command interface{ command() }

func (Schedule) command() {}
func (Start) command()    {}
func (Verify) command()   {}
func (Complete) command() {}
func (Cancel) command()   {}
func (RollBack) command() {}

// ErrUnknownMaintenance is wrapped when a command is for a maintenance that nobody was told of.
var ErrUnknownMaintenance = errors.New("there is no such maintenance")

// ErrState is wrapped by every refusal that comes from the state of a maintenance.
var ErrState = errors.New("not possible in this state")

// Decide turns a command into the events that record it. No events and no error
// mean that there is nothing to do: the same command twice is legal.
func (m Maintenance) Decide(cmd Command, now time.Time) ([]Event, error) {
	switch c := cmd.(type) {
	case Schedule:
		return m.schedule(c, now)
	case Start:
		return m.step(now, Started{Text: c.Text}, InProgress, StateScheduled)
	case Verify:
		return m.step(now, Verifying{Text: c.Text}, StateVerifying, InProgress)
	case Complete:
		return m.step(now, Completed{Text: c.Text}, StateCompleted, InProgress, StateVerifying)
	case Cancel:
		return m.step(now, Cancelled{Text: c.Text}, StateCancelled, StateScheduled, InProgress, StateVerifying)
	case RollBack:
		return m.step(now, RolledBack{Text: c.Text}, StateCancelled, InProgress, StateVerifying, StateCompleted)
	}
	return nil, fmt.Errorf("unknown command %T", cmd)
}

func (m Maintenance) step(_ time.Time, e Event, to State, from ...State) ([]Event, error) {
	if m.state() == to {
		return nil, nil
	}
	for _, s := range from {
		if m.state() == s {
			return []Event{e}, nil
		}
	}
	return nil, fmt.Errorf("%s: maintenance %s is %s: %w", e.Kind(), m.ID, m.state(), ErrState)
}

func (m Maintenance) schedule(c Schedule, now time.Time) ([]Event, error) {
	if _, end, err := c.Plan.Window.Resolve(); err != nil {
		return nil, err
	} else if end.Before(now) {
		return nil, Refuse("the window of %s ended at %s", m.ID, end.Format(time.RFC3339))
	}
	switch m.state() {
	case Draft:
		return []Event{c.Plan}, nil
	case StateScheduled:
		if m.Plan.Same(c.Plan) {
			return nil, nil
		}
		return []Event{Rescheduled{Scheduled: c.Plan, Text: rescheduledText(m.Plan, c.Plan)}}, nil
	case InProgress, StateVerifying:
		return m.extend(c.Plan)
	}
	return nil, fmt.Errorf("schedule: maintenance %s is %s: %w", m.ID, m.state(), ErrState)
}

// extend gives the window more time. Nothing else of a plan can be changed while the work goes on.
func (m Maintenance) extend(to Scheduled) ([]Event, error) {
	if m.Plan.Same(to) {
		return nil, nil
	}
	if w := to.Window; !w.Longer(m.Plan.Window) {
		return nil, fmt.Errorf("schedule: the work on %s goes on, and only its window can be changed now, to a longer one that begins at the same time: %w", m.ID, ErrState)
	}
	text, err := extendedText(to.Window)
	return []Event{Extended{Window: to.Window, Text: text}}, err
}

func (m Maintenance) state() State {
	if m.State == "" {
		return Draft
	}
	return m.State
}

// Running says whether the work, or the checks after it, go on.
func (m Maintenance) Running() bool { return m.State == InProgress || m.State == StateVerifying }

// Apply folds one recorded event, published at the given instant, into the maintenance.
func (m Maintenance) Apply(e Event, at time.Time) Maintenance {
	m.Version++
	switch e := e.(type) {
	case Scheduled:
		m.State, m.Plan, m.Scheduled = StateScheduled, e, at
	case Rescheduled:
		m.Plan = e.Scheduled
	case Started:
		m.State, m.Started = InProgress, at
	case Late:
		m.Late = &e
	case Extended:
		m.Plan.Window = e.Window
		if _, end, err := e.Window.Resolve(); err == nil && m.Late != nil && !m.Late.ExpectedEnd.After(end) {
			m.Late = nil // it is not expected to be late any more
		}
	case Verifying:
		m.State = StateVerifying
	case Completed:
		m.State, m.Ended = StateCompleted, at
	case Cancelled, RolledBack:
		m.State, m.Ended = StateCancelled, at
	}
	return m
}
