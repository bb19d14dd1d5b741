package maint_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
)

var openedNow = maint.IncidentOpened{Title: "Slow search", Status: maint.Investigating, Severity: maint.Minor, Text: "We look.",
	Components: map[string]maint.Impact{"api": maint.DegradedPerformance}, Names: map[string]string{"api": "API"}}

func incident(events ...maint.Event) maint.Incident {
	i := maint.Incident{ID: maint.IncidentID("slow-search")}
	for n, e := range events {
		i = i.Apply(e, now.Add(time.Duration(n)*time.Minute))
	}
	return i
}

// TestIncidentRefusals is what may not be said, each with the word that tells why.
func TestIncidentRefusals(t *testing.T) {
	t.Parallel()
	over := maint.IncidentUpdated{Status: maint.Resolved, Severity: maint.Minor, Text: "Over."}
	with := func(change func(*maint.IncidentOpened)) maint.IncidentOpened {
		e := openedNow
		change(&e)
		return e
	}
	open := func(i maint.Incident, e maint.IncidentOpened) func() ([]maint.Event, error) {
		return func() ([]maint.Event, error) { return i.DecideOpen(e, now) }
	}
	update := func(i maint.Incident, e maint.IncidentUpdated) func() ([]maint.Event, error) {
		return func() ([]maint.Event, error) { return i.DecideUpdate(e) }
	}
	explain := func(i maint.Incident, text string) func() ([]maint.Event, error) {
		return func() ([]maint.Event, error) { return i.DecidePostMortem(maint.PostMortemPublished{Text: text}) }
	}
	for name, tt := range map[string]struct {
		do   func() ([]maint.Event, error)
		want string // "" = one event
	}{
		"open":                        {open(incident(), openedNow), ""},
		"open twice":                  {open(incident(openedNow), openedNow), "was opened at"},
		"open without a title":        {open(incident(), with(func(e *maint.IncidentOpened) { e.Title = " " })), "needs a title"},
		"open without a text":         {open(incident(), with(func(e *maint.IncidentOpened) { e.Text = "\n" })), "needs a text"},
		"open in the future":          {open(incident(), with(func(e *maint.IncidentOpened) { e.Began = now.Add(time.Hour) })), "in the future"},
		"open with a wrong status":    {open(incident(), with(func(e *maint.IncidentOpened) { e.Status = "looking" })), "not a status"},
		"open with a wrong severity":  {open(incident(), with(func(e *maint.IncidentOpened) { e.Severity = "bad" })), "not a severity"},
		"open with a wrong impact":    {open(incident(), with(func(e *maint.IncidentOpened) { e.Components = map[string]maint.Impact{"api": "gone"} })), "not an impact"},
		"update":                      {update(incident(openedNow), over), ""},
		"update of nothing":           {update(incident(), over), "no such incident"},
		"update again after the end":  {update(incident(openedNow, over), maint.IncidentUpdated{Status: maint.Investigating, Severity: maint.Minor, Text: "It is back."}), ""},
		"resolved, and yet it hurts":  {update(incident(openedNow), maint.IncidentUpdated{Status: maint.Resolved, Severity: maint.Minor, Text: "Over.", Components: openedNow.Components}), "name no components"},
		"post-mortem":                 {explain(incident(openedNow, over), "It was DNS."), ""},
		"post-mortem of what is open": {explain(incident(openedNow), "It was DNS."), "is investigating"},
		"post-mortem of nothing":      {explain(incident(), "It was DNS."), "no such incident"},
		"empty post-mortem":           {explain(incident(openedNow, over), ""), "needs a text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := tt.do()
			switch {
			case tt.want == "" && (err != nil || len(events) != 1):
				t.Errorf("gave %v, %v", events, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("said %v, want %q", err, tt.want)
			}
		})
	}
	if events, err := explain(incident(openedNow, over, maint.PostMortemPublished{Text: "DNS"}), "DNS")(); err != nil || len(events) != 0 {
		t.Errorf("the same post-mortem again gave %v, %v", events, err)
	}
	if _, err := update(incident(), over)(); !errors.Is(err, maint.ErrUnknownIncident) {
		t.Errorf("said %v", err)
	}
}

// TestIncidentFold is a whole life, with a relapse.
func TestIncidentFold(t *testing.T) {
	t.Parallel()
	began := openedNow
	began.Began = now.Add(-time.Hour)
	i := incident(began,
		maint.IncidentUpdated{Status: maint.Monitoring, Severity: maint.Major, Text: "Better."},
		maint.IncidentUpdated{Status: maint.Resolved, Severity: maint.Major, Text: "Over."},
		maint.IncidentUpdated{Status: maint.Identified, Severity: maint.Major, Text: "It is back."},
		maint.IncidentUpdated{Status: maint.Resolved, Severity: maint.Major, Text: "Over."},
		maint.PostMortemPublished{Text: "DNS"})
	want := maint.Incident{ID: "incident/slow-search", Title: "Slow search", Status: maint.PostMortem, Severity: maint.Major, Names: map[string]string{"api": "API"},
		Began: now.Add(-time.Hour), Opened: now, Monitored: now.Add(time.Minute), Resolved: now.Add(4 * time.Minute), PostMortem: "DNS", Changed: now.Add(5 * time.Minute), Version: 6}
	if diff := cmp.Diff(want, i); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestComponentDecides(t *testing.T) {
	t.Parallel()
	c := maint.Component{ID: maint.ComponentID("api")}
	probed := func(s maint.Impact) maint.ComponentProbed { return maint.ComponentProbed{Status: s, Since: now} }
	if events, _ := c.DecideProbed(probed(maint.Operational)); len(events) != 0 {
		t.Error("a probe that never failed is told")
	}
	if events, _ := c.DecideFree(maint.ComponentFreed{}); len(events) != 0 {
		t.Error("what follows its probes is freed")
	}
	events, err := c.DecideProbed(probed(maint.MajorOutage))
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	c = c.Apply(events[0], now)
	if again, _ := c.DecideProbed(probed(maint.MajorOutage)); len(again) != 0 {
		t.Error("the same is told twice")
	}
	events, err = c.DecideSet(maint.ComponentSet{Status: maint.Operational})
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	if c = c.Apply(events[0], now); c.Status() != maint.Operational {
		t.Errorf("is %s although a person said otherwise", c.Status())
	}
	if c = c.Apply(maint.ComponentFreed{}, now); c.Status() != maint.MajorOutage {
		t.Errorf("is %s after it was freed", c.Status())
	}
	if _, err := c.DecideSet(maint.ComponentSet{Status: "gone"}); err == nil {
		t.Error("an unknown impact is taken")
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for id, want := range map[maint.ID][2]string{"pg17": {"maintenance", "pg17"}, maint.IncidentID("x"): {"incident", "x"}, maint.ComponentID("api"): {"component", "api"}} {
		if got := [2]string{string(id.Kind()), id.Name()}; got != want {
			t.Errorf("%s is %v, want %v", id, got, want)
		}
	}
}
