package pgup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/watchdog"
	"github.com/lullhq/lull/internal/run"
)

// switching is what the switch keeps before it touches anything: how to open the
// source again. Without it nobody could, after a crash.
type switching struct {
	Fence    cluster.Fence `json:"fence"`
	Recorded bool          `json:"recorded"` // how long the hold was is on the timeline
}

func (u *Upgrade) switchOver() run.Item {
	item := u.item("switch", "Switch", step{recall: u.recallFence, observe: u.seeSwitch, apply: u.moveClients, undo: u.unswitch})
	item.NoReturn = true
	return item
}

func (u *Upgrade) recallFence(rec run.Recorder) error {
	var memo switching
	_, err := rec.Memo(&memo)
	u.fence = memo.Fence
	return err
}

func (u *Upgrade) seeSwitch(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo switching
	began, err := rec.Memo(&memo)
	if err != nil {
		return run.Observation{}, err
	}
	there, err := u.onTarget(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	switch {
	case there && !began:
		return run.Observation{Presence: run.Foreign, Evidence: "the pooler points at the target already, and this maintenance did not do that"}, nil
	case there && !memo.Recorded:
		return run.Observation{Presence: run.Partial, Evidence: "clients are on the new server, and how long they were held is not on record yet"}, nil
	case there:
		u.past = true
		return run.Observation{Presence: run.Done, Evidence: "all poolers send their clients to the new server"}, nil
	case began:
		return run.Observation{Presence: run.Partial, Evidence: "an earlier try went back to the old server"}, nil
	}
	return run.Observation{Presence: run.Absent, Evidence: "clients are on the old server"}, nil
}

// moveClients first settles what an earlier run may have left, then tries to switch: a
// try that overruns its budget goes back by itself and is made again after a while.
func (u *Upgrade) moveClients(ctx context.Context, rec run.Recorder) error {
	if forward, err := u.settle(ctx, rec); err != nil || forward {
		return err
	}
	if err := u.readyToSwitch(ctx, rec); err != nil {
		return err
	}
	const tries = 5
	for n, gap := 1, time.Second; ; n, gap = n+1, 2*gap {
		err := u.try(ctx, rec, n)
		if err == nil || n == tries || !errors.Is(err, errBackOnSource) {
			return err
		}
		text := fmt.Sprintf("Try %d went back to the old server, nothing lost: %v. Next try in %s.", n, err, gap)
		if err := rec.Note(ctx, text, nil); err != nil {
			return err
		}
		rec.Progress(run.Progress{Text: text, Public: "Waiting for a good moment"})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(gap):
		}
	}
}

// errBackOnSource marks a try after which everything is as it was before it.
var errBackOnSource = errors.New("clients are back on the old server")

// settle looks where the clients are after a run that ended in the middle. Forward
// means that the decision had been made and has now been carried out.
func (u *Upgrade) settle(ctx context.Context, rec run.Recorder) (forward bool, err error) {
	var memo switching
	began, err := rec.Memo(&memo)
	if err != nil || !began {
		return false, err
	}
	spec, err := u.watchdogSpec(memo.Fence)
	if err != nil {
		return false, err
	}
	at, err := watchdog.Settle(ctx, spec)
	if err != nil {
		return false, fmt.Errorf("settle a switch that was cut off: %w", err)
	}
	if at != gate.Target {
		return false, rec.Note(ctx, "The run before this one ended during the switch. Its clients were found, or put, on the old server.", nil)
	}
	u.past = true
	return true, u.recordFromWatchdog(ctx, rec, memo, spec)
}

// recordFromWatchdog puts on record what the run that was cut off could not: the
// watchdog's own file has the moments of the hold.
func (u *Upgrade) recordFromWatchdog(ctx context.Context, rec run.Recorder, memo switching, spec watchdog.Spec) error {
	events, err := watchdog.ReadRecord(spec.Record)
	if err != nil {
		return err
	}
	moments := map[string]time.Time{}
	for _, e := range events {
		for _, m := range e.Marks {
			moments[m.Name] = m.At
		}
	}
	text, figures := "The run before this one ended during the switch. Its clients were found, or put, on the new server.", maint.Figures{}
	if asked, resumed := moments["asked"], moments["resumed"]; !asked.IsZero() && resumed.After(asked) {
		text = fmt.Sprintf("Clients were held for %.1f ms, by the watchdog's record. The run itself ended during the switch.", ms(resumed.Sub(asked)))
		figures = maint.Figures{"hold_ms": ms(resumed.Sub(asked)), "held_at_unix_ms": float64(asked.UnixMilli())}
	}
	return u.putOnRecord(ctx, rec, memo.Fence, text, figures)
}

// putOnRecord tells of the hold once, whatever ends in the middle.
func (u *Upgrade) putOnRecord(ctx context.Context, rec run.Recorder, fence cluster.Fence, text string, figures maint.Figures) error {
	if err := rec.Say(ctx, "hold", maint.Noted{Step: u.Name + "/switch", Text: text, Figures: figures}); err != nil {
		return err
	}
	if err := rec.Say(ctx, "switched", maint.Updated{Text: fmt.Sprintf("The app now runs on PostgreSQL %d.", u.To)}); err != nil {
		return err
	}
	return rec.Keep(ctx, switching{Fence: fence, Recorded: true})
}

// readyToSwitch is the gate that no option skips: nothing may reopen without planner
// statistics and visibility map. Everything that can be looked at before the hold is looked at here.
func (u *Upgrade) readyToSwitch(ctx context.Context, rec run.Recorder) error {
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

// try makes one switch. The order of what is kept matters: how to open the fence is
// written down before anything can close it.
func (u *Upgrade) try(ctx context.Context, rec run.Recorder, n int) error {
	fence, err := u.originalFence(ctx, rec)
	if err != nil {
		return err
	}
	h, err := u.newHold(ctx, fence)
	if err != nil {
		return err
	}
	defer h.close()
	rec.Progress(run.Progress{Text: "waiting for a good moment", Public: "Moving to the new server"})
	if err := h.awaitGoodMoment(ctx); err != nil {
		return err
	}
	t, err := h.do(ctx)
	if err != nil {
		return err
	}
	u.past = true
	return u.recordSwitch(ctx, rec, h, t, n)
}

func (u *Upgrade) originalFence(ctx context.Context, rec run.Recorder) (cluster.Fence, error) {
	var memo switching
	if began, err := rec.Memo(&memo); err != nil || began {
		return memo.Fence, err
	}
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return cluster.Fence{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	fence, err := cluster.LookFence(ctx, conn, u.databaseNames())
	if err != nil {
		return cluster.Fence{}, err
	}
	u.fence = fence
	return fence, rec.Keep(ctx, switching{Fence: fence})
}

// recordSwitch writes the conclusion once clients are on the target.
func (u *Upgrade) recordSwitch(ctx context.Context, rec run.Recorder, h *hold, t timing, try int) error {
	text := fmt.Sprintf("Clients were held for %.1f ms: %.1f until their transactions had ended, %.1f to close the old server to all others, %.1f until nobody was left there and its last change was seen on the new one, %.1f to open that one and send the clients there. Sequences carried over: %d.",
		ms(t.hold()), ms(t.drained.Sub(t.asked)), ms(t.fenced.Sub(t.drained)), ms(t.seen.Sub(t.fenced)), ms(t.resumed.Sub(t.seen)), h.sequenceCount())
	return u.putOnRecord(ctx, rec, h.fence, text, t.figures(try, h))
}

// unswitch opens the source again after a try that did not get anywhere.
func (u *Upgrade) unswitch(ctx context.Context, rec run.Recorder) error {
	forward, err := u.settle(ctx, rec)
	if err != nil {
		return err
	}
	if forward {
		return hint.Errorf("lull status", "clients are on the new server: the switch cannot be taken back by aborting")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
