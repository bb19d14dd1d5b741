package pgup

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// freeze refuses changes of definitions from before the position is chosen that the copy
// is brought to: recovery carries every change before that position to the copy, logical
// replication carries none after it. It comes after the base backup, because until then
// changes do no harm, and clients need not wait for them any longer than they must.
//
// The copy gets the freeze by recovery, so the new server has it as well. There it goes on
// after the switch, for as long as there is a way back. It goes with Lull's schema: see Unpublish.
func (u *Upgrade) freeze() run.Item {
	return u.before("freeze", "Freeze of definitions", step{observe: u.seeFreeze, apply: u.freezeSource, undo: u.thawSource})
}

// frozen is the name that the freeze's event triggers begin with.
func (u *Upgrade) frozen() string {
	name := u.object()
	return name[:min(len(name), 44)]
}

func (u *Upgrade) notice() cluster.Notice {
	return cluster.Notice{Title: u.Title, ID: u.ID, Until: u.Until, Contact: u.Contact}
}

func (u *Upgrade) seeFreeze(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	ours, err := rec.Memo(&begun{})
	if err != nil {
		return run.Observation{}, err
	}
	var mu sync.Mutex
	var done, partial int
	err = u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
		f, err := cluster.LookFreeze(ctx, conn, u.frozen(), u.notice())
		mu.Lock()
		defer mu.Unlock()
		switch {
		case f.Whole:
			done++
		case f.Triggers > 0:
			partial++
		}
		return err
	})
	if err != nil {
		return run.Observation{}, err
	}
	evidence := fmt.Sprintf("definitions are frozen in %d of %d databases", done, len(u.inv.Databases))
	if !ours && done+partial > 0 {
		return run.Observation{Presence: run.Foreign, Evidence: evidence}, nil
	}
	return begunAtLeast(ours, verdict(len(u.inv.Databases), done, partial, evidence)), nil
}

// freezeSource returns when no transaction is left that may have changed definitions before it met the freeze.
func (u *Upgrade) freezeSource(ctx context.Context, rec run.Recorder) error {
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	err := u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
		if err := cluster.Freeze(ctx, conn, u.frozen(), u.notice()); err != nil {
			return err
		}
		tell := func(b cluster.Blocker) { rec.Progress(waiting(b)) }
		if err := cluster.AwaitIndexBuilds(ctx, conn, tell); err != nil {
			return err
		}
		return awaitOlder(ctx, conn, rec)
	})
	if err != nil {
		return err
	}
	return rec.Note(ctx, "Definitions are frozen from now on. Whoever tries to change one is told which maintenance it is, until when, and whom to ask.", nil)
}

// freezeOn gives the freeze of the new server words for the time in which the old one follows it.
func (u *Upgrade) freezeOn(ctx context.Context) error {
	n := u.notice()
	n.WayBack = true
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
		return cluster.Freeze(ctx, conn, u.frozen(), n)
	})
}

func (u *Upgrade) thawSource(ctx context.Context, rec run.Recorder) error {
	if ours, err := rec.Memo(&begun{}); err != nil || !ours {
		return err
	}
	return u.thaw(ctx)
}

func (u *Upgrade) thaw(ctx context.Context) error {
	return u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
		return cluster.Thaw(ctx, conn, u.frozen())
	})
}
