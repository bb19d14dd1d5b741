// Package inapptest is the suite that every Desk must pass, wherever it keeps things.
package inapptest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Subject is a Desk on a record.
type Subject interface {
	inapp.Desk
	Append(ctx context.Context, id maint.ID, expected int64, drafts ...timeline.Draft) ([]timeline.Entry, error)
}

var (
	start = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	ann   = inapp.Who{Channel: "app", ID: "ann"}
	bob   = inapp.Who{Channel: "app", ID: "bob"}
	// Of the same name in another product: somebody else.
	other = inapp.Who{Channel: "admin", ID: "ann"}
	ahead = inapp.Message{ID: "pg17/7d/x", Subject: "pg17", Word: "7d"}
	begun = inapp.Message{ID: "pg17/start/2", Subject: "pg17", Word: "start"}
)

// Run runs the suite. open gives a new, empty subject each time.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"a person": person, "once": once, "other devices": otherDevices, "reactions": reactions, "forgotten": forgotten, "notices": notices, "many at once": manyAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func note(t *testing.T, s Subject, at time.Time, changes ...inapp.Change) {
	t.Helper()
	if err := s.Note(t.Context(), at, changes...); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s Subject, who inapp.Who) inapp.State {
	t.Helper()
	p, err := s.Person(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func seen(t *testing.T, s Subject) map[string]int {
	t.Helper()
	views, err := s.Views(t.Context(), "pg17")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, v := range views {
		out[v.Channel+" "+v.Word] = v.Seen
	}
	return out
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

func person(t *testing.T, s Subject) {
	if p := find(t, s, ann); !p.Seen.IsZero() || p.Told("pg17") {
		t.Errorf("who was never here: %+v", p)
	}
	note(t, s, start, inapp.Change{Who: ann, Told: []inapp.Message{ahead}})
	note(t, s, start.Add(time.Minute), inapp.Change{Who: ann, Seen: []inapp.Message{ahead}, Read: 7})
	note(t, s, start.Add(2*time.Minute), inapp.Change{Who: ann, Dismissed: []inapp.Message{ahead, begun}, Read: 5, Reactions: map[string]string{"dark": "like"}})
	late := start.Add(2 * time.Minute)
	same(t, "ann", find(t, s, ann), inapp.State{Seen: late, Read: 7, Reactions: map[string]string{"dark": "like"}, Marks: map[string]inapp.Mark{
		ahead.ID: {Subject: "pg17", Told: start, Seen: start.Add(time.Minute), Dismissed: late},
		begun.ID: {Subject: "pg17", Seen: late, Dismissed: late},
	}})
	note(t, s, late, inapp.Change{Who: bob, Passed: []inapp.Message{ahead}})
	if p := find(t, s, bob); p.Told("pg17") || !cmp.Equal(p.Marks[ahead.ID], inapp.Mark{Subject: "pg17"}) {
		t.Errorf("what was passed over: %+v", p)
	}
	if p := find(t, s, other); len(p.Marks) != 0 {
		t.Errorf("somebody else has ann's marks: %+v", p)
	}
	note(t, s, start, inapp.Change{Who: ann}) // a server whose clock is behind
	if p := find(t, s, ann); !p.Seen.Equal(late) {
		t.Errorf("she was here at %s, and before that at %s", p.Seen, late)
	}
}

// The same again changes nothing and counts once, also when it comes from two devices, or again after an answer was lost.
func once(t *testing.T, s Subject) {
	change := inapp.Change{Who: ann, Told: []inapp.Message{ahead}, Seen: []inapp.Message{ahead}}
	note(t, s, start, change, change)
	first := find(t, s, ann)
	note(t, s, start.Add(time.Hour), change, inapp.Change{Who: bob, Seen: []inapp.Message{ahead, begun}}, inapp.Change{Who: other, Seen: []inapp.Message{ahead}})
	note(t, s, start.Add(2*time.Hour), inapp.Change{Who: ann, Dismissed: []inapp.Message{ahead}})
	same(t, "the first time", find(t, s, ann).Marks[ahead.ID].Told, first.Marks[ahead.ID].Told)
	same(t, "seen", seen(t, s), map[string]int{"app 7d": 2, "app start": 1, "admin 7d": 1})
}

func otherDevices(t *testing.T, s Subject) {
	who, at, err := s.Touched(t.Context(), 0)
	if err != nil || len(who) != 0 {
		t.Fatalf("%v, %v", who, err)
	}
	note(t, s, start, inapp.Change{Who: ann, Seen: []inapp.Message{ahead}}, inapp.Change{Who: bob})
	note(t, s, start, inapp.Change{Who: bob, Read: 3})
	note(t, s, start, inapp.Change{Who: ann, Dismissed: []inapp.Message{ahead}})
	who, next, err := s.Touched(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "touched", who, []inapp.Who{bob, ann})
	note(t, s, start, inapp.Change{Who: bob, Reactions: map[string]string{"dark": "love"}})
	who, _, err = s.Touched(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "touched later", who, []inapp.Who{bob})
}

func reactions(t *testing.T, s Subject) {
	for i, kind := range []string{"like", "like", "love", ""} {
		note(t, s, start, inapp.Change{Who: ann, Reactions: map[string]string{"dark": kind}})
		note(t, s, start, inapp.Change{Who: bob, Reactions: map[string]string{"dark": "like", "light": "unsure"}})
		got, err := s.Reactions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dark := []map[string]int{{"like": 2}, {"like": 2}, {"like": 1, "love": 1}, {"like": 1}}[i]
		same(t, "after "+kind, got, map[string]map[string]int{"dark": dark, "light": {"unsure": 1}})
	}
}

func forgotten(t *testing.T, s Subject) {
	note(t, s, start, inapp.Change{Who: ann, Seen: []inapp.Message{ahead}, Reactions: map[string]string{"dark": "like"}}, inapp.Change{Who: other}, inapp.Change{Who: bob, Seen: []inapp.Message{ahead}})
	note(t, s, start.AddDate(1, 0, 0), inapp.Change{Who: bob, Seen: []inapp.Message{begun}})
	for _, want := range []int{1, 1, 0} {
		if n, err := s.Forget(t.Context(), start.AddDate(0, 6, 0), 1); err != nil || n != want {
			t.Errorf("%d forgotten, want %d: %v", n, want, err)
		}
	}
	if p := find(t, s, ann); !p.Seen.IsZero() || len(p.Marks)+len(p.Reactions) != 0 {
		t.Errorf("of ann is left: %+v", p)
	}
	if p := find(t, s, bob); len(p.Marks) != 1 || p.Marks[begun.ID].Seen.IsZero() {
		t.Errorf("of bob is left: %+v", p)
	}
	same(t, "seen", seen(t, s), map[string]int{"app 7d": 2, "app start": 1})
	left, err := s.Reactions(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A notice is there once its time has come, without anybody sending it, until it is not true any more.
func notices(t *testing.T, s Subject) {
	plan := maint.Scheduled{Title: "Upgrade", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: time.Hour}, Notices: []string{"7d", "1d"}}
	say := func(at time.Time, e maint.Event) {
		t.Helper()
		if _, err := s.Append(t.Context(), "pg17", timeline.AnyVersion, timeline.Draft{At: at, Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	told := func(now time.Time, next time.Time, want ...string) {
		t.Helper()
		list, due, err := s.Notices(t.Context(), now)
		if err != nil || !due.Equal(next) {
			t.Errorf("at %s the next one is due at %s, want %s (%v)", now, due, next, err)
		}
		var got []string
		for _, n := range list {
			got = append(got, string(n.Kind)+" "+n.Word)
		}
		same(t, now.String(), got, want)
	}
	week, day := start.AddDate(0, 0, -7), start.AddDate(0, 0, -1)
	say(start.AddDate(0, 0, -10), plan)
	told(week.Add(-time.Second), week)
	told(week, day, "ahead 7d")
	say(week.Add(time.Hour), maint.Cancelled{})
	told(start, time.Time{}, "cancelled cancelled")
	told(start.AddDate(2, 0, 0), time.Time{})
}

// Two servers write at once, and nothing is counted twice or not at all.
func manyAtOnce(t *testing.T, s Subject) {
	const people, servers = 20, 4
	var all sync.WaitGroup
	for range servers {
		all.Go(func() {
			for i := range people {
				c := inapp.Change{Who: inapp.Who{Channel: "app", ID: fmt.Sprint(i)}, Seen: []inapp.Message{ahead}, Read: int64(i)}
				if err := s.Note(t.Context(), start, c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	same(t, "seen", seen(t, s), map[string]int{"app 7d": people})
}
