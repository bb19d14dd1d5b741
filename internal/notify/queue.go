package notify

import (
	"context"
	"errors"
	"time"

	"github.com/lullhq/lull/internal/run"
)

// Queue is the port of notices and deliveries. They come into it with the events that cause them.
//
// Of several senders the one with the newest lease works: each call of another gives run.ErrLeaseLost. An
// error may mean that nothing was written, or that it was and the answer was lost. Each call may be repeated.
type Queue interface {
	// Spread makes the deliveries of notices whose time has come.
	Spread(ctx context.Context, lease run.Lease, now time.Time) error
	// Take leases up to most deliveries of a channel that are due. What an older lease has left is due at once,
	// and Twice is set in it.
	Take(ctx context.Context, lease run.Lease, channel string, most int, now time.Time) ([]Delivery, error)
	// Gather makes deliveries of a notice that was taken for Everyone to the recipients that are given; nil = to all who were
	// told of the maintenance by that channel. For those who have one already, nothing is added.
	Gather(ctx context.Context, lease run.Lease, d Delivery, recipients []string, now time.Time) error
	// Settle writes down what came of deliveries that were taken, and puts it on record once nothing of a notice is left.
	Settle(ctx context.Context, lease run.Lease, now time.Time, outcomes ...Outcome) error
}

// Outcome is what came of one attempt.
type Outcome struct {
	ID     int64
	State  State     // Sent, Dead or Waiting
	Due    time.Time // of the next attempt
	Twice  bool
	Reason string
}

// Desk is the port for people who look after the queue.
type Desk interface {
	// Deliveries lists some, the newest first.
	Deliveries(ctx context.Context, p Page) ([]Delivery, error)
	// Retry makes a dead delivery wait again. ErrNotDead when it is not dead, ErrNoDelivery when there is none.
	Retry(ctx context.Context, id int64, now time.Time) error
}

// Page is which deliveries are listed.
type Page struct {
	States []State // none = of any
	Before int64   // older than the delivery of this number; 0 = the newest
	Most   int     // 0 = all
}

// Conditions of the queue.
var (
	ErrNoDelivery = errors.New("there is no such delivery")
	ErrNotDead    = errors.New("only a delivery that was given up can be tried again")
)
