package pgup

import (
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// dryAfter is what the last step of a rehearsal keeps: how long the steps after the switch take.
type dryAfter struct {
	Checks  time.Duration `json:"checks"`
	WayBack time.Duration `json:"way_back"` // beside what its trial took
	Views   time.Duration `json:"views"`
}

// stepsAfter does what comes after the switch, as far as it goes without clients on the new server: that
// server is taken away next. The way back was tried on rows of its own, and is not opened: a server that is
// rehearsed with changes nothing where clients are.
func (u *Upgrade) stepsAfter() run.Item {
	return u.item("dry-after", "Steps after the switch, without the switch", step{observe: seeKept[dryAfter], apply: u.tryAfter})
}

func (u *Upgrade) tryAfter(ctx context.Context, rec run.Recorder) error {
	var d dryAfter
	for _, part := range []struct {
		took *time.Duration
		do   func(context.Context, run.Recorder) error
	}{{&d.Checks, u.tryChecks}, {&d.WayBack, u.tryReverse}, {&d.Views, u.tryViews}} {
		began := time.Now()
		if err := part.do(ctx, rec); err != nil {
			return err
		}
		*part.took = time.Since(began)
	}
	if err := rec.Note(ctx, d.text(), d.figures()); err != nil {
		return err
	}
	return rec.Keep(ctx, d)
}

func (u *Upgrade) tryChecks(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "ending the replication, and writing to the new server"})
	if _, err := u.onTarget(ctx); err != nil {
		return err
	}
	return u.checkTarget(ctx, rec)
}

// tryReverse ends the way there for good, and says on the new server that definitions are frozen.
func (u *Upgrade) tryReverse(ctx context.Context, rec run.Recorder) error {
	if !u.WayBack {
		return nil
	}
	rec.Progress(run.Progress{Text: "turning the replication round, but for its start"})
	if err := u.dropSlotsThere(ctx); err != nil {
		return err
	}
	return u.freezeOn(ctx)
}

func (u *Upgrade) tryViews(ctx context.Context, rec run.Recorder) error {
	_, err := u.refreshAll(ctx, rec)
	return err
}

func (d dryAfter) text() string {
	return fmt.Sprintf("What comes after the switch was done on the new server: checks in %.1f s, the turn of the replication in %.1f s, materialized views in %.1f s.",
		d.Checks.Seconds(), d.WayBack.Seconds(), d.Views.Seconds())
}

func (d dryAfter) figures() maint.Figures {
	return maint.Figures{"after_s": d.Checks.Seconds(), "way_back_turn_s": d.WayBack.Seconds(), "views_after_s": d.Views.Seconds()}
}
