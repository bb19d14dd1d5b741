package maint_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/maint"
)

var (
	now  = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	plan = maint.Scheduled{
		Title: "Database upgrade", Summary: "We move to PostgreSQL 17.",
		Window:     maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
		Components: map[string]maint.Impact{"app": maint.UnderMaintenance},
		Phases:     []maint.Phase{{Step: "upgrade", Title: "Upgrade", Budget: time.Hour}},
	}
)

// moved is plan at another hour.
func moved() maint.Scheduled {
	p := plan
	p.Window.Start = "2026-12-06 17:00"
	return p
}

// reworded is plan with another title in the same window.
func reworded() maint.Scheduled {
	p := plan
	p.Title = "Upgrade of the database"
	return p
}

// longer is plan with an hour more.
func longer() maint.Scheduled {
	p := plan
	p.Window.Allow += time.Hour
	return p
}

func in(state maint.State) maint.Maintenance {
	m := maint.Maintenance{ID: "m"}
	for _, e := range map[maint.State][]maint.Event{
		maint.StateScheduled: {plan},
		maint.InProgress:     {plan, maint.Started{}},
		maint.StateVerifying: {plan, maint.Started{}, maint.Verifying{}},
		maint.StateCompleted: {plan, maint.Started{}, maint.Verifying{}, maint.Completed{}},
		maint.StateCancelled: {plan, maint.Cancelled{}},
	}[state] {
		m = m.Apply(e, now)
	}
	return m
}

var states = []maint.State{
	maint.Draft, maint.StateScheduled, maint.InProgress, maint.StateVerifying, maint.StateCompleted, maint.StateCancelled,
}

// TestDecide is the whole table: each command in each state. "" = nothing to do, "no" = refused.
func TestDecide(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cmd  maint.Command
		want [6]string // in the order of states
	}{
		{"schedule", maint.Schedule{Plan: plan}, [6]string{"scheduled", "", "", "", "no", "no"}},
		{"schedule for longer", maint.Schedule{Plan: longer()}, [6]string{"scheduled", "rescheduled", "extended", "extended", "no", "no"}},
		{"schedule anew", maint.Schedule{Plan: moved()}, [6]string{"scheduled", "rescheduled", "no", "no", "no", "no"}},
		{"start", maint.Start{Text: "Work begins."}, [6]string{"no", "started", "", "no", "no", "no"}},
		{"verify", maint.Verify{}, [6]string{"no", "no", "verifying", "", "no", "no"}},
		{"complete", maint.Complete{}, [6]string{"no", "no", "completed", "completed", "", "no"}},
		{"cancel", maint.Cancel{}, [6]string{"no", "cancelled", "cancelled", "cancelled", "no", ""}},
	} {
		for i, state := range states {
			t.Run(tt.name+" when "+string(state), func(t *testing.T) {
				t.Parallel()
				events, err := in(state).Decide(tt.cmd, now)
				if got := outcome(events, err); got != tt.want[i] {
					t.Errorf("%q, want %q (%v)", got, tt.want[i], err)
				}
				if err != nil && !errors.Is(err, maint.ErrState) {
					t.Errorf("the refusal %q is no ErrState", err)
				}
			})
		}
	}
}

func outcome(events []maint.Event, err error) string {
	if err != nil {
		return "no"
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind())
	}
	return strings.Join(kinds, ",")
}

func TestDecideCarriesTheWords(t *testing.T) {
	t.Parallel()
	events, err := in(maint.StateScheduled).Decide(maint.Start{Text: "Work begins."}, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]maint.Event{maint.Started{Text: "Work begins."}}, events); diff != "" {
		t.Error(diff)
	}
}

func TestScheduleSaysWhatMoved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		plan maint.Scheduled
		text string
	}{
		{"window", moved(), "The window moved from 2026-12-05 17:00 (Pacific/Auckland) to 2026-12-06 17:00 (Pacific/Auckland)."},
		{"length", longer(), "The window begins as it was planned, and now ends at 2026-12-05 20:00 (Pacific/Auckland)."},
		{"words", reworded(), "The plan was changed. The window stays as it was."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events, err := in(maint.StateScheduled).Decide(maint.Schedule{Plan: tt.plan}, now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]maint.Event{maint.Rescheduled{Scheduled: tt.plan, Text: tt.text}}, events); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A window that is made longer while the work goes on is the one that holds, and what is expected to end in it is not late.
func TestExtended(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC)
	for late, want := range map[time.Duration]bool{30 * time.Minute: false, time.Hour: false, 61 * time.Minute: true} {
		m := in(maint.InProgress).Apply(maint.Late{ExpectedEnd: end.Add(late)}, now)
		events, err := m.Decide(maint.Schedule{Plan: longer()}, end)
		if err != nil || len(events) != 1 {
			t.Fatalf("%v, %v", events, err)
		}
		if got := events[0].(maint.Extended); got.Text != "The maintenance has more time. The window now ends at 2026-12-05 20:00 (Pacific/Auckland)." {
			t.Error(got.Text)
		}
		if m = m.Apply(events[0], end); m.Plan.Window != longer().Window || (m.Late != nil) != want {
			t.Errorf("late by %s: %+v", late, m)
		}
		if again, err := m.Decide(maint.Schedule{Plan: longer()}, end); err != nil || len(again) > 0 {
			t.Errorf("the same again: %v, %v", again, err)
		}
		if _, err := m.Decide(maint.Schedule{Plan: plan}, now); !errors.Is(err, maint.ErrState) {
			t.Errorf("shorter: %v", err)
		}
	}
}

func TestScheduleRefusesABadWindow(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC)
	if _, err := in(maint.Draft).Decide(maint.Schedule{Plan: plan}, end); err != nil {
		t.Errorf("a window that ends now: %v", err)
	}
	if _, err := in(maint.Draft).Decide(maint.Schedule{Plan: plan}, end.Add(time.Nanosecond)); err == nil {
		t.Error("a window in the past was accepted")
	}
	bad := plan
	bad.Window.Zone = "Nowhere/Land"
	if _, err := in(maint.Draft).Decide(maint.Schedule{Plan: bad}, now); err == nil {
		t.Error("an unknown zone was accepted")
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	at := func(min int) time.Time { return now.Add(time.Duration(min) * time.Minute) }
	late := maint.Late{ExpectedEnd: at(60), Text: "We are late."}
	m := maint.Maintenance{ID: "m"}
	for i, e := range []maint.Event{
		plan, maint.Rescheduled{Scheduled: moved()}, maint.Started{}, maint.Noted{}, maint.StepStarted{},
		late, maint.Verifying{}, maint.Completed{},
	} {
		m = m.Apply(e, at(i))
	}
	want := maint.Maintenance{
		ID: "m", State: maint.StateCompleted, Plan: moved(), Version: 8,
		Scheduled: at(0), Started: at(2), Ended: at(7), Late: &late,
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
}

func drawCommand(t *rapid.T) maint.Command {
	return rapid.SampledFrom([]maint.Command{
		maint.Schedule{Plan: plan}, maint.Schedule{Plan: moved()}, maint.Schedule{Plan: reworded()},
		maint.Start{}, maint.Verify{}, maint.Complete{}, maint.Cancel{},
	}).Draw(t, "command")
}

// Whatever is asked in whatever order: an accepted command asked again does
// nothing, time never runs backwards through the states, an end is an end.
func TestDecideAndApply(t *testing.T) {
	t.Parallel()
	order := map[maint.State]int{"": 0}
	for i, s := range states {
		order[s] = i
	}
	rapid.Check(t, func(t *rapid.T) {
		m := maint.Maintenance{ID: "m"}
		at := now
		for range rapid.IntRange(1, 20).Draw(t, "commands") {
			cmd := drawCommand(t)
			events, err := m.Decide(cmd, at)
			was := m
			for _, e := range events {
				if _, ok := e.(maint.Public); !ok {
					t.Fatalf("%T led to %s, which nobody can read", cmd, e.Kind())
				}
				m = m.Apply(e, at)
			}
			at = at.Add(time.Minute)
			if order[m.State] < order[was.State] {
				t.Fatalf("%T: from %s back to %s", cmd, was.State, m.State)
			}
			if ended := !was.Ended.IsZero(); ended && m.Version != was.Version {
				t.Fatalf("%T changed a maintenance that had ended", cmd)
			}
			if m.Version != was.Version+int64(len(events)) {
				t.Fatalf("version %d after %d, with %d events", m.Version, was.Version, len(events))
			}
			if err != nil {
				continue
			}
			if again, err := m.Decide(cmd, at); err != nil || len(again) != 0 {
				t.Fatalf("%T a second time: %v, %v", cmd, again, err)
			}
		}
	})
}
