package pgup

import (
	"context"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) switchOver() run.Item {
	c := u.crossingThere()
	item := u.item("switch", "Switch", step{recall: u.recallFence, observe: c.observe, apply: c.apply, undo: u.unswitch})
	item.NoReturn = true
	return item
}

func (u *Upgrade) crossingThere() crossing {
	return crossing{u: u, step: "switch", way: u.there, fence: u.lookFence, ready: u.readyAndEqual, beside: u.whileComparing, arrived: u.arrivedOnTarget,
		here: "the old server", other: "the new server", public: fmt.Sprintf("The app now runs on PostgreSQL %d.", u.To)}
}

// arrivedOnTarget also says so to all the steps that the switch took for granted.
func (u *Upgrade) arrivedOnTarget(ctx context.Context) (there bool, err error) {
	there, err = u.onTarget(ctx)
	u.past = u.past || there
	return there, err
}

func (u *Upgrade) recallFence(rec run.Recorder) error {
	var memo crossed
	_, err := rec.Memo(&memo)
	u.fence = memo.Fence
	return err
}

// lookFence reads what the fence will change, while it is open.
func (u *Upgrade) lookFence(ctx context.Context) (cluster.Fence, error) {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return cluster.Fence{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	u.fence, err = cluster.LookFence(ctx, conn, u.databaseNames())
	return u.fence, err
}

// readyToSwitch is the gate that no option skips: nothing may reopen without planner
// statistics and visibility map. Everything that can be looked at before the hold is looked at here.
func (u *Upgrade) readyToSwitch(ctx context.Context, rec run.Recorder) error {
	if err := u.mayRefuse(ctx, rec); err != nil { // first, for it may wait for days
		return err
	}
	missing, err := u.withoutStatistics(ctx)
	if err == nil && len(missing) > 0 { // what clients changed since has worn them down
		if _, err = u.gather(ctx, rec); err == nil {
			missing, err = u.withoutStatistics(ctx)
		}
	}
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return hint.Errorf("ANALYZE them on the target and see what it says, then run again", "the target has no statistics on %d tables that have them on the source: %s", len(missing), sample(missing))
	}
	if err := rec.Note(ctx, "The new server has planner statistics on every table that had them on the old one.", maint.Figures{"tables_without_statistics_at_switch": float64(len(missing))}); err != nil {
		return err
	}
	now, err := cluster.Take(ctx, u.Source)
	if err != nil {
		return err
	}
	if extra := notIn(now.Databases, u.inv.Databases); len(extra) > 0 {
		return hint.Errorf("lull abort, then run again", "databases came up on the source after the upgrade began: %s", sample(extra))
	}
	if u.WayBack {
		if err := u.freshenWayBack(ctx); err != nil {
			return err
		}
	}
	return u.compareSchemas(ctx)
}

func notIn(now, then []cluster.Database) (extra []string) {
	known := map[string]bool{}
	for _, d := range then {
		known[d.Name] = true
	}
	for _, d := range now {
		if !known[d.Name] {
			extra = append(extra, d.Name)
		}
	}
	return extra
}

// unswitch opens the source again after a try that did not get anywhere.
func (u *Upgrade) unswitch(ctx context.Context, rec run.Recorder) error {
	forward, err := u.crossingThere().settle(ctx, rec)
	if err != nil {
		return err
	}
	if forward {
		u.past = true
		return hint.Errorf("lull rollback", "clients are on the new server: aborting does not bring them back")
	}
	return nil
}
