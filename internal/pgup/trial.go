package pgup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// trialTime is the longest that a row of the trial may travel. Slots wait for transactions
// that are open on the new server, where nobody but the apply workers has any.
const trialTime = time.Minute

// tryWayBack sends a row from the new server to the old one in every database, over a
// subscription of its own: whether the old server reaches the new one, may log in there
// and applies what comes is known before anybody depends on it.
func (u *Upgrade) tryWayBack(ctx context.Context, rec run.Recorder) (err error) {
	if err := u.endTrial(ctx); err != nil { // of a run that was killed in it
		return err
	}
	defer func() { err = errors.Join(err, u.endTrial(context.WithoutCancel(ctx))) }()
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	err = u.eachDatabase(limited, u.target, func(ctx context.Context, target *pgx.Conn, db cluster.Database) error {
		source, err := u.Source.Connect(ctx, db.Name)
		if err != nil {
			return err
		}
		defer source.Close(context.WithoutCancel(ctx))
		return u.tryIn(ctx, source, target, db)
	})
	if err != nil {
		return hint.Wrap(fmt.Errorf("try the way back: %w", err), "see the old server's log; give target.host an address at which it reaches the new one, or write `way_back: off` in the plan")
	}
	took := time.Since(began)
	return rec.Note(ctx, fmt.Sprintf("The way back was tried in every database: a row went from the new server to the old one. It took %.1f s with all that it needs.", took.Seconds()),
		maint.Figures{"way_back_trial_s": took.Seconds()})
}

func (u *Upgrade) trialName(db cluster.Database) string { return u.slot(db) + "_t" }

func (u *Upgrade) tryIn(ctx context.Context, source, target *pgx.Conn, db cluster.Database) error {
	name := u.trialName(db)
	for _, do := range []func() error{
		func() error { return cluster.MakeTrial(ctx, target, false) },
		func() error { return cluster.MakeTrial(ctx, source, true) },
		func() error { return cluster.PublishTrial(ctx, target, name) },
		func() error { return cluster.CreateSlot(ctx, target, name) },
		func() error { return cluster.Subscribe(ctx, source, name, u.conninfoBack(db), name, name) },
		func() error { return cluster.SetSubscription(ctx, source, name, true) },
		func() error { return cluster.SendTrial(ctx, target, source, rand.Text()) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// endTrial removes what there is of a trial. The subscription goes first: nobody holds the slot then.
func (u *Upgrade) endTrial(ctx context.Context) error {
	err := u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if err := cluster.Unsubscribe(ctx, conn, u.trialName(db)); err != nil {
			return err
		}
		return cluster.DropTrial(ctx, conn, u.trialName(db))
	})
	if err != nil {
		return err
	}
	running, err := u.server.Running(ctx)
	if err != nil || !running {
		return err
	}
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if err := cluster.DropSlot(ctx, conn, u.trialName(db)); err != nil {
			return err
		}
		return cluster.DropTrial(ctx, conn, u.trialName(db))
	})
}
