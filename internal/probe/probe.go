// Package probe looks at a product from outside: at web addresses, ports, names and
// databases. It does so once for a plan's check, steadily for the components of the status
// page, and every second during a maintenance, and says exactly when there was no good answer.
//
// It must not know of clusters, sites or the store. Addresses are the operator's own, out of
// lull.yaml and plans, so hosts of an internal network are looked at like any other: no
// address that a stranger gives may come here.
package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Looker asks one thing once.
type Looker interface {
	// Look gives nil when all is well, and ends when ctx does. Its error is the operator's;
	// a Fault in it says what of that anyone may read.
	Look(ctx context.Context) error
}

// Fault is what was wrong with an answer, in public words and in the operator's.
type Fault struct {
	Public  string // a short phrase without addresses, names and errors
	Warning bool   // it works now, and will not for long
	Err     error
}

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (f *Fault) Unwrap() error { return f.Err }

// silent is what the public reads of an error that has no words for it.
const silent = "did not answer"

// Probe is one way of seeing how a component is.
type Probe struct {
	Component string
	Kind      string // for the operator, as is Where
	Where     string
	Looker    Looker
	Every     time.Duration
	Timeout   time.Duration
	Confirm   int          // looks in a row that have to agree before they count
	Impact    maint.Impact // while there is no good answer
}

// Finding is what one look has found.
type Finding struct {
	Began  time.Time
	Took   time.Duration
	Impact maint.Impact
	Public string // "" when all is well
	Err    error  // for the operator; nil when all is well
}

// Look looks once.
func (p Probe) Look(ctx context.Context) Finding {
	f := Finding{Began: time.Now(), Impact: maint.Operational}
	f.Err = look(ctx, p.Looker, p.Timeout)
	f.Took = time.Since(f.Began)
	if f.Err == nil {
		return f
	}
	f.Impact, f.Public = p.Impact, silent
	var fault *Fault
	if errors.As(f.Err, &fault) {
		f.Public = fault.Public
		if fault.Warning {
			f.Impact = maint.DegradedPerformance
		}
	}
	return f
}

// look asks once, for so long and no longer.
func look(ctx context.Context, l Looker, within time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := l.Look(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	return &Fault{Public: "no answer within " + length(within), Err: fmt.Errorf("no answer within %s: %w", within, err)}
}

// length writes a time-out as people say it.
func length(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond)/time.Millisecond)
}
