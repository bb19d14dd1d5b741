package pgup

import (
	"context"
	"crypto/rand"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) checksAfter() run.Item {
	return u.item("after", "Checks after the switch", step{observe: u.seeAfter, apply: u.checkAfter})
}

func (u *Upgrade) seeAfter(_ context.Context, rec run.Recorder) (run.Observation, error) {
	passed, err := rec.Memo(&begun{})
	if err != nil || !passed {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "clients are on the new server, it takes writes, and its statistics are complete"}, nil
}

// checkAfter asks the new server what a client would find out the hard way.
func (u *Upgrade) checkAfter(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "checking the new server", Public: "Checking that all is well"})
	there, err := u.onTarget(ctx)
	if err != nil {
		return err
	}
	if !there {
		return hint.Errorf("look at SHOW DATABASES on the pooler", "the pooler does not send all clients to the new server")
	}
	if err := u.beltSource(ctx); err != nil {
		return err
	}
	if err := u.checkTarget(ctx, rec); err != nil {
		return err
	}
	return rec.Keep(ctx, begun{true})
}

// checkTarget ends the replication that comes to the new server, and asks whether it takes writes and
// knows of its tables what the old one does.
func (u *Upgrade) checkTarget(ctx context.Context, rec run.Recorder) error {
	if err := u.stopFollowing(ctx); err != nil {
		return err
	}
	if err := u.eachDatabase(ctx, u.target, checkWrites); err != nil {
		return err
	}
	lacking, err := u.lacking(ctx)
	if err == nil && len(lacking) > 0 { // clients have worn it down since
		if err = u.freshen(ctx, rec, lacking); err == nil {
			lacking, err = u.lacking(ctx)
		}
	}
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		return hint.Errorf("VACUUM ANALYZE them on the new server and see what it says, then run again", "the planner knows less of %d tables on the new server than on the old one: %s", len(lacking), sample(texts(lacking)))
	}
	return nil
}

// beltSource is for whoever still gets into the old server: what they write there would be lost.
func (u *Upgrade) beltSource(ctx context.Context) error {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return u.fence.Belt(ctx, conn)
}

// stopFollowing ends the replication that has nothing more to bring.
func (u *Upgrade) stopFollowing(ctx context.Context) error {
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		return cluster.StopFollowing(ctx, conn, u.slot(db))
	})
}

// checkWrites writes a row and reads it back, in the way of a client: with the database's own settings.
func checkWrites(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
	token := rand.Text()
	if err := cluster.PrepareMarker(ctx, conn, conn); err != nil {
		return err
	}
	if _, err := cluster.PutMarker(ctx, conn, "after", token); err != nil {
		return err
	}
	return cluster.AwaitMarker(ctx, conn, "after", token)
}

func (u *Upgrade) tidyUp() run.Item {
	item := u.item("tidy-up", "Clean-up", step{observe: u.seeTidy, apply: u.tidy})
	item.NoReturn = true
	return item
}

func (u *Upgrade) seeTidy(_ context.Context, rec run.Recorder) (run.Observation, error) {
	done, err := rec.Memo(&begun{})
	if err != nil || !done {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "publication, slots, subscriptions and the copy are gone; the old server stays closed to clients"}, nil
}

// tidy removes what the upgrade made on both sides, and with it the way back. The old
// server keeps its data and its fence.
func (u *Upgrade) tidy(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "cleaning up on both sides", Public: "Cleaning up"})
	for _, do := range []func(context.Context) error{u.tidySource, u.tidyTarget} {
		if err := do(ctx); err != nil {
			return hint.Wrap(err, "type the same command again once both servers answer; when the old one is gone for good: lull finish --source-gone")
		}
	}
	if err := u.seed.RemoveCopy(); err != nil {
		return err
	}
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	return rec.Note(ctx, "The old server still runs, closed to clients, with its data as it was at the switch. Stop it when nobody needs it any more.", nil)
}

func (u *Upgrade) tidyTarget(ctx context.Context) error {
	if err := u.dropSlotsBack(ctx); err != nil {
		return err
	}
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if err := cluster.Unsubscribe(ctx, conn, u.slot(db)); err != nil {
			return err
		}
		if err := cluster.Unpublish(ctx, conn, u.object()); err != nil {
			return err
		}
		return restoreIdentities(ctx, conn, u.identities[db.Name])
	})
}

func (u *Upgrade) tidySource(ctx context.Context) error {
	if u.SourceGone {
		return nil
	}
	if err := u.dropSlotsThere(ctx); err != nil {
		return err
	}
	return u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if err := cluster.Unsubscribe(ctx, conn, u.slot(db)); err != nil {
			return err
		}
		if err := cluster.Unpublish(ctx, conn, u.object()); err != nil {
			return err
		}
		return restoreIdentities(ctx, conn, u.identities[db.Name])
	})
}
