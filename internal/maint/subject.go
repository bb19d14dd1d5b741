package maint

import "strings"

// Kind is what sort of thing an entry of the record is about.
type Kind string

// The kinds of subjects.
const (
	AMaintenance Kind = "maintenance"
	AnIncident   Kind = "incident"
	AComponent   Kind = "component"
	ANotice      Kind = "notice"
)

// IncidentID is the subject of an incident's entries.
func IncidentID(name string) ID { return ID(string(AnIncident) + "/" + name) }

// ComponentID is the subject of a component's entries.
func ComponentID(name string) ID { return ID(string(AComponent) + "/" + name) }

// NoticesID is the subject of what became of the notices of a maintenance. It is one of its own, so
// that sending a notice changes nothing of what people look at before they decide.
func NoticesID(id ID) ID { return ID(string(ANotice) + "/" + string(id)) }

// Kind tells of what the entries are. A plan's name has no slash, so that a subject
// without one is a maintenance.
func (id ID) Kind() Kind {
	kind, _, found := strings.Cut(string(id), "/")
	if !found {
		return AMaintenance
	}
	return Kind(kind)
}

// Name is the subject's own name, without its kind.
func (id ID) Name() string {
	_, name, found := strings.Cut(string(id), "/")
	if !found {
		return string(id)
	}
	return name
}
