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
	sendDeadline = 30 * time.Second // longest wait for the other side to take a message
	settleTries  = 5
	settleGap    = time.Second
	mostAttempts = 12 // with the gaps below: after about a day
	firstGap     = 10 * time.Second
	longestGap   = 3 * time.Hour
)

// Sender brings deliveries to people.
//
// A channel that knows what comes again gets many at once. Any other gets one at a time, so that
// after a crash at most that one comes twice, and is marked.
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

func (s *Sender) channel(ctx context.Context, lease run.Lease, name string, c Channel) error {
	most := 1
	if c.Knows() {
		most = sideBySide
	}
	for ctx.Err() == nil {
		taken, err := s.Queue.Take(ctx, lease, name, most, s.Now())
		if err != nil {
			return fmt.Errorf("take deliveries of %s: %w", name, err)
		}
		if len(taken) == 0 {
			return nil
		}
		if err := s.settle(ctx, lease, s.send(ctx, c, taken)); err != nil {
			return fmt.Errorf("write down what came of deliveries of %s: %w", name, err)
		}
	}
	return nil
}

// send tries each, and goes on to the end also when ctx ends: a message that is half out is an unknown.
func (s *Sender) send(ctx context.Context, c Channel, taken []Delivery) []Outcome {
	out := make([]Outcome, len(taken))
	var all sync.WaitGroup
	for i, d := range taken {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendDeadline)
			defer cancel()
			out[i] = s.outcome(d, c, s.one(ctx, c, d))
		})
	}
	all.Wait()
	return out
}

func (s *Sender) one(ctx context.Context, c Channel, d Delivery) error {
	to, known := s.Book.Find(d.Channel, d.Recipient)
	if d.To != nil {
		to, known = *d.To, true
	}
	if !known {
		return Refuse("neither lull.yaml nor a subscription names this recipient any more")
	}
	m, err := s.Words.Message(d, to)
	if err != nil {
		return err
	}
	m.Now = s.Now()
	return c.Send(ctx, m)
}

func (s *Sender) outcome(d Delivery, c Channel, err error) Outcome {
	o := Outcome{ID: d.ID, State: Sent, Twice: d.Twice && !c.Knows()}
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
func (s *Sender) settle(ctx context.Context, lease run.Lease, out []Outcome) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendDeadline)
	defer cancel()
	for range settleTries {
		if err = s.Queue.Settle(ctx, lease, s.Now(), out...); err == nil || errors.Is(err, run.ErrLeaseLost) {
			return err
		}
		s.Pause(ctx, settleGap)
	}
	return err
}
