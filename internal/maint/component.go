package maint

import (
	"slices"
	"time"
)

// ComponentSet says what a person says of a component. It holds, whatever the probes see,
// until ComponentFreed.
type ComponentSet struct {
	Name   string `json:"name,omitempty"` // what it was called when this was published
	Status Impact `json:"status"`
	Text   string `json:"text,omitempty"`
}

// ComponentFreed says that the component's state follows its probes again.
type ComponentFreed struct {
	Name string `json:"name,omitempty"`
}

// ComponentProbed says what the probes of a component have found. Since is the first look
// that found it so, which is before it was certain.
type ComponentProbed struct {
	Name   string    `json:"name,omitempty"`
	Status Impact    `json:"status"`
	Text   string    `json:"text,omitempty"`
	Since  time.Time `json:"since"`
}

func (ComponentSet) Kind() string    { return "component_set" }
func (ComponentFreed) Kind() string  { return "component_freed" }
func (ComponentProbed) Kind() string { return "component_probed" }

func (ComponentSet) public()    {}
func (ComponentFreed) public()  {}
func (ComponentProbed) public() {}

// Component is the fold of its events: what is said of it outside of incidents and
// maintenances. The zero value is operational and follows its probes.
type Component struct {
	ID      ID
	Manual  Impact    // "" = it follows its probes
	Probed  Impact    // "" = no probe has said anything
	Since   time.Time // of Probed
	Version int64
}

// Status is what holds of the component itself.
func (c Component) Status() Impact {
	switch {
	case c.Manual != "":
		return c.Manual
	case c.Probed != "":
		return c.Probed
	}
	return Operational
}

// Apply folds one recorded event into the component.
func (c Component) Apply(e Event, _ time.Time) Component {
	c.Version++
	switch e := e.(type) {
	case ComponentSet:
		c.Manual = e.Status
	case ComponentFreed:
		c.Manual = ""
	case ComponentProbed:
		c.Probed, c.Since = e.Status, e.Since
	}
	return c
}

// DecideSet sets the component by hand.
func (c Component) DecideSet(e ComponentSet) ([]Event, error) {
	if !slices.Contains(Impacts, e.Status) {
		return nil, Refuse("component %s: %q is not an impact", c.ID.Name(), e.Status)
	}
	if c.Manual == e.Status && e.Text == "" {
		return nil, nil
	}
	return []Event{e}, nil
}

// DecideFree lets it follow its probes again.
func (c Component) DecideFree(e ComponentFreed) ([]Event, error) {
	if c.Manual == "" {
		return nil, nil
	}
	return []Event{e}, nil
}

// DecideProbed takes in what the probes say. The same again is nothing to do. What holds now
// cannot have begun before what held until now: the record is gone through by when things began.
func (c Component) DecideProbed(e ComponentProbed) ([]Event, error) {
	if !slices.Contains(Impacts, e.Status) {
		return nil, Refuse("component %s: %q is not an impact", c.ID.Name(), e.Status)
	}
	if c.Probed == e.Status || c.Probed == "" && e.Status == Operational {
		return nil, nil
	}
	if e.Since.Before(c.Since) {
		e.Since = c.Since
	}
	return []Event{e}, nil
}

// worse ranks impacts. What was announced as maintenance is less than what was not.
var worse = map[Impact]int{Operational: 0, UnderMaintenance: 1, DegradedPerformance: 2, PartialOutage: 3, MajorOutage: 4}

// Worst gives the worst of some impacts, Operational of none.
func Worst(impacts ...Impact) Impact {
	out := Operational
	for _, i := range impacts {
		if worse[i] > worse[out] {
			out = i
		}
	}
	return out
}
