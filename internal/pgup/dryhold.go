package pgup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

const (
	dryLooks   = 100 // so many that the slowest is the 99th percentile
	dryGap     = 50 * time.Millisecond
	dryRefresh = 10 // looks after which all round trips are made again
	dryFewest  = 10 // good moments that are enough to tell
)

// dryHold is what the step keeps, besides the time it took itself.
type dryHold struct {
	Ready  time.Duration `json:"ready"` // all that the switch does before anybody is held, with the wait for a good moment
	Median time.Duration `json:"median"`
	P99    time.Duration `json:"p99"`
	Looks  int           `json:"looks"`
	Good   int           `json:"good"` // looks at which the switch would have begun
}

// dryHolds is the switch without holding anybody: everything that it does before, and then how long a hold
// would be, at many moments.
func (u *Upgrade) dryHolds() run.Item {
	return u.guarded(true, u.item("dry-hold", "Switch, without holding anybody", step{observe: seeKept[dryHold], apply: u.lookDry}))
}

// seeKept is for a step that is done when it has kept what it found out.
func seeKept[T interface{ text() string }](_ context.Context, rec run.Recorder) (run.Observation, error) {
	var found T
	done, err := rec.Memo(&found)
	if err != nil || !done {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: found.text()}, nil
}

func (u *Upgrade) lookDry(ctx context.Context, rec run.Recorder) (err error) {
	var d dryHold
	began := time.Now()
	c := u.crossingThere()
	if err := c.ready(ctx, rec); err != nil {
		return err
	}
	fence, err := c.fence(ctx)
	if err != nil {
		return err
	}
	w, err := c.way(fence)
	if err != nil {
		return err
	}
	h, err := u.newHold(ctx, w)
	if err != nil {
		return err
	}
	defer h.close()
	d.Ready = time.Since(began)
	stop := h.deltas.keepUp(ctx)
	if err = d.look(ctx, h, rec); err == nil {
		began = time.Now()
		err = h.awaitGoodMoment(ctx, rec, 1)
		d.Ready += time.Since(began)
	}
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if err := rec.Note(ctx, d.text(), d.figures()); err != nil {
		return err
	}
	return rec.Keep(ctx, d)
}

// look predicts the hold at many moments. Those at which the switch would wait for a better one count
// only where there are hardly any others.
func (d *dryHold) look(ctx context.Context, h *hold, rec run.Recorder) error {
	var good, all []time.Duration
	reason := ""
	for i := range dryLooks {
		if i%dryRefresh == dryRefresh-1 {
			if err := h.rehearse(ctx); err != nil {
				return err
			}
		}
		m, err := h.look(ctx)
		if err != nil {
			return err
		}
		took := predict(m.rates).hold()
		if all = append(all, took); m.reason == "" {
			good = append(good, took)
		} else {
			reason = m.reason
		}
		rec.Progress(run.Progress{Text: "looking how long a hold would be", Unit: "looks", Done: float64(i + 1), Total: dryLooks})
		if err := sleep(ctx, dryGap); err != nil {
			return err
		}
	}
	if len(good) == 0 {
		return hint.Errorf("choose a quieter time, or allow more in the plan: hold_budget, oldest_transaction; then lull rehearse again",
			"at none of %d moments could clients have been held for less than the plan allows: %s", dryLooks, reason)
	}
	d.Looks, d.Good = len(all), len(good)
	if len(good) < dryFewest {
		good = all
	}
	slices.Sort(good)
	d.Median, d.P99 = good[len(good)/2], good[min(len(good)-1, len(good)*99/100)]
	return nil
}

func (d dryHold) text() string {
	return fmt.Sprintf("Clients would be held for %.0f ms, and for %.0f ms at 1 of 100 moments. Moments looked at: %d; the switch would have begun at %d of them. Nobody was held.",
		ms(d.Median), ms(d.P99), d.Looks, d.Good)
}

func (d dryHold) figures() maint.Figures {
	return maint.Figures{"hold_predicted_ms": ms(d.Median), "hold_predicted_p99_ms": ms(d.P99), "dry_looks": float64(d.Looks), "dry_good": float64(d.Good),
		"switch_ready_s": d.Ready.Seconds()}
}

// Rehearsed gives what was learned of the steps after the rehearsal's last, by the notes of the rehearsal.
func (u *Upgrade) Rehearsed(notes maint.Figures) (steps []maint.StepTime, hold *maint.HoldTimes) {
	if notes["dry_looks"] == 0 {
		return nil, nil
	}
	add := func(item run.Item, seconds float64) {
		if seconds > 0 {
			steps = append(steps, maint.StepTime{Step: item.Step.Name(), Title: item.Title, Took: time.Duration(seconds * float64(time.Second))})
		}
	}
	add(u.switchOver(), notes["switch_ready_s"]+notes["hold_predicted_ms"]/1000)
	add(u.checksAfter(), notes["after_s"])
	if u.WayBack {
		add(u.followBack(), notes["way_back_trial_s"]+notes["way_back_turn_s"])
	}
	add(u.viewsAfter(), notes["views_after_s"])
	millis := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	return steps, &maint.HoldTimes{Median: millis(notes["hold_predicted_ms"]), P99: millis(notes["hold_predicted_p99_ms"]), Looks: int(notes["dry_looks"])}
}
