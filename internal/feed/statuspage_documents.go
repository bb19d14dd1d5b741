package feed

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// StatuspageDocument is one read endpoint of the API.
type StatuspageDocument struct {
	Path   string // below /api/v2
	answer func(Statuspage) any
}

// Encode gives the document's bytes.
func (d StatuspageDocument) Encode(s Statuspage) ([]byte, error) {
	out, err := json.Marshal(d.answer(s))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", d.Path, err)
	}
	return append(out, '\n'), nil
}

// StatuspageDocuments are all of them.
var StatuspageDocuments = []StatuspageDocument{
	{"/summary.json", func(s Statuspage) any {
		return struct {
			Page       StatuspagePage        `json:"page"`
			Components []StatuspageComponent `json:"components"`
			Incidents  []StatuspageIncident  `json:"incidents"`
			Scheduled  []StatuspageIncident  `json:"scheduled_maintenances"`
			Status     StatuspageStatus      `json:"status"`
		}{s.Page(), s.Components(), s.incidents(s.page.Incidents), s.maintenances(s.page.Running, s.page.Upcoming), s.Status()}
	}},
	{"/status.json", func(s Statuspage) any {
		return struct {
			Page   StatuspagePage   `json:"page"`
			Status StatuspageStatus `json:"status"`
		}{s.Page(), s.Status()}
	}},
	{"/components.json", func(s Statuspage) any {
		return struct {
			Page       StatuspagePage        `json:"page"`
			Components []StatuspageComponent `json:"components"`
		}{s.Page(), s.Components()}
	}},
	{"/incidents.json", func(s Statuspage) any { return s.listOfIncidents(slices.Concat(s.page.Incidents, s.page.Closed)) }},
	{"/incidents/unresolved.json", func(s Statuspage) any { return s.listOfIncidents(s.page.Incidents) }},
	{"/scheduled-maintenances.json", func(s Statuspage) any {
		latestFirst := slices.Clone(s.page.Upcoming)
		slices.Reverse(latestFirst)
		return s.listOfMaintenances(s.maintenances(latestFirst, s.page.Running, s.page.Past))
	}},
	{"/scheduled-maintenances/upcoming.json", func(s Statuspage) any { return s.listOfMaintenances(s.maintenances(s.page.Upcoming)) }},
	{"/scheduled-maintenances/active.json", func(s Statuspage) any { return s.listOfMaintenances(s.maintenances(s.page.Running)) }},
}

func (s Statuspage) listOfIncidents(list []view.Incident) any {
	newest := slices.Clone(list)
	slices.SortStableFunc(newest, func(a, b view.Incident) int { return b.Opened.Compare(a.Opened) })
	return struct {
		Page      StatuspagePage       `json:"page"`
		Incidents []StatuspageIncident `json:"incidents"`
	}{s.Page(), s.incidents(newest)}
}

func (s Statuspage) listOfMaintenances(list []StatuspageIncident) any {
	return struct {
		Page      StatuspagePage       `json:"page"`
		Scheduled []StatuspageIncident `json:"scheduled_maintenances"`
	}{s.Page(), list}
}

// incidents encodes the first of a list, and never null: clients ask for its length.
func (s Statuspage) incidents(list []view.Incident) []StatuspageIncident {
	out := []StatuspageIncident{}
	for _, i := range list[:min(len(list), most)] {
		out = append(out, s.Incident(i))
	}
	return out
}

func (s Statuspage) maintenances(lists ...[]view.Maintenance) []StatuspageIncident {
	out := []StatuspageIncident{}
	all := slices.Concat(lists...)
	for _, m := range all[:min(len(all), most)] {
		out = append(out, s.Maintenance(m))
	}
	return out
}

// Status blends components and incidents into one: the worse of the two decides.
func (s Statuspage) Status() StatuspageStatus {
	worst := maint.Operational
	for _, c := range s.page.Components() {
		worst = maint.Worst(worst, c.Status)
	}
	severity := maint.NoSeverity
	for _, i := range s.page.Incidents {
		if slices.Index(maint.Severities, i.Severity) > slices.Index(maint.Severities, severity) {
			severity = i.Severity
		}
	}
	switch {
	case worst == maint.MajorOutage || severity == maint.Critical:
		return StatuspageStatus{"critical", "Major Service Outage"}
	case worst == maint.PartialOutage || severity == maint.Major:
		return StatuspageStatus{"major", "Partial System Outage"}
	case worst == maint.DegradedPerformance:
		return StatuspageStatus{"minor", "Partially Degraded Service"}
	case severity == maint.Minor:
		return StatuspageStatus{"minor", "Minor Service Outage"}
	case worst == maint.UnderMaintenance || len(s.page.Running) > 0:
		return StatuspageStatus{s.quiet("maintenance"), "Service Under Maintenance"}
	}
	return StatuspageStatus{"none", "All Systems Operational"}
}
