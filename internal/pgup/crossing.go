package pgup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/watchdog"
	"github.com/lullhq/lull/internal/run"
)

// crossing is the step in which clients are moved, one way or the other.
type crossing struct {
	u     *Upgrade
	step  string                           // its name, without the upgrade's
	way   func(cluster.Fence) (way, error) // there or back
	fence func(context.Context) (cluster.Fence, error)
	ready func(context.Context, run.Recorder) error // everything that can be looked at before the hold
	// beside does what goes on while something is waited for. May be nil.
	beside  func(ctx context.Context, wait func(context.Context) error) error
	arrived func(context.Context) (bool, error) // are clients where they are to go
	here    string                              // the server they come from, in the record's words
	other   string                              // the one they go to
	public  string                              // what people are told once they are there
}

// crossed is what a crossing keeps before it touches anything: how to open the server
// again that clients come from. Without it nobody could, after a crash.
type crossed struct {
	Fence    cluster.Fence `json:"fence"`
	Recorded bool          `json:"recorded"` // how long the hold was is on the timeline
}

func (c crossing) observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo crossed
	began, err := rec.Memo(&memo)
	if err != nil {
		return run.Observation{}, err
	}
	there, err := c.arrived(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	switch {
	case there && !began:
		return run.Observation{Presence: run.Foreign, Evidence: "the pooler points at " + c.other + " already, and this maintenance did not do that"}, nil
	case there && !memo.Recorded:
		return run.Observation{Presence: run.Partial, Evidence: "clients are on " + c.other + ", and how long they were held is not on record yet"}, nil
	case there:
		return run.Observation{Presence: run.Done, Evidence: "all poolers send their clients to " + c.other}, nil
	case began:
		return run.Observation{Presence: run.Partial, Evidence: "an earlier try went back to " + c.here}, nil
	}
	return run.Observation{Presence: run.Absent, Evidence: "clients are on " + c.here}, nil
}

// apply first settles what an earlier run may have left, then tries to switch: a try
// that overruns its budget goes back by itself and is made again after a while.
func (c crossing) apply(ctx context.Context, rec run.Recorder) error {
	if forward, err := c.settle(ctx, rec); err != nil || forward {
		return err
	}
	if err := c.ready(ctx, rec); err != nil {
		return err
	}
	for n, gap := 1, time.Second; ; n, gap = n+1, min(2*gap, longestGap) {
		err := c.try(ctx, rec, n)
		if err == nil || !errors.Is(err, errBack) {
			return err
		}
		if n == c.u.tries() {
			return hint.Wrap(err, fmt.Sprintf("see in the timeline what each of the %d tries ended at; then run the same command again, at a quieter time or with another hold_budget or hold_tries in the plan", n))
		}
		rec.Progress(run.Progress{Text: fmt.Sprintf("try %d went back to %s; the next one in %s", n, c.here, gap), Public: "Waiting for a good moment"})
		if err := c.pause(ctx, gap); err != nil {
			return err
		}
	}
}

// pause is the gap between two tries.
func (c crossing) pause(ctx context.Context, gap time.Duration) error {
	wait := func(ctx context.Context) error { return sleep(ctx, gap) }
	if c.beside == nil {
		return wait(ctx)
	}
	return c.beside(ctx, wait)
}

// errBack marks a try after which everything is as it was before it.
var errBack = errors.New("clients are back on the server they came from")

// settle looks where the clients are after a run that ended in the middle. Forward
// means that the decision had been made and has now been carried out.
func (c crossing) settle(ctx context.Context, rec run.Recorder) (forward bool, err error) {
	var memo crossed
	began, err := rec.Memo(&memo)
	if err != nil || !began {
		return false, err
	}
	w, err := c.way(memo.Fence)
	if err != nil {
		return false, err
	}
	spec, err := c.u.watchdogSpec(w)
	if err != nil {
		return false, err
	}
	at, err := watchdog.Settle(ctx, spec)
	if err != nil {
		return false, fmt.Errorf("settle a switch that was cut off: %w", err)
	}
	if at != gate.Target {
		return false, rec.Note(ctx, "The run before this one ended during the switch. Its clients were found, or put, on "+c.here+".", nil)
	}
	return true, c.recordFromWatchdog(ctx, rec, memo, spec)
}

// recordFromWatchdog puts on record what the run that was cut off could not: the
// watchdog's own file has the moments of the hold.
func (c crossing) recordFromWatchdog(ctx context.Context, rec run.Recorder, memo crossed, spec watchdog.Spec) error {
	events, err := watchdog.ReadRecord(spec.Record)
	if err != nil {
		return err
	}
	moments := map[string]time.Time{}
	for _, e := range events {
		if e.Proof != nil {
			var proof maint.Fenced
			if err := json.Unmarshal(e.Proof, &proof); err != nil {
				return fmt.Errorf("read the proof in the watchdog's record: %w", err)
			}
			if err := rec.Say(ctx, c.key("fenced"), proof); err != nil {
				return err
			}
		}
		for _, m := range e.Marks {
			moments[m.Name] = m.At
		}
	}
	text, figures := "The run before this one ended during the switch. Its clients were found, or put, on "+c.other+".", maint.Figures{}
	if asked, resumed := moments["asked"], moments["resumed"]; !asked.IsZero() && resumed.After(asked) {
		text = fmt.Sprintf("Clients were held for %.1f ms, by the watchdog's record. The run itself ended during the switch.", ms(resumed.Sub(asked)))
		figures = maint.Figures{"hold_ms": ms(resumed.Sub(asked)), "held_at_unix_ms": float64(asked.UnixMilli())}
	}
	return c.putOnRecord(ctx, rec, memo.Fence, text, figures)
}

// putOnRecord tells of the hold once, whatever ends in the middle.
func (c crossing) putOnRecord(ctx context.Context, rec run.Recorder, fence cluster.Fence, text string, figures maint.Figures) error {
	if err := rec.Say(ctx, c.key("hold"), maint.Noted{Step: c.u.Name + "/" + c.step, Text: text, Figures: figures}); err != nil {
		return err
	}
	if err := rec.Say(ctx, c.key("switched"), maint.Updated{Text: c.public}); err != nil {
		return err
	}
	return rec.Keep(ctx, crossed{Fence: fence, Recorded: true})
}

// key makes a fact of this crossing one of its own: there may be another one back.
func (c crossing) key(what string) string {
	if c.step == stepSwitch {
		return what
	}
	return c.step + "/" + what
}

// try makes one switch. The order of what is kept matters: how to open the fence is
// written down before anything can close it.
func (c crossing) try(ctx context.Context, rec run.Recorder, n int) error {
	fence, err := c.original(ctx, rec)
	if err != nil {
		return err
	}
	w, err := c.way(fence)
	if err != nil {
		return err
	}
	h, err := c.u.newHold(ctx, w)
	if err != nil {
		return err
	}
	defer h.close()
	rec.Progress(run.Progress{Text: "waiting for a good moment", Public: "Moving to another server"})
	if err := h.deltas.tell(ctx, rec); err != nil {
		return err
	}
	stop := h.deltas.keepUp(ctx)
	if err := errors.Join(h.awaitGoodMoment(ctx, rec, n), stop()); err != nil {
		return err
	}
	if err := h.deltas.fits(c.u.HoldBudget, c.u.Unlogged); err != nil {
		return err
	}
	t, err := h.do(ctx, c.u.Name+"/"+c.step)
	if errors.Is(err, errBack) {
		if noted := c.recordTry(ctx, rec, h, t, n, err); noted != nil {
			return fmt.Errorf("%w, after a try that went back: %v", noted, err) // whoever has lost the journal tries nothing more
		}
		return err
	}
	if err != nil {
		return err
	}
	return c.recordHold(ctx, rec, h, t, n)
}

// recordTry tells what became of a try that went back, and why.
func (c crossing) recordTry(ctx context.Context, rec run.Recorder, h *hold, t timing, n int, cause error) error {
	held := time.Since(t.asked)
	text := fmt.Sprintf("Try %d went back to %s, nothing lost. Clients were held for %.0f ms: %s.", n, c.here, ms(held), strings.ReplaceAll(cause.Error(), "\n", "; "))
	if w := h.proof.writers; w != nil && len(w.Ended) > 0 {
		text += fmt.Sprintf(" Sessions that were still inside and were ended: %d.", len(w.Ended))
	}
	return rec.Note(ctx, text, maint.Figures{"try": float64(n), "went_back_ms": ms(held), "predicted_ms": ms(predict(h.rates).hold()), "went_back_at_unix_ms": float64(t.asked.UnixMilli())})
}

func (c crossing) original(ctx context.Context, rec run.Recorder) (cluster.Fence, error) {
	var memo crossed
	began, err := rec.Memo(&memo)
	if err != nil {
		return memo.Fence, err
	}
	if began {
		return c.withSuperusers(ctx, rec, memo)
	}
	fence, err := c.fence(ctx)
	if err != nil {
		return fence, err
	}
	memo.Fence = fence
	return fence, rec.Keep(ctx, memo)
}

// withSuperusers adds those that came up since the fence was looked at: between two tries it is open.
func (c crossing) withSuperusers(ctx context.Context, rec run.Recorder, memo crossed) (cluster.Fence, error) {
	w, err := c.way(memo.Fence)
	if err != nil {
		return memo.Fence, err
	}
	conn, err := w.from.Connect(ctx, "")
	if err != nil {
		return memo.Fence, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	now, err := cluster.Superusers(ctx, conn)
	if err != nil {
		return memo.Fence, err
	}
	before := len(memo.Fence.Superusers)
	for _, name := range now {
		if !slices.Contains(memo.Fence.Superusers, name) {
			memo.Fence.Superusers = append(memo.Fence.Superusers, name)
		}
	}
	if len(memo.Fence.Superusers) == before {
		return memo.Fence, nil
	}
	return memo.Fence, rec.Keep(ctx, memo)
}

// recordHold writes the conclusion once clients are where they were to go.
func (c crossing) recordHold(ctx context.Context, rec run.Recorder, h *hold, t timing, try int) error {
	text := fmt.Sprintf("Clients were held for %.1f ms: %.1f until their transactions had ended, %.1f to close %s to all others, %.1f until nobody was left there and its last change was seen on %s, %.1f to open that one and send the clients there. Sequences carried over: %d.",
		ms(t.hold()), ms(t.drained.Sub(t.asked)), ms(t.fenced.Sub(t.drained)), c.here, ms(t.seen.Sub(t.fenced)), c.other, ms(t.resumed.Sub(t.seen)), h.sequenceCount())
	if err := rec.Say(ctx, c.key("fenced"), h.fenced(c.u.Name+"/"+c.step)); err != nil {
		return err
	}
	return c.putOnRecord(ctx, rec, h.way.fence, text, t.figures(try, h))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
