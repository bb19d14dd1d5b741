package pgup

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// text is what is said of the passes before the hold; "" when there was nothing to bring.
func (d *deltas) text() string {
	if len(d.list) == 0 {
		return ""
	}
	return fmt.Sprintf("Large objects and unlogged tables are brought over as they are now (%s). What changes until the switch is brought over in the hold, which takes about %s of it.",
		movedText(d.bulk), rounded(d.predicted))
}

func movedText(m cluster.Moved) string {
	return fmt.Sprintf("changed: %d, removed: %d, %s", m.Items, m.Gone, bytesText(m.Bytes))
}

func (d *deltas) tell(ctx context.Context, rec run.Recorder) error {
	if len(d.list) == 0 {
		return nil
	}
	return rec.Note(ctx, d.text(), maint.Figures{"delta_items": float64(d.bulk.Items), "delta_bytes": float64(d.bulk.Bytes), "delta_predicted_ms": ms(d.predicted)})
}

// figures are those of the hold.
func (d *deltas) figures(into maint.Figures) maint.Figures {
	if len(d.list) > 0 {
		into["delta_predicted_ms"], into["delta_ms"] = ms(d.predicted), ms(d.took)
		into["delta_items_held"], into["delta_bytes_held"] = float64(d.inside.Items), float64(d.inside.Bytes)
	}
	return into
}

// keepUp goes on making passes while a good moment is waited for, so that the hold finds
// no more than predicted: at least one comes after everything was prepared. Stop returns
// when the last one has ended.
func (d *deltas) keepUp(ctx context.Context) (stop func() error) {
	if len(d.list) == 0 {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		for {
			m, took, err := d.pass(context.WithoutCancel(ctx))
			if err != nil {
				ended <- err
				return
			}
			d.bulk, d.predicted = d.bulk.Plus(m), took
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-time.After(200*time.Millisecond + 4*took): // the source has other work as well
			}
		}
	}()
	return func() error { cancel(); return <-ended }
}

// rest carries everything that does not come by replication, once nobody else is there.
func (h *hold) rest(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.deltas.inFence(ctx) })
	group.Go(func() error {
		if err := h.unchanged(ctx); err != nil {
			return err
		}
		if err := h.sequences(ctx); err != nil {
			return err
		}
		return h.noneCame(ctx)
	})
	return group.Wait()
}

// noneCame is for databases that had no large objects when the hold was prepared. A client
// may have made one since, for which nothing is ready: the next try sees it.
func (h *hold) noneCame(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range h.lanes {
		if h.deltas.covers(l.db) {
			continue
		}
		group.Go(func() error {
			if some, err := cluster.HasLargeObjects(ctx, l.seqFrom); err != nil || !some {
				return err
			}
			return fmt.Errorf("a client made the first large object of database %s", l.db.Name)
		})
	}
	return group.Wait()
}

func (u *Upgrade) carryDeltas() run.Item {
	return u.before("deltas", "Large objects and unlogged tables", step{observe: u.seeDeltas, apply: u.bringDeltas})
}

func (u *Upgrade) seeDeltas(_ context.Context, rec run.Recorder) (run.Observation, error) {
	brought, err := rec.Memo(&begun{})
	if err != nil || !brought {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "what replication does not carry was brought over; the hold brings what changed since"}, nil
}

// bringDeltas comes before the statistics, which are gathered of what it brings, and well
// before the switch: a person learns here that the hold would be too long.
func (u *Upgrade) bringDeltas(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "large objects and unlogged tables", Public: "Copying the database"})
	d, err := openDeltas(ctx, u.Source, u.target, u.inv.Databases, u.Unlogged)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.bring(ctx); err != nil {
		return err
	}
	if err := d.tell(ctx, rec); err != nil {
		return err
	}
	if err := d.fits(u.HoldBudget, u.Unlogged); err != nil {
		return err
	}
	return rec.Keep(ctx, begun{true})
}
