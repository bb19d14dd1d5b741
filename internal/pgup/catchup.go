package pgup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// closeEnough is the lag, in bytes of WAL, below which the target counts as caught up.
// It is a few hundred transactions: what a busy server writes between two looks.
const closeEnough = 4 << 20

func (u *Upgrade) catchUp() run.Item {
	return u.before("catch-up", "Catch-up", step{observe: u.seeCatchUp, apply: u.awaitCatchUp})
}

func (u *Upgrade) seeCatchUp(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	if waited, err := rec.Memo(&begun{}); err != nil || !waited {
		return run.Observation{Presence: run.Absent}, err
	}
	lag, streaming, err := u.lag(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	evidence := fmt.Sprintf("%d of %d databases stream, %s behind", streaming, len(u.inv.Databases), bytesText(lag))
	if streaming == len(u.inv.Databases) && lag <= closeEnough {
		return run.Observation{Presence: run.Done, Evidence: evidence}, nil
	}
	return run.Observation{Presence: run.Absent, Evidence: evidence}, nil
}

// lag is that of the database furthest behind; databases that do not stream count as not known, which is 0 bytes.
func (u *Upgrade) lag(ctx context.Context) (bytes int64, streaming int, err error) {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return u.lagOn(ctx, conn)
}

func (u *Upgrade) lagOn(ctx context.Context, conn *pgx.Conn) (bytes int64, streaming int, err error) {
	for _, db := range u.inv.Databases {
		n, on, err := cluster.Lag(ctx, conn, u.slot(db))
		if err != nil {
			return 0, 0, err
		}
		if on {
			streaming++
			bytes = max(bytes, n)
		}
	}
	return bytes, streaming, nil
}

// awaitCatchUp waits until a marker written on the source is seen on the target in
// every database, and the lag is small.
func (u *Upgrade) awaitCatchUp(ctx context.Context, rec run.Recorder) error {
	began, first := time.Now(), int64(-1)
	stop := every(ctx, 500*time.Millisecond, func(ctx context.Context) {
		lag, streaming, err := u.lag(ctx)
		if err != nil || streaming == 0 {
			return
		}
		first = max(first, lag)
		rec.Progress(run.Progress{Text: bytesText(lag) + " behind", Unit: "bytes", Done: float64(first - lag), Total: float64(first), Public: "Catching up with what happened meanwhile"})
	})
	defer stop()
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	for {
		if err := u.barrier(ctx); err != nil {
			return err
		}
		if o, err := u.seeCatchUp(ctx, rec); err != nil || o.Presence == run.Done {
			stop()
			if err == nil {
				err = rec.Note(ctx, fmt.Sprintf("The target caught up in %.1f s.", time.Since(began).Seconds()), maint.Figures{"catch_up_s": time.Since(began).Seconds()})
			}
			return err
		}
	}
}

// barrier returns when everything that was committed on the source before the call is on the target.
func (u *Upgrade) barrier(ctx context.Context) error {
	return u.barrierBetween(ctx, u.Source, u.target, "")
}
