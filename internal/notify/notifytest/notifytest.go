// Package notifytest holds what every queue of notices must do, as one suite that each adapter runs, and a table of
// faults: what must follow when a write fails, and when it is made and fails all the same.
//
// It must not know which adapter it tests.
package notifytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Subject is a queue to be held to the suite, with the record and the journal that it is written with.
type Subject interface {
	notify.Queue
	notify.Desk
	timeline.Log
	Acquire(ctx context.Context, id maint.ID) (run.Lease, error)
	Release(ctx context.Context, lease run.Lease) error
	Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error
	Tell(book notify.Book)
}

// Run runs the suite. Each call of open gives an empty queue.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, f := range map[string]func(*testing.T, *desk){
		"deliveries come with the event":                         testWithTheEvent,
		"deliveries come with a commit of the journal":           testWithTheJournal,
		"what is not written leads to nothing":                   testNothingWithoutTheEvent,
		"the same event again leads to nothing":                  testSameEvent,
		"a notice of later comes when it is due, and once":       testDue,
		"what is taken is nobody else's":                         testTaken,
		"what a lost lease has left may have been sent":          testLeft,
		"a lost lease writes nothing":                            testLostLease,
		"what was settled stays as it is":                        testSettledTwice,
		"later news overtake what waits":                         testOvertaken,
		"an attempt that fails after later news is not the last": testFailedAfterNews,
		"the end is told to those who were told":                 testToTold,
		"what was moved is told to all who know, and once":       testMoved,
		"a plan that is changed at once is still told":           testChangedAtOnce,
		"a window that is moved there and back is told once":     testThereAndBack,
		"a delivery that was given up may be tried again":        testRetry,
		"what is shown elsewhere follows each fact":              testMirrors,
		"an audience is told person by person":                   testGather,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newDesk(t, open(t)))
		})
	}
}

const (
	pg17   maint.ID = "pg17"
	sender maint.ID = "serve/notices"
)

var (
	start = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	plan  = maint.Scheduled{
		Title: "Database upgrade", Summary: "We move our database to PostgreSQL 17.",
		Window:  maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
		Notices: []string{"7d", "1d", "start", "late", "end"},
	}
	book = notify.Book{{Channel: "chat", Recipient: "chat.example.com"}, {Channel: "mail", Recipient: "ann@example.com"}, {Channel: "mail", Recipient: "bob@example.com"}}
)

// desk is a queue with one sender at it.
type desk struct {
	Subject
	t     *testing.T
	lease run.Lease
}

func newDesk(t *testing.T, s Subject) *desk {
	s.Tell(book)
	d := &desk{Subject: s, t: t}
	d.again()
	return d
}

// again takes a new lease.
func (d *desk) again() {
	d.t.Helper()
	d.no(d.Release(d.t.Context(), d.lease))
	lease, err := d.Acquire(d.t.Context(), sender)
	d.no(err)
	d.lease = lease
}

func (d *desk) no(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) happens(at time.Time, e maint.Event) {
	d.t.Helper()
	_, err := d.Append(d.t.Context(), pg17, timeline.AnyVersion, timeline.Draft{Key: e.Kind() + at.String(), At: at, Event: e})
	d.no(err)
}

func (d *desk) take(channel string, at time.Time) []notify.Delivery {
	d.t.Helper()
	d.no(d.Spread(d.t.Context(), d.lease, at))
	taken, err := d.Take(d.t.Context(), d.lease, channel, 10, at)
	d.no(err)
	return taken
}

func (d *desk) settle(at time.Time, state notify.State, taken ...notify.Delivery) {
	d.t.Helper()
	for _, x := range taken {
		d.no(d.Settle(d.t.Context(), d.lease, at, notify.Outcome{ID: x.ID, State: state, Twice: x.Twice, Due: at.Add(time.Minute)}))
	}
}

func (d *desk) sendAll(at time.Time) {
	d.t.Helper()
	for _, channel := range []string{"chat", "mail"} {
		d.settle(at, notify.Sent, d.take(channel, at)...)
	}
}

// want compares the queue, oldest first, with lines such as "7d mail ann@example.com sent".
func (d *desk) want(lines ...string) {
	d.t.Helper()
	list, err := d.Deliveries(d.t.Context(), notify.Page{})
	d.no(err)
	var got []string
	for i := range list {
		x := list[len(list)-1-i]
		line := fmt.Sprintf("%s %s %s %s", x.Notice.Word, x.Channel, x.Recipient, x.State)
		if x.Twice {
			line += " twice"
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		d.t.Errorf("-want +got\n%s", diff)
	}
}

// given compares what is on record of notices.
func (d *desk) given(lines ...string) {
	d.t.Helper()
	entries, err := d.History(d.t.Context(), maint.NoticesID(pg17))
	d.no(err)
	var got []string
	for _, e := range entries {
		g := e.Event.(maint.NoticeGiven)
		got = append(got, fmt.Sprintf("%s %v", g.Word, g.Channels))
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		d.t.Errorf("on record -want +got\n%s", diff)
	}
}

func to(word, state string) []string {
	return []string{word + " chat chat.example.com " + state, word + " mail ann@example.com " + state, word + " mail bob@example.com " + state}
}

func all(lists ...[]string) (out []string) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func testWithTheEvent(t *testing.T, d *desk) {
	d.happens(start.AddDate(0, 0, -3), plan)
	d.want(to("7d", "waiting")...)
	taken := d.take("mail", start.AddDate(0, 0, -3))
	if len(taken) != 2 || taken[0].Notice.Title != plan.Title || taken[0].Attempts != 1 || taken[0].Key() == taken[1].Key() {
		t.Errorf("taken: %+v", taken)
	}
}

func testWithTheJournal(t *testing.T, d *desk) {
	d.happens(start.AddDate(0, 0, -3), plan)
	d.sendAll(start.AddDate(0, 0, -3))
	lease, err := d.Acquire(t.Context(), pg17)
	d.no(err)
	fact := timeline.Draft{Key: "start", At: start, Event: maint.Started{}}
	for range 2 {
		d.no(d.Commit(t.Context(), lease, run.Checkpoint{Step: "start", Status: run.Started, At: start}, fact))
	}
	d.want(all(to("7d", "sent"), to("start", "waiting"))...)
}

func testNothingWithoutTheEvent(t *testing.T, d *desk) {
	if _, err := d.Append(t.Context(), pg17, 7, timeline.Draft{At: start, Event: plan}); !errors.Is(err, timeline.ErrConflict) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Append(ctx, pg17, 0, timeline.Draft{At: start.AddDate(0, 0, -3), Event: plan}); err == nil {
		t.Error("written in spite of it")
	}
	d.want()
}

func testSameEvent(t *testing.T, d *desk) {
	for range 2 {
		d.happens(start.AddDate(0, 0, -3), plan)
	}
	d.want(to("7d", "waiting")...)
}

func testDue(t *testing.T, d *desk) {
	d.happens(start.AddDate(0, 0, -10), plan)
	for _, early := range []time.Duration{time.Hour, time.Microsecond} {
		if taken := d.take("mail", start.AddDate(0, 0, -7).Add(-early)); len(taken) != 0 {
			t.Errorf("%s early: %v", early, taken)
		}
	}
	d.want()
	for range 2 {
		d.sendAll(start.AddDate(0, 0, -7))
	}
	d.want(to("7d", "sent")...)
	d.sendAll(start.AddDate(0, 0, -1))
	d.want(all(to("7d", "sent"), to("1d", "sent"))...)
	d.given("7d map[chat:{1 0 0} mail:{2 0 0}]", "1d map[chat:{1 0 0} mail:{2 0 0}]")
}

func testTaken(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	if first, second := d.take("mail", at), d.take("mail", at.Add(time.Hour)); len(first) != 2 || len(second) != 0 {
		t.Errorf("first %v, then %v", first, second)
	}
	if taken := d.take("chat", at); len(taken) != 1 {
		t.Errorf("of another channel: %v", taken)
	}
	d.want(to("7d", "sending")...)
}

func testLeft(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	d.take("chat", at)
	d.again()
	taken := d.take("chat", at.Add(time.Second))
	if len(taken) != 1 || !taken[0].Twice || taken[0].Attempts != 2 {
		t.Fatalf("taken: %+v", taken)
	}
	d.settle(at, notify.Sent, taken...)
	d.want("7d chat chat.example.com sent twice", "7d mail ann@example.com waiting", "7d mail bob@example.com waiting")
	d.given()
	d.settle(at, notify.Sent, d.take("mail", at)...)
	d.given("7d map[chat:{1 0 1} mail:{2 0 0}]")
}

func testLostLease(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -10)
	d.happens(at, plan)
	old, due := d.lease, start.AddDate(0, 0, -7)
	d.again()
	if err := d.Spread(t.Context(), old, due); !errors.Is(err, run.ErrLeaseLost) {
		t.Errorf("spread: %v", err)
	}
	d.no(d.Spread(t.Context(), d.lease, due))
	if _, err := d.Take(t.Context(), old, "mail", 1, due); !errors.Is(err, run.ErrLeaseLost) {
		t.Errorf("take: %v", err)
	}
	if err := d.Settle(t.Context(), old, due, notify.Outcome{ID: 1, State: notify.Sent}); !errors.Is(err, run.ErrLeaseLost) {
		t.Errorf("settle: %v", err)
	}
	d.want(to("7d", "waiting")...)
}

func testSettledTwice(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	d.settle(at, notify.Sent, d.take("chat", at)...)
	taken := d.take("mail", at)
	d.settle(at, notify.Sent, taken...)
	d.settle(at, notify.Waiting, taken...)
	d.want(to("7d", "sent")...)
	d.given("7d map[chat:{1 0 0} mail:{2 0 0}]")
}

func testOvertaken(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	d.settle(at, notify.Sent, d.take("chat", at)...)
	d.no(d.Spread(t.Context(), d.lease, start.AddDate(0, 0, -1)))
	d.want(all([]string{"7d chat chat.example.com sent", "7d mail ann@example.com overtaken", "7d mail bob@example.com overtaken"}, to("1d", "waiting"))...)
	d.given("7d map[chat:{1 0 0}]")
	d.happens(start.Add(-time.Hour), maint.Cancelled{})
	d.want("7d chat chat.example.com sent", "7d mail ann@example.com overtaken", "7d mail bob@example.com overtaken",
		"1d chat chat.example.com overtaken", "1d mail ann@example.com overtaken", "1d mail bob@example.com overtaken", "cancelled chat chat.example.com waiting")
}

func testFailedAfterNews(t *testing.T, d *desk) {
	d.happens(start.AddDate(0, 0, -1), plan)
	taken := d.take("mail", start.AddDate(0, 0, -1))
	d.happens(start, maint.Started{})
	d.settle(start, notify.Waiting, taken[0])
	d.want("1d chat chat.example.com overtaken", "1d mail ann@example.com overtaken", "1d mail bob@example.com sending",
		"start chat chat.example.com waiting", "start mail ann@example.com waiting", "start mail bob@example.com waiting")
	d.again() // what the lost lease has left of the other one is no news either
	if taken := d.take("mail", start); len(taken) != 2 || taken[0].Notice.Word != "start" {
		t.Errorf("taken: %+v", taken)
	}
}

func testToTold(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -1)
	d.happens(at, plan)
	d.settle(at, notify.Sent, d.take("chat", at)...)
	mail := d.take("mail", at)
	d.settle(at, notify.Sent, mail[0])
	d.settle(at, notify.Dead, mail[1])
	d.given("1d map[chat:{1 0 0} mail:{1 1 0}]")
	d.Tell(append(book[:len(book):len(book)], notify.Address{Channel: "mail", Recipient: "new@example.com"}))
	d.happens(start.Add(-time.Hour), maint.Cancelled{})
	d.want("1d chat chat.example.com sent", "1d mail ann@example.com sent", "1d mail bob@example.com dead",
		"cancelled chat chat.example.com waiting", "cancelled mail ann@example.com waiting")
}

func testMoved(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	d.settle(at, notify.Sent, d.take("mail", at)...)
	moved := plan
	moved.Window.Start = "2026-12-06 17:00"
	d.happens(at.Add(time.Hour), maint.Rescheduled{Scheduled: moved})
	// Nobody told the chat of the first window: the second is all that it hears of.
	d.want("7d chat chat.example.com overtaken", "7d mail ann@example.com sent", "7d mail bob@example.com sent",
		"rescheduled mail ann@example.com waiting", "rescheduled mail bob@example.com waiting", "7d chat chat.example.com waiting")
	d.sendAll(at.Add(time.Hour))
	d.sendAll(start)
	list, err := d.Deliveries(t.Context(), notify.Page{States: []notify.State{notify.Sent}})
	d.no(err)
	if len(list) != 2+3+3 {
		t.Errorf("%d deliveries were sent", len(list))
	}
}

func testChangedAtOnce(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	other := plan
	other.Title = "Upgrade of the database"
	d.happens(at.Add(time.Second), maint.Rescheduled{Scheduled: other})
	d.want(to("7d", "waiting")...)
	for _, x := range d.take("mail", at.Add(time.Minute)) {
		if x.Notice.Title != other.Title {
			t.Errorf("it is told in old words: %q", x.Notice.Title)
		}
	}
	d.happens(at.Add(time.Hour), maint.Rescheduled{Scheduled: plan})
	d.want("7d chat chat.example.com waiting", "7d mail ann@example.com sending", "7d mail bob@example.com sending")
}

func testThereAndBack(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	d.settle(at, notify.Sent, d.take("mail", at)...)
	moved := plan
	moved.Window.Start = "2026-12-06 17:00"
	d.happens(at.Add(time.Hour), maint.Rescheduled{Scheduled: moved})
	d.happens(at.Add(2*time.Hour), maint.Rescheduled{Scheduled: plan})
	d.settle(at.Add(2*time.Hour), notify.Waiting, d.take("chat", at.Add(2*time.Hour))...)
	d.sendAll(at.Add(3 * time.Hour))
	d.want("7d chat chat.example.com sent", "7d mail ann@example.com sent", "7d mail bob@example.com sent",
		"rescheduled mail ann@example.com overtaken", "rescheduled mail bob@example.com overtaken", "7d chat chat.example.com overtaken",
		"rescheduled mail ann@example.com sent", "rescheduled mail bob@example.com sent")
}

func testRetry(t *testing.T, d *desk) {
	at := start.AddDate(0, 0, -3)
	d.happens(at, plan)
	taken := d.take("chat", at)
	d.settle(at, notify.Dead, taken...)
	d.sendAll(at)
	d.given("7d map[chat:{0 1 0} mail:{2 0 0}]")
	if err := d.Retry(t.Context(), 99, at); !errors.Is(err, notify.ErrNoDelivery) {
		t.Errorf("of none: %v", err)
	}
	d.no(d.Retry(t.Context(), taken[0].ID, at))
	if err := d.Retry(t.Context(), taken[0].ID, at); !errors.Is(err, notify.ErrNotDead) {
		t.Errorf("of one that waits: %v", err)
	}
	d.sendAll(at)
	d.want(to("7d", "sent")...)
	d.given("7d map[chat:{0 1 0} mail:{2 0 0}]", "7d map[chat:{1 0 0} mail:{2 0 0}]")
}

// Inbox is a channel that counts what comes. One that knows what comes again counts it once.
type Inbox struct {
	Tells bool // knows what comes again
	Fail  func(m notify.Message) error

	mu   sync.Mutex
	came map[string]int
	keys map[string]bool
}

// Knows implements notify.Channel.
func (b *Inbox) Knows() bool { return b.Tells }

// Send implements notify.Channel.
func (b *Inbox) Send(_ context.Context, m notify.Message) error {
	if b.Fail != nil {
		if err := b.Fail(m); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.came == nil {
		b.came, b.keys = map[string]int{}, map[string]bool{}
	}
	if b.Tells && b.keys[m.Key] {
		return nil
	}
	b.keys[m.Key] = true
	b.came[m.To.Recipient]++
	return nil
}

// Came gives how often each recipient got something.
func (b *Inbox) Came() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for k, n := range b.came {
		out[k] = n
	}
	return out
}
