package feed

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// Clients ask for the length of every list, so none is null, also where nothing was ever said.
func TestListsAreNeverNull(t *testing.T) {
	t.Parallel()
	lists := regexp.MustCompile(`"(components|incidents|scheduled_maintenances|incident_updates|affected_components)":null`)
	for _, page := range []view.PageModel{{}, (&record{}).page("12-05 06:10"), everything().page("12-05 06:10")} {
		for _, d := range StatuspageDocuments {
			b, err := d.Encode(origin.Statuspage(page))
			if err != nil {
				t.Fatal(err)
			}
			if found := lists.Find(b); found != nil {
				t.Errorf("%s has %s", d.Path, found)
			}
		}
	}
}

func TestCodesAreStatuspages(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z0-9]{12}$`)
	for _, id := range []maint.ID{"pg17", maint.IncidentID("pg17"), maint.ComponentID("pg17"), ""} {
		if !form.MatchString(codeOf(id)) {
			t.Errorf("%s has the code %s", id, codeOf(id))
		}
	}
	if codeOf("pg17") == codeOf(maint.IncidentID("pg17")) {
		t.Error("a maintenance and an incident of one name have one code")
	}
	// They are in other people's programs: they stay.
	if got := codeOf("pg17") + codeOf(maint.ComponentID("app")) + codeOfUpdate(7); got != wantCodes {
		t.Errorf("codes have changed to %s", got)
	}
}

func TestStatusBlends(t *testing.T) {
	t.Parallel()
	part := func(i maint.Impact) view.PageModel {
		return view.PageModel{Groups: []view.Group{{Components: []view.Component{{Status: i}, {Status: maint.Operational}}}}}
	}
	open := func(s maint.Severity) view.PageModel {
		return view.PageModel{Incidents: []view.Incident{{Severity: maint.NoSeverity}, {Severity: s}}}
	}
	for _, c := range []struct {
		page                   view.PageModel
		indicator, description string
	}{
		{view.PageModel{}, "none", "All Systems Operational"},
		{part(maint.Operational), "none", "All Systems Operational"},
		{part(maint.UnderMaintenance), "maintenance", "Service Under Maintenance"},
		{part(maint.DegradedPerformance), "minor", "Partially Degraded Service"},
		{part(maint.PartialOutage), "major", "Partial System Outage"},
		{part(maint.MajorOutage), "critical", "Major Service Outage"},
		{open(maint.NoSeverity), "none", "All Systems Operational"},
		{open(maint.Minor), "minor", "Minor Service Outage"},
		{open(maint.Major), "major", "Partial System Outage"},
		{open(maint.Critical), "critical", "Major Service Outage"},
		{view.PageModel{Running: make([]view.Maintenance, 1)}, "maintenance", "Service Under Maintenance"},
	} {
		if diff := cmp.Diff(StatuspageStatus{c.indicator, c.description}, origin.Statuspage(c.page).Status()); diff != "" {
			t.Error(diff)
		}
	}
}

// Clients that know only what is documented get only that.
func TestStrict(t *testing.T) {
	t.Parallel()
	strict := origin
	strict.Strict = true
	var r record
	r.say("pg17", "12-01 00:00", planned("Database upgrade", "12-05 17:00", nil))
	r.say("pg17", "12-05 04:00", maint.Started{})
	s := strict.Statuspage(r.page("12-05 04:10"))
	if got := s.Status(); got.Indicator != "none" || got.Description != "Service Under Maintenance" {
		t.Errorf("the status is %v", got)
	}
	if got := s.Maintenance(s.page.Running[0]).Impact; got != "none" {
		t.Errorf("the impact is %s", got)
	}
}

// What was given up before or during the work is over for clients, and says so in words.
func TestCancelledIsCompleted(t *testing.T) {
	t.Parallel()
	page := everything().page("12-05 06:10")
	got := origin.Statuspage(page).Maintenance(find(t, page, "cables"))
	if got.Status != "completed" || got.ResolvedAt == nil || !strings.HasPrefix(got.IncidentUpdates[0].Body, "Cancelled. ") {
		t.Errorf("got %+v", got)
	}
	for _, m := range origin.Statuspage(page).maintenances(page.Upcoming, page.Running) {
		if m.ID == got.ID {
			t.Error("it is among those to come")
		}
	}
}

// Each update tells what it did to each component.
func TestAffectedComponents(t *testing.T) {
	t.Parallel()
	page := everything().page("12-05 06:10")
	s := origin.Statuspage(page)
	steps := func(i StatuspageIncident) (out []string) {
		for _, u := range i.IncidentUpdates {
			for _, a := range u.AffectedComponents {
				out = append(out, u.Status+" "+a.Name+" "+a.OldStatus+" "+a.NewStatus)
			}
		}
		return out
	}
	i, _ := page.FindIncident("slow")
	want := []string{
		"postmortem Product - API operational operational", "resolved Product - API partial_outage operational",
		"monitoring Product - API degraded_performance partial_outage", "investigating Product - API operational degraded_performance",
	}
	if diff := cmp.Diff(want, steps(s.Incident(i))); diff != "" {
		t.Error(diff)
	}
	want = []string{
		"completed Product - App degraded_performance operational", "verifying Product - App degraded_performance degraded_performance",
		"in_progress Product - App operational degraded_performance", "scheduled Product - App operational operational",
	}
	if diff := cmp.Diff(want, steps(s.Maintenance(find(t, page, "index")))); diff != "" {
		t.Error(diff)
	}
}

// The times of a maintenance follow what was said of it last.
func TestScheduledTimes(t *testing.T) {
	t.Parallel()
	page := everything().page("12-05 06:10")
	b, err := json.Marshal(origin.Statuspage(page).Maintenance(find(t, page, "pg17")))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"scheduled_for":"2026-12-05T04:00:00.000Z"`, `"scheduled_until":"2026-12-05T06:40:00.000Z"`,
		`"started_at":"2026-12-05T04:00:00.000Z"`, `"created_at":"2026-11-21T01:30:00.000Z"`, `"resolved_at":null`, `"status":"in_progress"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	page := view.PageModel{Closed: make([]view.Incident, 3*most), Past: make([]view.Maintenance, 3*most)}
	s := origin.Statuspage(page)
	if n, k := len(s.incidents(page.Closed)), len(s.maintenances(page.Past)); n != most || k != most {
		t.Errorf("%d incidents and %d maintenances", n, k)
	}
}
