package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/subscribe"
	"github.com/lullhq/lull/internal/timeline"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func mailTo(name string, c subscribe.Choice) subscribe.Subscriber {
	return subscribe.Subscriber{Way: subscribe.Email, Address: name + "@example.org", Choice: c}
}

// queued are the deliveries, a line each, oldest first.
func queued(t *testing.T, s *store.Store) (out []string) {
	t.Helper()
	list, err := s.Deliveries(t.Context(), notify.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range slices.Backward(list) {
		out = append(out, fmt.Sprintf("%s %s %s", d.Notice.Word, strings.TrimSuffix(d.Recipient, "@example.org"), d.State))
	}
	slices.Sort(out)
	return out
}

func put(t *testing.T, s *store.Store, all ...subscribe.Subscriber) {
	t.Helper()
	if _, err := s.Put(t.Context(), noon, all...); err != nil {
		t.Fatal(err)
	}
}

var thePlan = maint.Scheduled{
	Title: "Database upgrade", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
	Components: map[string]maint.Impact{"app": maint.UnderMaintenance}, Notices: []string{"30d", "start", "late", "end"},
}

func say(t testing.TB, s *store.Store, id maint.ID, at time.Time, events ...maint.Event) {
	t.Helper()
	for _, e := range events {
		if _, err := s.Append(t.Context(), id, timeline.AnyVersion, timeline.Draft{At: at, Event: e}); err != nil {
			t.Fatal(err)
		}
	}
}

// Who is told what is decided in the database, in the transaction of the event.
func testSubscribers(t *testing.T, h home) {
	s := h.openNew(t)
	s.Tell(notify.Book{{Channel: "ops", Recipient: "ops"}})
	works, wrong := []subscribe.Kind{subscribe.Maintenances}, []subscribe.Kind{subscribe.Incidents}
	put(t, s, mailTo("all", subscribe.Choice{Kinds: subscribe.Kinds}), mailTo("app", subscribe.Choice{Kinds: works, Components: []string{"app", "www"}}),
		mailTo("api", subscribe.Choice{Kinds: works, Components: []string{"api"}}), mailTo("wrong", subscribe.Choice{Kinds: wrong}))
	if n, err := s.Put(t.Context(), noon, mailTo("all", subscribe.Choice{Kinds: subscribe.Kinds})); n != 0 || err != nil {
		t.Errorf("the same again: %d, %v", n, err)
	}
	say(t, s, "pg17", noon, thePlan)
	want := []string{"30d all waiting", "30d app waiting", "30d ops waiting"}
	if diff := cmp.Diff(want, queued(t, s)); diff != "" {
		t.Fatal(diff)
	}
	lease, err := s.Acquire(t.Context(), "serve/notices")
	if err != nil {
		t.Fatal(err)
	}
	const channel = "subscribers/email"
	taken, err := s.Take(t.Context(), lease, channel, 1, noon)
	if err != nil || len(taken) != 1 || taken[0].To == nil || taken[0].To.Recipient != "all@example.org" || len(taken[0].To.Link) != 26 {
		t.Fatalf("%+v, %v", taken, err)
	}
	link := subscribe.Link(taken[0].To.Link)
	if who, err := s.Holder(t.Context(), link, noon); err != nil || who.Address != "all@example.org" {
		t.Errorf("%+v, %v", who, err)
	}
	if n := count(t, s.Writer(), `SELECT count(*) FROM subscriber_links WHERE hash = $1`, []byte(link)); n != 0 {
		t.Error("the link itself is kept")
	}
	if err := s.Settle(t.Context(), lease, noon, notify.Outcome{ID: taken[0].ID, State: notify.Sent}); err != nil {
		t.Fatal(err)
	}
	// Later news overtake what waits. Those who were told are told, though the components are others now, and nobody else is.
	put(t, s, mailTo("late", subscribe.Choice{Kinds: subscribe.Kinds}), mailTo("all", subscribe.Choice{Kinds: subscribe.Kinds, Components: []string{"api"}}))
	say(t, s, "pg17", noon.Add(time.Hour), maint.Cancelled{})
	want = []string{"30d all sent", "30d app overtaken", "30d ops overtaken", "cancelled all waiting"}
	if diff := cmp.Diff(want, queued(t, s)); diff != "" {
		t.Error(diff)
	}
	// Whoever leaves gets nothing, not even what waits. Who comes back by the same link does.
	for range 2 {
		if err := s.Leave(t.Context(), link, noon); err != nil {
			t.Fatal(err)
		}
	}
	want[3] = "cancelled all overtaken"
	if diff := cmp.Diff(want, queued(t, s)); diff != "" {
		t.Error(diff)
	}
	if err := s.Choose(t.Context(), link, subscribe.Choice{Kinds: wrong}, noon); err != nil {
		t.Fatal(err)
	}
	say(t, s, maint.IncidentID("slow"), noon.Add(2*time.Hour), maint.IncidentOpened{Title: "Slow", Status: maint.Investigating, Severity: maint.Minor, Text: "t"})
	if got := queued(t, s); !slices.Equal(got[4:], []string{"opened all waiting", "opened late waiting", "opened wrong waiting"}) {
		t.Errorf("%v", got)
	}
	if _, err := s.Holder(t.Context(), link, noon.Add(subscribe.LinkFor)); !errors.Is(err, subscribe.ErrNoLink) {
		t.Errorf("a link that is over: %v", err)
	}
	if err := s.ForgetUnconfirmed(t.Context(), noon.Add(subscribe.LinkFor)); err != nil || count(t, s.Writer(), `SELECT count(*) FROM subscriber_links`) != 0 {
		t.Errorf("links that are over are kept: %v", err)
	}
	// Who is removed is forgotten, and counts all the same.
	if err := s.Remove(t.Context(), subscribe.Email, "all@example.org", noon); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(queued(t, s), "\n"); strings.Contains(got, " all ") || !strings.Contains(got, "30d forgotten/") {
		t.Errorf("after the removal:\n%s", got)
	}
}

// A plan that is moved is told once to each: who was told of the old window hears that it moved, and nobody gets two at once.
func testSubscribersOfAMove(t *testing.T, h home) {
	s := h.openNew(t)
	put(t, s, mailTo("ann", subscribe.Choice{Kinds: subscribe.Kinds}), mailTo("bob", subscribe.Choice{Kinds: subscribe.Kinds}))
	say(t, s, "pg17", noon, thePlan)
	lease, err := s.Acquire(t.Context(), "serve/notices")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := s.Take(t.Context(), lease, "subscribers/email", 1, noon)
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	if err := s.Settle(t.Context(), lease, noon, notify.Outcome{ID: taken[0].ID, State: notify.Sent}); err != nil {
		t.Fatal(err)
	}
	moved := thePlan
	moved.Window.Start = "2026-12-06 17:00"
	say(t, s, "pg17", noon.Add(time.Hour), maint.Rescheduled{Scheduled: moved})
	if diff := cmp.Diff([]string{"30d ann sent", "30d bob overtaken", "30d bob waiting", "rescheduled ann waiting"}, queued(t, s)); diff != "" {
		t.Error(diff)
	}
}

func testAsking(t *testing.T, h home) {
	s := h.openNew(t)
	who := mailTo("ann", subscribe.Choice{Kinds: subscribe.Kinds, Components: []string{"app"}, Language: "de", Zone: "Europe/Berlin"})
	ask := func(at time.Time, who subscribe.Subscriber) {
		t.Helper()
		if err := s.Ask(t.Context(), who, at); err != nil {
			t.Fatal(err)
		}
	}
	ask(noon, who)
	ask(noon.Add(subscribe.AskEvery-time.Second), who)
	if got := queued(t, s); len(got) != 1 {
		t.Errorf("asked twice in a moment: %v", got)
	}
	list, err := s.List(t.Context(), 0, 10)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	who.ID, who.State = list[0].ID, subscribe.Pending
	if diff := cmp.Diff([]subscribe.Subscriber{who}, list); diff != "" {
		t.Error(diff)
	}
	if err := s.Suppress(t.Context(), "gone@example.org", "bounce", noon); err != nil {
		t.Fatal(err)
	}
	ask(noon, mailTo("gone", subscribe.Choice{Kinds: subscribe.Kinds}))
	if got := queued(t, s); len(got) != 1 {
		t.Errorf("a suppressed address is written to: %v", got)
	}
	// What nobody confirms is forgotten, with the mail that asked for it. Until then it is kept.
	for _, tt := range []struct {
		after         time.Duration
		people, mails int
	}{{subscribe.PendingFor - time.Second, 2, 1}, {subscribe.PendingFor + time.Second, 1, 0}} {
		if err := s.ForgetUnconfirmed(t.Context(), noon.Add(tt.after)); err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context(), 0, 10)
		if err != nil || len(list) != tt.people || len(queued(t, s)) != tt.mails || count(t, s.Writer(), `SELECT count(*) FROM notices`) != tt.mails {
			t.Errorf("after %s: %+v, %v, %v", tt.after, list, queued(t, s), err)
		}
	}
	ask(noon.Add(subscribe.PendingFor+time.Second), mailTo("bob", subscribe.Choice{Kinds: subscribe.Kinds}))
	if list, err := s.List(t.Context(), 0, 10); err != nil || len(list) != 2 || list[0].Address != "gone@example.org" {
		t.Errorf("%+v, %v", list, err)
	}
}

// Mail that is refused for good several times in a row ends it; one that arrives in between does not.
func testBounces(t *testing.T, h home) {
	s := h.openNew(t)
	put(t, s, mailTo("ann", subscribe.Choice{Kinds: subscribe.Kinds}))
	lease, err := s.Acquire(t.Context(), "serve/notices")
	if err != nil {
		t.Fatal(err)
	}
	comes := func(n int, state notify.State) {
		t.Helper()
		say(t, s, maint.IncidentID(fmt.Sprint("i", n)), noon, maint.IncidentOpened{Title: "T", Status: maint.Investigating, Severity: maint.Minor, Text: "t"})
		taken, err := s.Take(t.Context(), lease, "subscribers/email", 10, noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range taken {
			if err := s.Settle(t.Context(), lease, noon, notify.Outcome{ID: d.ID, State: state, Reason: "no such user"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	states := func() subscribe.State {
		list, err := s.List(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return list[0].State
	}
	for i, state := range []notify.State{notify.Dead, notify.Dead, notify.Sent, notify.Dead, notify.Dead} {
		comes(i, state)
	}
	if got := states(); got != subscribe.Active {
		t.Errorf("it is %s", got)
	}
	comes(9, notify.Dead)
	if got := states(); got != subscribe.Suppressed {
		t.Errorf("after three in a row it is %s", got)
	}
}

// A hundred thousand subscribers are told of an event in its transaction, and none of them is loaded.
func BenchmarkManySubscribers(b *testing.B) {
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "lull.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const many = 100_000
	some := make([]subscribe.Subscriber, 0, 1000)
	for i := range many {
		some = append(some, mailTo(fmt.Sprint("a", i), subscribe.Choice{Kinds: subscribe.Kinds}))
		if len(some) == cap(some) {
			if _, err := s.Put(b.Context(), noon, some...); err != nil {
				b.Fatal(err)
			}
			some = some[:0]
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		e := maint.IncidentOpened{Title: "T", Status: maint.Investigating, Severity: maint.Minor, Text: "t"}
		if _, err := s.Append(b.Context(), maint.IncidentID(fmt.Sprint("i", i)), timeline.AnyVersion, timeline.Draft{At: noon, Event: e}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	began := time.Now()
	say(b, s, maint.IncidentID("i0"), noon, maint.IncidentUpdated{Status: maint.Identified, Severity: maint.Minor, Text: "t"})
	b.ReportMetric(time.Since(began).Seconds(), "s/overtaken")
	var n int
	if err := s.Reader().QueryRowContext(b.Context(), `SELECT count(*) FROM deliveries`).Scan(&n); err != nil || n != many*(b.N+1) {
		b.Fatalf("%d deliveries, %v", n, err)
	}
}
