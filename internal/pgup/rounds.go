package pgup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// pass is one comparison of every row of every database.
type pass struct {
	Ended  time.Time     `json:"ended"`
	Took   time.Duration `json:"took"`
	Tables int           `json:"tables"`
	Rows   int64         `json:"rows"`
	Bytes  int64         `json:"bytes"`
}

// freshFor is how long a pass answers for the rows at the switch, at the least. A pass that
// took long itself answers for twice as long, or there could never be one.
const freshFor = 5 * time.Minute

func (p pass) fresh(now time.Time) bool { return now.Sub(p.Ended) < max(freshFor, 2*p.Took) }

// Rounds leave clients almost alone: nobody waits for them.
const (
	roundDuty = 0.1
	roundGap  = 10 * time.Second
)

// whileComparing does something that may take long while rows go on being compared, round
// after round. A difference ends it: nothing that is waited for is worth more. What does
// not end the rounds is a server that does not answer, which whoever waits finds out.
//
// Rounds end with what they go on beside, so that no step leaves anything running: a hold
// begins with nobody else on the old server, and a run that ends leaves nothing behind. Where
// nothing of the upgrade is running between two steps, nothing is compared either, and the
// switch asks for a pass that is fresh. Looking only at rows that changed since the last
// pass would find less: damage does not come with a transaction id. And finding those rows
// is as much work as comparing all, because no index leads to them.
func (u *Upgrade) whileComparing(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	side, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		found := u.rounds(side)
		if found != nil {
			cancel(found)
		}
		ended <- found
	}()
	err := do(ctx)
	stop()
	if found := <-ended; found != nil {
		return found
	}
	return err
}

// rounds compare until ctx ends. Their error is a difference.
func (u *Upgrade) rounds(ctx context.Context) error {
	for {
		if err := sleep(ctx, max(roundGap, u.compared.Took)); err != nil {
			return nil
		}
		p, _, err := u.comparePass(ctx, func(run.Progress) {}, roundDuty)
		switch {
		case errors.Is(err, errRowsDiffer):
			return err
		case err == nil:
			u.compared, u.passes = p, u.passes+1
		}
	}
}

// readyAndEqual is readyToSwitch with every row known to be equal as late as can be, and the
// memory filled after that: comparing reads other blocks.
func (u *Upgrade) readyAndEqual(ctx context.Context, rec run.Recorder) error {
	if err := u.whileComparing(ctx, func(ctx context.Context) error { return u.readyToSwitch(ctx, rec) }); err != nil {
		return err
	}
	if !u.compared.fresh(time.Now()) {
		p, asides, err := u.comparePass(ctx, rec.Progress, 1)
		if err != nil {
			return err
		}
		if err := noteAll(ctx, rec, asides); err != nil {
			return err
		}
		u.compared, u.passes = p, u.passes+1
	}
	ago := time.Since(u.compared.Ended).Seconds()
	text := fmt.Sprintf("Rows compared before the switch: %d. The comparison ended at %s, %.0f s ago. None differs.", u.compared.Rows, u.compared.Ended.UTC().Format("15:04:05 UTC"), ago)
	if err := rec.Note(ctx, text, maint.Figures{"rows_compared_last": float64(u.compared.Rows), "compared_before_switch_s": ago, "comparisons": float64(u.passes)}); err != nil {
		return err
	}
	return u.refreshCache(ctx, rec)
}

// sleep waits so long, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
