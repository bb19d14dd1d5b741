package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/run"
)

const (
	sideBySide   = 16               // messages at once by a channel that knows what comes again
	takenAhead   = 8                // times as many are taken: the queue is asked while messages are on their way
	sendDeadline = 30 * time.Second // longest wait for the other side to take a message
	settleTries  = 5
	settleGap    = time.Second
	mostAttempts = 12 // with the gaps below: after about a day
	firstGap     = 10 * time.Second
	longestGap   = 3 * time.Hour
)

// Sender brings deliveries to people.
//
// A channel that knows what comes again, or that can be asked, gets many at once. Any other gets one at a time, so
// that after a crash at most that one comes twice, and is marked.
type Sender struct {
	Queue    Queue
	Channels map[string]Channel
	Book     Book
	Words    Words
	Now      func() time.Time
	Jitter   func() float64 // from 0 to 1
	Pause    func(context.Context, time.Duration)
	Log      *slog.Logger
}

// Work sends all that is due, under a lease, and returns when nothing is. After an error the lease is to be
// given up: what is left is then taken by the next one.
func (s *Sender) Work(ctx context.Context, lease run.Lease) error {
	if err := s.Queue.Spread(ctx, lease, s.Now()); err != nil {
		return fmt.Errorf("make the deliveries that are due: %w", err)
	}
	errs := make(chan error, len(s.Channels))
	for name, c := range s.Channels {
		go func() { errs <- s.channel(ctx, lease, name, c) }()
	}
	var all []error
	for range s.Channels {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// channel sends what is due by one channel. Deliveries are taken and written down here alone, while others send.
func (s *Sender) channel(ctx context.Context, lease run.Lease, name string, c Channel) error {
	lanes, most := 1, 1
	if w, ok := c.(Wide); ok {
		lanes = w.Lanes()
	} else if c.Knows() {
		lanes = sideBySide
	}
	if lanes > 1 {
		most = lanes * takenAhead
	}
	work, done := make(chan Delivery, most), make(chan Outcome, most)
	people, words := s.Book.of(name), &wording{words: s.Words}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer close(work)
	defer stop() // what is not on its way by then stays here
	for range lanes {
		all.Go(func() {
			for d := range work {
				done <- s.send(ctx, lease, c, d, people, words)
			}
		})
	}
	for out, dry := 0, false; ; {
		if room := most - out; !dry && ctx.Err() == nil && room >= (most+1)/2 {
			taken, err := s.Queue.Take(ctx, lease, name, room, s.Now())
			if err != nil {
				stop()
				return errors.Join(fmt.Errorf("take deliveries of %s: %w", name, err), s.settle(ctx, lease, name, drain(done, out)))
			}
			for _, d := range taken {
				work <- d
			}
			out += len(taken)
			dry = len(taken) == 0
		}
		if out == 0 {
			return nil
		}
		came := gather(done)
		out -= len(came)
		dry = dry && out > 0 // what is due now is found before it ends
		if err := s.settle(ctx, lease, name, came); err != nil {
			stop()
			return errors.Join(err, s.settle(ctx, lease, name, drain(done, out)))
		}
	}
}

// gather waits for one outcome, and takes those along that are there already.
func gather(done <-chan Outcome) []Outcome {
	out := []Outcome{<-done}
	for len(done) > 0 {
		out = append(out, <-done)
	}
	return out
}

// drain waits for all that are still on their way.
func drain(done <-chan Outcome, n int) (out []Outcome) {
	for range n {
		out = append(out, <-done)
	}
	return out
}

// send tries one, and goes on to the end also when ctx ends: a message that is half out is an unknown. After the end
// of ctx none is begun.
func (s *Sender) send(ctx context.Context, lease run.Lease, c Channel, d Delivery, people people, words *wording) Outcome {
	if ctx.Err() != nil {
		return Outcome{ID: d.ID, State: Waiting, Due: d.Due, Twice: d.Twice && !c.Knows()}
	}
	if g, ok := c.(Gatherer); ok && d.Recipient == Everyone {
		return s.outcome(d, c, s.gather(ctx, lease, g, d))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendDeadline)
	defer cancel()
	return s.outcome(d, c, s.one(ctx, c, d, people, words))
}

func (s *Sender) one(ctx context.Context, c Channel, d Delivery, people people, words *wording) error {
	to, known := people.find(d.Recipient)
	if d.To != nil {
		to, known = *d.To, true
	}
	if !known {
		return Refuse("neither lull.yaml nor a subscription names this recipient any more")
	}
	m, err := words.message(d, to)
	if err != nil {
		return err
	}
	m.Now = s.Now()
	if a, ok := c.(Asker); ok && d.Twice {
		if came, err := a.Came(ctx, m, d.Tried); err != nil || came {
			return err
		}
	}
	return c.Send(ctx, m)
}

// gather finds all who get a notice. Doing it again, after a crash or an error, adds those who are missing.
func (s *Sender) gather(ctx context.Context, lease run.Lease, g Gatherer, d Delivery) error {
	if d.Notice.ToTold {
		if err := s.Queue.Gather(ctx, lease, d, nil, s.Now()); err != nil {
			return fmt.Errorf("write down the recipients: %w", err)
		}
	}
	for after := ""; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		one, cancel := context.WithTimeout(ctx, sendDeadline)
		recipients, next, err := g.Members(one, d.Notice, after)
		cancel()
		if err != nil {
			return fmt.Errorf("find the recipients: %w", err)
		}
		if err := s.Queue.Gather(ctx, lease, d, append([]string{}, recipients...), s.Now()); err != nil {
			return fmt.Errorf("write down the recipients: %w", err)
		}
		if after = next; after == "" {
			return nil
		}
	}
}

func (s *Sender) outcome(d Delivery, c Channel, err error) Outcome {
	_, asked := c.(Asker)
	o := Outcome{ID: d.ID, State: Sent, Twice: d.Twice && !c.Knows() && d.Recipient != Everyone}
	if o.Twice && asked && err == nil {
		o.Twice = false // it was asked first
	}
	if err == nil {
		return o
	}
	o.Reason = err.Error()
	o.Twice = o.Twice || errors.Is(err, ErrUnanswered) && !c.Knows()
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		o.State = Dead
	case d.Attempts >= mostAttempts:
		o.State, o.Reason = Dead, fmt.Sprintf("%d attempts failed, the last one so: %v", d.Attempts, err)
	default:
		o.State, o.Due = Waiting, s.Now().Add(s.gap(d.Attempts, err))
	}
	s.Log.Warn("a delivery failed", "delivery", d.ID, "notice", d.Notice.ID, "channel", d.Channel, "attempt", d.Attempts, "state", string(o.State), "error", err)
	return o
}

// gap grows from attempt to attempt, and differs so that those which failed together do not come back together.
func (s *Sender) gap(attempt int, err error) time.Duration {
	gap := firstGap
	for range attempt - 1 {
		gap = min(3*gap, longestGap)
	}
	gap = gap/2 + time.Duration(s.Jitter()*float64(gap)/2)
	var busy *Busy
	if errors.As(err, &busy) {
		gap = max(gap, min(busy.For, longestGap))
	}
	return gap
}

// settle insists: what was sent and is not written down would be sent again.
func (s *Sender) settle(ctx context.Context, lease run.Lease, channel string, out []Outcome) (err error) {
	if len(out) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendDeadline)
	defer cancel()
	for try := range settleTries {
		if try > 0 {
			s.Pause(ctx, settleGap)
		}
		if err = s.Queue.Settle(ctx, lease, s.Now(), out...); err == nil || errors.Is(err, run.ErrLeaseLost) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("write down what came of deliveries of %s: %w", channel, err)
	}
	return nil
}
