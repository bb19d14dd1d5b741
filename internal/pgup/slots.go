package pgup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// begun is a memo that says no more than that what is found is ours.
type begun struct {
	Begun bool `json:"begun"`
}

func (u *Upgrade) slots() run.Item {
	return u.before("slots", "Replication slots", step{observe: u.seeSlots, apply: u.createSlots, undo: u.dropSlots})
}

func (u *Upgrade) seeSlots(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	ours, err := rec.Memo(&begun{})
	if err != nil {
		return run.Observation{}, err
	}
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return run.Observation{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	done, foreign := 0, ""
	for _, db := range u.inv.Databases {
		s, found, err := cluster.LookSlot(ctx, conn, u.slot(db))
		switch {
		case err != nil:
			return run.Observation{}, err
		case !found:
		case !ours || s.Plugin != "pgoutput" || s.Database != db.Name:
			foreign = s.Name
		case s.Lost:
			return run.Observation{}, hint.Errorf("lull abort, then raise max_slot_wal_keep_size on the source and run again",
				"the source has thrown away WAL that slot %s needs", s.Name)
		case s.LSN != "":
			done++
		}
	}
	if foreign != "" {
		return run.Observation{Presence: run.Foreign, Evidence: "slot " + foreign + " exists on the source"}, nil
	}
	return begunAtLeast(ours, verdict(len(u.inv.Databases), done, 0, fmt.Sprintf("%d of %d slots on the source", done, len(u.inv.Databases)))), nil
}

// createSlots makes one slot a database, all at once: each waits for the transactions
// that run now, and several waits side by side are one wait.
func (u *Upgrade) createSlots(ctx context.Context, rec run.Recorder) error {
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	watch, err := u.Source.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer watch.Close(context.WithoutCancel(ctx))
	stop := tellBlocker(ctx, watch, rec)
	defer stop()
	return u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if s, found, err := cluster.LookSlot(ctx, conn, u.slot(db)); err != nil || found && s.LSN != "" {
			return err
		} else if found { // a session that a killed run has left behind is still making it
			if err := cluster.DropSlot(ctx, conn, u.slot(db)); err != nil {
				return err
			}
		}
		if _, err := conn.Exec(ctx, "SET lock_timeout = 0"); err != nil { // the wait for transactions is a wait for locks
			return err
		}
		return cluster.CreateSlot(ctx, conn, u.slot(db))
	})
}

// tellBlocker reports the oldest transaction twice a second until stop is called.
func tellBlocker(ctx context.Context, conn *pgx.Conn, rec run.Recorder) (stop func()) {
	return every(ctx, 500*time.Millisecond, func(ctx context.Context) {
		if b, ok := cluster.OldestTransaction(ctx, conn); ok && b.Age > 500*time.Millisecond {
			rec.Progress(waiting(b))
		}
	})
}

func (u *Upgrade) dropSlots(ctx context.Context, rec run.Recorder) error {
	if ours, err := rec.Memo(&begun{}); err != nil || !ours {
		return err
	}
	return u.dropSlotsThere(ctx)
}
