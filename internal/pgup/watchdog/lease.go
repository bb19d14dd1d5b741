package watchdog

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why a hold was given up.
var (
	errSilent = errors.New("the controller was silent")
	errGone   = errors.New("the controller is gone")
	errLate   = errors.New("the hold took too long")
	errAsked  = errors.New("the controller asked for it")
)

// lease is the controller's right to have clients held: until a deadline, and only
// while it gives signs of life.
type lease struct {
	mu       sync.Mutex
	ctx      context.Context // ends with the lease; nil when there was none yet
	cancel   context.CancelCauseFunc
	deadline time.Time
	heard    time.Time
	late     *time.Timer
	quiet    *time.Timer
	gone     bool
}

// begin gives the context that ends when the lease does.
func (l *lease) begin(parent context.Context, within time.Duration) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithCancelCause(parent)
	l.ctx, l.cancel = ctx, cancel
	l.heard = time.Now()
	l.deadline = l.heard.Add(within)
	l.late = time.AfterFunc(within, func() { cancel(errLate) })
	l.quiet = time.AfterFunc(silence, func() { cancel(errSilent) })
	if l.gone {
		cancel(errGone)
	}
	return ctx
}

// beat is a sign of life.
func (l *lease) beat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx != nil && l.ctx.Err() == nil {
		l.heard = time.Now()
		l.quiet.Reset(silence)
	}
}

// end ends the lease, if there is one, for the reason given.
func (l *lease) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = l.gone || why == errGone
	if l.ctx != nil {
		l.cancel(why)
		l.late.Stop()
		l.quiet.Stop()
	}
}

// over says why the lease has ended, or nil. It compares clocks itself: after the
// watchdog was stopped for a while, its timers may fire only after the next request.
func (l *lease) over(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ctx == nil:
		return nil
	case l.ctx.Err() != nil:
		return context.Cause(l.ctx)
	case !now.Before(l.deadline):
		return errLate
	case now.Sub(l.heard) > silence:
		return errSilent
	}
	return nil
}
