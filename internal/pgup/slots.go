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

// slotted is what the slots step keeps. Once the slots are made, one that is missing is
// never made again beside a copy that counts on it: what was written meanwhile would be lost.
type slotted struct {
	Begun      bool         `json:"begun"`
	Made       bool         `json:"made,omitempty"`
	Generation int          `json:"generation,omitempty"` // how often the copy was started again
	Source     cluster.Self `json:"source"`               // the server that they were made on
}

func (u *Upgrade) slots() run.Item {
	return u.before("slots", "Replication slots", step{recall: u.recallSlots, observe: u.seeSlots, apply: u.createSlots, undo: u.dropSlots})
}

func (u *Upgrade) recallSlots(rec run.Recorder) error {
	var memo slotted
	_, err := rec.Memo(&memo)
	u.generation, u.origin = memo.Generation, memo.Source
	if memo.Made {
		u.seed.Inventory.Timeline = memo.Source.Timeline
	}
	return err
}

func (u *Upgrade) slotNames() []string {
	out := make([]string, len(u.inv.Databases))
	for i, db := range u.inv.Databases {
		out[i] = u.slot(db)
	}
	return out
}

func (u *Upgrade) seeSlots(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo slotted
	ours, err := rec.Memo(&memo)
	if err != nil {
		return run.Observation{}, err
	}
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return run.Observation{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	self, err := cluster.LookSelf(ctx, conn)
	if err != nil {
		return run.Observation{}, err
	}
	if err := u.sameServer(self); err != nil {
		return run.Observation{}, err
	}
	done, foreign := 0, ""
	for _, db := range u.inv.Databases {
		s, found, err := cluster.LookSlot(ctx, conn, u.slot(db))
		switch {
		case err != nil:
			return run.Observation{}, err
		case !found:
		case !ours || s.Plugin != "pgoutput" || s.Database != db.Name:
			foreign = s.Name
		case s.LSN != "" && !s.Lost:
			done++
		}
	}
	if foreign != "" {
		return run.Observation{Presence: run.Foreign, Evidence: "slot " + foreign + " exists on the source"}, nil
	}
	o := begunAtLeast(ours, verdict(len(u.inv.Databases), done, 0, fmt.Sprintf("%d of %d slots on the source", done, len(u.inv.Databases))))
	if o.Presence == run.Done && ours && (!memo.Made || self != memo.Source) { // not written down yet, or of another life of the server
		o.Presence = run.Partial
	}
	return o, nil
}

// createSlots makes one slot a database, all at once: each waits for the transactions
// that run now, and several waits side by side are one wait.
func (u *Upgrade) createSlots(ctx context.Context, rec run.Recorder) error {
	memo := slotted{}
	if _, err := rec.Memo(&memo); err != nil {
		return err
	}
	watch, err := u.Source.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer watch.Close(context.WithoutCancel(ctx))
	self, err := cluster.LookSelf(ctx, watch)
	if err != nil {
		return err
	}
	if err := u.sameServer(self); err != nil {
		return err
	}
	if memo.Made {
		if err := u.startOver(ctx, rec, watch, memo.Source, self); err != nil {
			return err
		}
		memo.Generation++
	}
	memo.Begun, memo.Made, memo.Source = true, false, self
	if err := u.keepSlots(ctx, rec, memo); err != nil {
		return err
	}
	if err := u.makeSlots(ctx, rec, watch); err != nil {
		return err
	}
	memo.Made = true
	return u.keepSlots(ctx, rec, memo)
}

func (u *Upgrade) keepSlots(ctx context.Context, rec run.Recorder, memo slotted) error {
	if err := rec.Keep(ctx, memo); err != nil {
		return err
	}
	return u.recallSlots(rec)
}

func (u *Upgrade) makeSlots(ctx context.Context, rec run.Recorder, watch *pgx.Conn) error {
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

// sameServer refuses when the source's address leads somewhere else now.
func (u *Upgrade) sameServer(self cluster.Self) error {
	switch {
	case self.SystemIdentifier != u.inv.SystemIdentifier:
		return u.elsewhere()
	case self.InRecovery:
		return u.standby()
	}
	return nil
}

// startOver takes everything away that was made from slots which are gone, so that the
// steps after this one begin anew. Their memos count no more: see scoped.
func (u *Upgrade) startOver(ctx context.Context, rec run.Recorder, source *pgx.Conn, was, is cluster.Self) error {
	if err := u.mayStartOver(ctx, source); err != nil {
		return err
	}
	why := "a slot was dropped or invalidated"
	if was.Timeline != is.Timeline {
		why = fmt.Sprintf("the source was failed over, from timeline %d to %d", was.Timeline, is.Timeline)
	}
	text := "The slots that the copy counted on are gone from the source: " + why + ". What was written since is not kept for the copy. It is removed and started again."
	if err := rec.Note(ctx, text, nil); err != nil {
		return err
	}
	rec.Progress(run.Progress{Text: "removing a copy that cannot be brought up to date", Public: "Starting the copy again"})
	if err := u.stopTarget(ctx, rec); err != nil {
		return err
	}
	if err := u.seed.Remove(ctx); err != nil {
		return err
	}
	if err := u.thaw(ctx); err != nil {
		return err
	}
	if err := u.unfollowBack(ctx); err != nil {
		return err
	}
	return u.dropSlotsThere(ctx)
}

// mayStartOver refuses while clients work on the target, whatever brought them there, and
// while the setting that cost the slot would cost the next one too.
func (u *Upgrade) mayStartOver(ctx context.Context, source *pgx.Conn) error {
	var limit string
	if err := source.QueryRow(ctx, `SELECT coalesce(max(current_setting(name)), '-1') FROM pg_settings WHERE name = 'max_slot_wal_keep_size'`).Scan(&limit); err != nil {
		return fmt.Errorf("read the source's limit for slots: %w", err)
	}
	if limit != "-1" {
		return hint.Errorf("on the source: ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf(); then type the same command again: it starts the copy again. Or lull abort",
			"the slots are gone, and the source throws away WAL that a slot needs beyond %s", limit)
	}
	running, err := u.server.Running(ctx)
	if err != nil || !running {
		return err
	}
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return nil // it answers nobody else either
	}
	defer conn.Close(context.WithoutCancel(ctx))
	n, err := cluster.Strangers(ctx, conn)
	if err == nil && n > 0 {
		err = hint.Errorf("find out who they are: SELECT * FROM pg_stat_activity on the new server", "the slots are gone from the source, and %d clients are connected to the new server: it is not removed under them", n)
	}
	return err
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
	if ours, err := rec.Memo(&slotted{}); err != nil || !ours {
		return err
	}
	return u.dropSlotsThere(ctx)
}
