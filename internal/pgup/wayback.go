package pgup

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// wayBack prepares, before the switch, what carries the new server's changes to the old
// one after it. The slots are made now: one made later would miss the clients' first
// writes. They follow from the position that the switch remembers, so what came from the
// old server does not go back to it.
func (u *Upgrade) wayBack() run.Item {
	return u.before("way-back", "Way back prepared", step{observe: u.seeWayBack, apply: u.prepareWayBack, undo: u.removeWayBack})
}

func (u *Upgrade) seeWayBack(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	ours, err := rec.Memo(&begun{})
	if err != nil {
		return run.Observation{}, err
	}
	if running, err := u.server.Running(ctx); err != nil || !running {
		return begunAtLeast(ours, run.Observation{Presence: run.Absent, Evidence: "the new server does not run"}), err
	}
	slots, lost, err := u.countSlotsBack(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	var mu sync.Mutex
	following := 0
	err = u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		_, found, err := cluster.LookSubscription(ctx, conn, u.slot(db))
		mu.Lock()
		defer mu.Unlock()
		if found {
			following++
		}
		return err
	})
	if err != nil {
		return run.Observation{}, err
	}
	n := len(u.inv.Databases)
	evidence := fmt.Sprintf("%d of %d slots on the new server, %d of %d subscriptions on the old one", slots, n, following, n)
	if !ours && slots+following > 0 {
		return run.Observation{Presence: run.Foreign, Evidence: evidence}, nil
	}
	return begunAtLeast(ours, verdict(2*n, slots+following, lost, evidence)), nil
}

// countSlotsBack tells how many slots the way back has, and how many of them are of no use any more.
func (u *Upgrade) countSlotsBack(ctx context.Context) (good, lost int, err error) {
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, db := range u.inv.Databases {
		s, found, err := cluster.LookSlot(ctx, conn, u.slot(db))
		switch {
		case err != nil:
			return 0, 0, err
		case found && (s.Lost || s.LSN == ""):
			lost++
		case found:
			good++
		}
	}
	return good, lost, nil
}

func (u *Upgrade) prepareWayBack(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "preparing the way back", Public: "Preparing the way back"})
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	if err := u.tryWayBack(ctx, rec); err != nil {
		return err
	}
	if err := u.capRetention(ctx); err != nil {
		return err
	}
	if err := u.makeSlotsBack(ctx); err != nil {
		return err
	}
	err := u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		return cluster.Subscribe(ctx, conn, u.slot(db), u.conninfoBack(db), u.object(), u.slot(db))
	})
	if err != nil {
		return hint.Wrap(fmt.Errorf("prepare the way back: %w", err), "give target.host an address at which the old server reaches the new one, or write `way_back: off` in the plan")
	}
	return nil
}

// makeSlotsBack makes the slots that are missing, and anew those that are of no use any
// more: until clients have come, nothing is lost with them.
func (u *Upgrade) makeSlotsBack(ctx context.Context) error {
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		s, found, err := cluster.LookSlot(ctx, conn, u.slot(db))
		if err != nil || found && !s.Lost && s.LSN != "" {
			return err
		}
		if found {
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

// freshenWayBack brings the slots up to now, so that little is kept for them and the old
// server has little to skip when it begins to follow.
func (u *Upgrade) freshenWayBack(ctx context.Context) error {
	if err := u.makeSlotsBack(ctx); err != nil {
		return err
	}
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		return cluster.AdvanceSlot(ctx, conn, u.slot(db))
	})
}

// capRetention lets the new server drop the way back rather than fill its disk with
// changes that an old server which is gone will never fetch.
func (u *Upgrade) capRetention(ctx context.Context) error {
	free, err := freeBytes(u.Data)
	if err != nil {
		return fmt.Errorf("read the room on the target's disk: %w", err)
	}
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return cluster.CapRetention(ctx, conn, free/2)
}

// conninfoBack is how the old server reaches a database of the new one. It runs as
// somebody else, perhaps elsewhere, so no file of Lull's can hold the password.
func (u *Upgrade) conninfoBack(db cluster.Database) string {
	s := u.target.Libpq(db.Name, "")
	if u.target.Password != "" {
		s += " password=" + cluster.Quote(u.target.Password)
	}
	return s
}

func (u *Upgrade) removeWayBack(ctx context.Context, rec run.Recorder) error {
	if ours, err := rec.Memo(&begun{}); err != nil || !ours {
		return err
	}
	if err := u.endTrial(ctx); err != nil {
		return err
	}
	if err := u.unfollowBack(ctx); err != nil {
		return err
	}
	running, err := u.server.Running(ctx)
	if err != nil || !running {
		return err // the target's folder is removed further back
	}
	return u.dropSlotsBack(ctx)
}

func (u *Upgrade) unfollowBack(ctx context.Context) error {
	return u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		return cluster.Unsubscribe(ctx, conn, u.slot(db))
	})
}

func (u *Upgrade) dropSlotsBack(ctx context.Context) error {
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := u.dropSlotsOn(ctx, conn); err != nil {
		return err
	}
	return cluster.UncapRetention(ctx, conn)
}

// followBack opens the way back: from the switch on, the old server follows the new one.
func (u *Upgrade) followBack() run.Item {
	return u.item("follow-back", "Way back open", step{observe: u.seeFollowBack, apply: u.openWayBack})
}

func (u *Upgrade) seeFollowBack(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	if opened, err := rec.Memo(&begun{}); err != nil || opened {
		return run.Observation{Presence: run.Done, Evidence: "the old server follows the new one, closed to clients"}, err
	}
	conn, err := u.target.Connect(ctx, u.turnDatabase())
	if err != nil {
		return run.Observation{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if p, err := cluster.LookPublication(ctx, conn, u.object()); err != nil || !p.Publication {
		return run.Observation{Presence: run.Done, Evidence: "the way back was given up"}, err
	}
	return run.Observation{Presence: run.Absent, Evidence: "the old server does not follow yet"}, nil
}

func (u *Upgrade) openWayBack(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "letting the old server follow", Public: "Checking that all is well"})
	if err := u.reverse(ctx); err != nil {
		return hint.Wrap(fmt.Errorf("open the way back: %w", err), "see the old server's log, then lull run again; or write `way_back: off` in the plan, which gives it up")
	}
	if err := u.freezeOn(ctx); err != nil {
		return err
	}
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	return rec.Note(ctx, "The way back is open: the old server follows the new one, closed to clients. lull rollback returns to it, lull finish gives it up.", nil)
}

// reverse turns the replication round. The order matters: what the old server applies
// must not travel to the new one again, so the way there ends first.
func (u *Upgrade) reverse(ctx context.Context) error {
	if err := u.stopFollowing(ctx); err != nil {
		return err
	}
	if err := u.dropSlotsThere(ctx); err != nil {
		return err
	}
	conn, err := u.target.Connect(ctx, u.turnDatabase())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	lsn, ok, err := cluster.Turn(ctx, conn)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the new server does not remember when clients came")
	}
	err = u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		return cluster.Follow(ctx, conn, u.slot(db), lsn)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return u.barrierBetween(ctx, u.target, u.Source, "/back")
}

func (u *Upgrade) dropSlotsThere(ctx context.Context) error {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return u.dropSlotsOn(ctx, conn)
}

func (u *Upgrade) dropSlotsOn(ctx context.Context, conn *pgx.Conn) error {
	for _, db := range u.inv.Databases {
		if err := cluster.DropSlot(ctx, conn, u.slot(db)); err != nil {
			return err
		}
	}
	return nil
}

// barrierBetween returns when everything that was committed on one server before the call is on the other.
func (u *Upgrade) barrierBetween(ctx context.Context, from, to cluster.Endpoint, suffix string) error {
	return u.eachDatabase(ctx, from, func(ctx context.Context, sender *pgx.Conn, db cluster.Database) error {
		conn, err := to.Connect(ctx, db.Name)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		if err := cluster.PrepareMarker(ctx, sender, conn); err != nil {
			return err
		}
		token := rand.Text()
		if _, err := cluster.PutMarker(ctx, sender, u.slot(db)+suffix, token); err != nil {
			return err
		}
		return cluster.AwaitMarker(ctx, conn, u.slot(db)+suffix, token)
	})
}
