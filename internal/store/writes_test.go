package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/subscribe"
)

// stage is what a write finds: ann is told of everything and has a link, bob has not confirmed, eve has left. A mail to ann is out.
type stage struct {
	*store.Store
	lease run.Lease
	link  subscribe.Link
	out   notify.Delivery
}

var (
	everything = subscribe.Choice{Kinds: subscribe.Kinds}
	ada        = inapp.Who{Channel: "app", ID: "ada"}
	shown      = inapp.Message{ID: "pg17/7d/x", Subject: "pg17", Word: "7d"}
)

func newStage(t *testing.T, h home) *stage {
	t.Helper()
	s := &stage{Store: h.openNew(t)}
	no := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	s.lease, err = s.Acquire(t.Context(), "serve/notices")
	no(err)
	put(t, s.Store, mailTo("ann", everything), mailTo("eve", everything))
	taken := func() notify.Delivery {
		t.Helper()
		list, err := s.Take(t.Context(), s.lease, "subscribers/email", 1, noon)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0]
	}
	no(s.Ask(t.Context(), mailTo("eve", everything), noon))
	d := taken()
	no(s.Settle(t.Context(), s.lease, noon, notify.Outcome{ID: d.ID, State: notify.Sent}))
	no(s.Leave(t.Context(), subscribe.Link(d.To.Link), noon))
	no(s.Ask(t.Context(), mailTo("bob", everything), noon))
	bob := taken()
	no(s.Settle(t.Context(), s.lease, noon, notify.Outcome{ID: bob.ID, State: notify.Sent}))
	say(t, s.Store, maint.IncidentID("slow"), noon, maint.IncidentOpened{Title: "Slow", Status: maint.Investigating, Severity: maint.Minor, Text: "t"})
	s.out = taken()
	s.link = subscribe.Link(s.out.To.Link)
	say(t, s.Store, maint.IncidentID("gone"), noon, maint.IncidentOpened{Title: "Gone", Status: maint.Investigating, Severity: maint.Minor, Text: "t"})
	no(s.Note(t.Context(), noon, inapp.Change{Who: ada, Told: []inapp.Message{shown}, Reactions: map[string]string{"dark": "like"}}))
	return s
}

// all is everything that the writes are about.
func (s *stage) all(t *testing.T) (out []string) {
	t.Helper()
	list, err := s.List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		out = append(out, fmt.Sprintf("%s %s %v %s", x.Address, x.State, x.Choice, x.Reason))
	}
	out = append(out, queued(t, s.Store)...)
	for _, table := range []string{"subscribers", "subscriber_components", "subscriber_links", "notices", "people", "marks"} {
		out = append(out, fmt.Sprintf("%s %d", table, count(t, s.Writer(), `SELECT count(*) FROM `+table)))
	}
	out = append(out, fmt.Sprintf("bounces %d", count(t, s.Writer(), `SELECT coalesce(sum(bounces), 0) FROM subscribers`)))
	person, err := s.Person(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	views, err := s.Views(t.Context(), "pg17")
	if err != nil {
		t.Fatal(err)
	}
	reactions, err := s.Reactions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return append(out, fmt.Sprintf("%v %v %v", person, views, reactions))
}

// Each write of what people asked for, and of what they made of messages. One that failed was either made or not, never by half, and
// whoever got the error does the same again: then all is as if nothing had failed.
func testFaultsOfPeople(t *testing.T, h home) {
	note := func(c inapp.Change) func(*testing.T, *stage) error {
		c.Who = ada
		return func(t *testing.T, s *stage) error { return s.Note(t.Context(), noon.Add(time.Minute), c) }
	}
	for name, write := range map[string]func(t *testing.T, s *stage) error{
		"ask": func(t *testing.T, s *stage) error { return s.Ask(t.Context(), mailTo("cyd", everything), noon) },
		"ask again": func(t *testing.T, s *stage) error {
			return s.Ask(t.Context(), mailTo("eve", everything), noon.Add(time.Hour))
		},
		"choose": func(t *testing.T, s *stage) error {
			return s.Choose(t.Context(), s.link, subscribe.Choice{Kinds: subscribe.Kinds[:1], Components: []string{"app", "api"}}, noon)
		},
		"leave": func(t *testing.T, s *stage) error { return s.Leave(t.Context(), s.link, noon) },
		"put": func(t *testing.T, s *stage) error {
			_, err := s.Put(t.Context(), noon, mailTo("new", everything), mailTo("bob", subscribe.Choice{Kinds: subscribe.Kinds, Components: []string{"app"}}))
			return err
		},
		"remove": func(t *testing.T, s *stage) error {
			err := s.Remove(t.Context(), subscribe.Email, "ann@example.org", noon)
			if errors.Is(err, subscribe.ErrUnknown) { // it was removed before the answer was lost
				return nil
			}
			return err
		},
		"suppress": func(t *testing.T, s *stage) error { return s.Suppress(t.Context(), "ann@example.org", "bounce", noon) },
		"suppress unknown": func(t *testing.T, s *stage) error {
			return s.Suppress(t.Context(), "nobody@example.org", "wrote to us", noon)
		},
		"a mail that came": func(t *testing.T, s *stage) error {
			return s.Settle(t.Context(), s.lease, noon, notify.Outcome{ID: s.out.ID, State: notify.Sent})
		},
		"a mail that did not": func(t *testing.T, s *stage) error {
			return s.Settle(t.Context(), s.lease, noon, notify.Outcome{ID: s.out.ID, State: notify.Dead, Reason: "no such user"})
		},
		"told":        note(inapp.Change{Told: []inapp.Message{{ID: "pg17/1d/x", Subject: "pg17", Word: "1d"}}}),
		"passed over": note(inapp.Change{Passed: []inapp.Message{{ID: "pg17/1d/x", Subject: "pg17", Word: "1d"}}}),
		"seen":        note(inapp.Change{Seen: []inapp.Message{shown}}),
		"dismissed":   note(inapp.Change{Dismissed: []inapp.Message{shown}}),
		"read":        note(inapp.Change{Read: 12}),
		"a reaction":  note(inapp.Change{Reactions: map[string]string{"dark": "love", "light": "like"}}),
		"none more":   note(inapp.Change{Reactions: map[string]string{"dark": ""}}),
		"forget": func(t *testing.T, s *stage) error {
			_, err := s.Forget(t.Context(), noon.AddDate(1, 0, 0), 10)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newStage(t, h)
			before := whole.all(t)
			if err := write(t, whole); err != nil {
				t.Fatal(err)
			}
			after := whole.all(t)
			if cmp.Equal(before, after) {
				t.Fatal("it changes nothing")
			}
			for persisted, want := range map[bool][]string{false: before, true: after} {
				s := newStage(t, h)
				s.FailNext(persisted)
				if err := write(t, s); !errors.Is(err, store.ErrFault) {
					t.Fatalf("failed with %v", err)
				}
				if diff := cmp.Diff(want, s.all(t)); diff != "" {
					t.Errorf("failed, persisted %v:\n%s", persisted, diff)
				}
				if err := write(t, s); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(after, s.all(t)); diff != "" {
					t.Errorf("failed, persisted %v, and made again:\n%s", persisted, diff)
				}
			}
		})
	}
}
