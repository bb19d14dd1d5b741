package pgup

import (
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// awaitGoodMoment waits until a marker travels fast, and then for a moment in which no
// client has a transaction open: the drain takes as long as the longest one, and everybody
// else waits behind it. A busy server may never be without any, so patience ends.
func (h *hold) awaitGoodMoment(ctx context.Context) error {
	const oldest, patience = 100 * time.Millisecond, 5 * time.Second
	for began := time.Now(); ; {
		sent := time.Now()
		if _, err := h.markers(ctx); err != nil {
			return err
		}
		limit := 8*time.Millisecond + time.Since(began)/50
		if time.Since(sent) < limit {
			age, active, err := h.quietest(ctx)
			if err != nil || active == 0 || age < oldest && time.Since(began) > patience {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a good moment: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// quietest looks for some milliseconds and returns at once when no transaction is open.
func (h *hold) quietest(ctx context.Context) (age time.Duration, active int, err error) {
	for until := time.Now().Add(50 * time.Millisecond); time.Now().Before(until); {
		age, active, err = cluster.OpenTransactions(ctx, h.from)
		if err != nil || active == 0 {
			break
		}
	}
	return age, active, err
}
