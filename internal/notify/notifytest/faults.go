package notifytest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// fault is one write that goes wrong.
type fault struct {
	call      string // Append, Spread, Take or Settle
	nth       int
	persisted bool // it is made, and fails all the same
	lasting   bool // so do all later ones under the same lease
}

func (f fault) String() string {
	how, last := "failed and not persisted", "once"
	if f.persisted {
		how = "failed but persisted"
	}
	if f.lasting {
		last = "from then on"
	}
	return fmt.Sprintf("%s %d %s, %s", f.call, f.nth, how, last)
}

// resends says whether a message may then be sent although it was sent before: the sender knows of it, and has no way to
// keep what it knows. That is the one in flight.
func (f fault) resends() bool { return f.call == "Settle" && f.lasting && !f.persisted }

var errFault = errors.New("the disk is full")

// faulty is a queue of which one write goes wrong.
type faulty struct {
	Subject
	fault
	calls  map[string]int
	broken int64 // epoch of the lease under which nothing works any more
}

// write makes a write, or not, and says how it went.
func (f *faulty) write(call string, epoch int64, do func() error) error {
	f.calls[call]++
	lasting := f.lasting && f.broken == epoch && epoch > 0
	if call != f.call && !lasting || call == f.call && f.calls[call] != f.nth && !lasting {
		return do()
	}
	if f.lasting && f.broken == 0 {
		f.broken = epoch
	}
	if f.persisted {
		if err := do(); err != nil {
			return err
		}
	}
	return errFault
}

func (f *faulty) Append(ctx context.Context, id maint.ID, expected int64, drafts ...timeline.Draft) (out []timeline.Entry, err error) {
	err = f.write("Append", 0, func() (err error) {
		out, err = f.Subject.Append(ctx, id, expected, drafts...)
		return err
	})
	return out, err
}

func (f *faulty) Spread(ctx context.Context, lease run.Lease, now time.Time) error {
	return f.write("Spread", lease.Epoch, func() error { return f.Subject.Spread(ctx, lease, now) })
}

func (f *faulty) Take(ctx context.Context, lease run.Lease, channel string, most int, now time.Time) (out []notify.Delivery, err error) {
	err = f.write("Take", lease.Epoch, func() (err error) {
		out, err = f.Subject.Take(ctx, lease, channel, most, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *faulty) Gather(ctx context.Context, lease run.Lease, d notify.Delivery, recipients []string, now time.Time) error {
	return f.write("Gather", lease.Epoch, func() error { return f.Subject.Gather(ctx, lease, d, recipients, now) })
}

func (f *faulty) Settle(ctx context.Context, lease run.Lease, now time.Time, outcomes ...notify.Outcome) error {
	return f.write("Settle", lease.Epoch, func() error { return f.Subject.Settle(ctx, lease, now, outcomes...) })
}

// Faults goes through every write of the way from an event to its recipients, and lets it fail in each way. None
// may be lost. Where the channel knows what comes again, a message may come again with the same key, which counts
// as once. Where it does not, at most the one in flight comes twice, and is marked.
func Faults(t *testing.T, open func(t *testing.T) Subject) {
	for _, call := range []string{"Append", "Spread", "Take", "Settle"} {
		for nth := 1; nth <= 3; nth++ {
			for _, persisted := range []bool{false, true} {
				for _, lasting := range []bool{false, true} {
					f := fault{call, nth, persisted, lasting}
					if call == "Append" && (nth > 2 || lasting) {
						continue
					}
					for _, knows := range []bool{false, true} {
						t.Run(fmt.Sprintf("%s, knows %v", f, knows), func(t *testing.T) {
							t.Parallel()
							tryFault(t, open(t), f, knows)
						})
					}
				}
			}
		}
	}
}

func tryFault(t *testing.T, s Subject, f fault, knows bool) {
	people := notify.Book{{Channel: "c", Recipient: "ann"}, {Channel: "c", Recipient: "bob"}, {Channel: "c", Recipient: "cyd"}}
	s.Tell(people)
	q := &faulty{Subject: s, fault: f, calls: map[string]int{}}
	at := start.AddDate(0, 0, -8)
	insist(t, q, pg17, timeline.Draft{Key: "scheduled", At: at, Event: plan})
	inbox := &Inbox{Tells: knows}
	at = start.AddDate(0, 0, -7)
	drain(t, q, inbox, people, &at)
	insist(t, q, pg17, timeline.Draft{Key: "start", At: start, Event: maint.Started{}})
	at = start
	drain(t, q, inbox, people, &at)

	list, err := s.Deliveries(t.Context(), notify.Page{})
	if err != nil || len(list) != 6 {
		t.Fatalf("%d deliveries, %v", len(list), err)
	}
	marked := map[string]int{}
	for _, d := range list {
		if d.State != notify.Sent {
			t.Errorf("delivery to %s is %s", d.Recipient, d.State)
		}
		if d.Twice {
			marked[d.Recipient]++
		}
	}
	doubled := 0
	for who, n := range inbox.Came() {
		doubled += n - 2
		switch {
		case n < 2:
			t.Errorf("%s got %d of 2", who, n)
		case n > 2 && !f.resends():
			t.Errorf("%s got %d of 2", who, n)
		case n > 2 && !knows && marked[who] == 0:
			t.Errorf("%s got one of them twice, and that is marked nowhere", who)
		}
	}
	if doubled > 1 && !knows {
		t.Errorf("%d came twice where one at most was in flight", doubled)
	}
	if len(marked) > 1 || knows && len(marked) > 0 {
		t.Errorf("marked: %v", marked)
	}
	(&desk{Subject: s, t: t}).givenTo("7d", 3)
}

func (d *desk) givenTo(word string, people int) {
	d.t.Helper()
	entries, err := d.History(d.t.Context(), maint.NoticesID(pg17))
	d.no(err)
	n := 0
	for _, e := range entries {
		if g := e.Event.(maint.NoticeGiven); g.Word == word {
			n += g.Channels["c"].Sent
		}
	}
	if n != people {
		d.t.Errorf("on record is %s to %d, not %d", word, n, people)
	}
}

// insist does what whoever got an error does: the same again, with the same key.
func insist(t *testing.T, q *faulty, id maint.ID, d timeline.Draft) {
	t.Helper()
	for try := 1; ; try++ {
		_, err := q.Append(t.Context(), id, timeline.AnyVersion, d)
		switch {
		case err == nil:
			return
		case !errors.Is(err, errFault) || try == 3:
			t.Fatal(err)
		}
	}
}

// drain works as a server does: under a lease until an error, then under a new one.
func drain(t *testing.T, q *faulty, inbox *Inbox, book notify.Book, at *time.Time) {
	t.Helper()
	for range 6 {
		*at = at.Add(time.Second)
		lease, err := q.Acquire(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		s := &notify.Sender{
			Queue: q, Channels: map[string]notify.Channel{"c": inbox}, Book: book, Words: notify.Words{Page: "https://status.example.com"},
			Now: func() time.Time { return *at }, Jitter: func() float64 { return 1 }, Pause: func(context.Context, time.Duration) {}, Log: slog.New(slog.DiscardHandler),
		}
		err = s.Work(t.Context(), lease)
		if end := q.Release(t.Context(), lease); end != nil {
			t.Fatal(end)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, errFault) {
			t.Fatal(err)
		}
	}
	t.Fatal("it does not come to an end")
}
