package pgup

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// published is what the publication step keeps: that it has begun, and what it changed in each database.
type published struct {
	Identities map[string][]cluster.Identity `json:"identities"`
}

func (u *Upgrade) publication() run.Item {
	return u.before("publication", "Publication of all tables", step{recall: u.recallIdentities, observe: u.seePublication, apply: u.publish, undo: u.unpublish})
}

func (u *Upgrade) recallIdentities(rec run.Recorder) error {
	var memo published
	_, err := rec.Memo(&memo)
	u.identities = memo.Identities
	return err
}

func (u *Upgrade) seePublication(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	ours, err := rec.Memo(&published{})
	if err != nil {
		return run.Observation{}, err
	}
	var mu sync.Mutex
	var done, partial, missing int
	err = u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
		p, err := cluster.LookPublication(ctx, conn, u.object())
		if err != nil {
			return err
		}
		left, err := cluster.MissingIdentities(ctx, conn)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if p.Publication && p.AllTables && p.Marker && len(left) == 0 {
			done++
		} else if p.Publication || p.Marker {
			partial++
		}
		missing += len(left)
		return nil
	})
	if err != nil {
		return run.Observation{}, err
	}
	evidence := fmt.Sprintf("publication %s in %d of %d databases, tables without replica identity: %d", u.object(), done, len(u.inv.Databases), missing)
	if !ours && done+partial > 0 {
		return run.Observation{Presence: run.Foreign, Evidence: evidence}, nil
	}
	return begunAtLeast(ours, verdict(len(u.inv.Databases), done, partial, evidence)), nil
}

func (u *Upgrade) publish(ctx context.Context, rec run.Recorder) error {
	memo, err := u.plannedIdentities(ctx, rec)
	if err != nil {
		return err
	}
	changed := 0
	for _, list := range memo.Identities {
		changed += len(list)
	}
	err = u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		for _, i := range memo.Identities[db.Name] {
			if err := cluster.SetIdentity(ctx, conn, i); err != nil {
				return fmt.Errorf("set the replica identity of %s: %w", i.Name(), err)
			}
		}
		if err := cluster.Publish(ctx, conn, u.object()); err != nil {
			return err
		}
		return awaitOlder(ctx, conn, rec)
	})
	if err != nil {
		return err
	}
	if changed > 0 {
		return rec.Note(ctx, fmt.Sprintf("Tables without a primary key that got a replica identity for the time of the upgrade: %d.", changed), nil)
	}
	return nil
}

// plannedIdentities writes down what will be changed before it is changed: the undo lives on it.
func (u *Upgrade) plannedIdentities(ctx context.Context, rec run.Recorder) (published, error) {
	var memo published
	if _, err := rec.Memo(&memo); err != nil {
		return memo, err
	}
	if memo.Identities == nil {
		memo.Identities = map[string][]cluster.Identity{}
	}
	var mu sync.Mutex
	err := u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		list, err := cluster.MissingIdentities(ctx, conn)
		mu.Lock()
		defer mu.Unlock()
		memo.Identities[db.Name] = append(memo.Identities[db.Name], list...)
		return err
	})
	if err != nil {
		return memo, err
	}
	u.identities = memo.Identities
	return memo, rec.Keep(ctx, memo)
}

func (u *Upgrade) unpublish(ctx context.Context, rec run.Recorder) error {
	var memo published
	if ours, err := rec.Memo(&memo); err != nil || !ours {
		return err
	}
	return u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if err := cluster.Unpublish(ctx, conn, u.object()); err != nil {
			return err
		}
		return restoreIdentities(ctx, conn, memo.Identities[db.Name])
	})
}

func restoreIdentities(ctx context.Context, conn *pgx.Conn, list []cluster.Identity) error {
	for _, i := range list {
		if err := cluster.RestoreIdentity(ctx, conn, i); err != nil {
			return fmt.Errorf("restore the replica identity of %s: %w", i.Name(), err)
		}
	}
	return nil
}

// waiting tells what is waited for, so that the operator can decide about it.
// awaitOlder waits for transactions that are open now, and puts on record when that took long.
func awaitOlder(ctx context.Context, conn *pgx.Conn, rec run.Recorder) error {
	began := time.Now()
	if err := cluster.AwaitOlder(ctx, conn, func(b cluster.Blocker) { rec.Progress(waiting(b)) }); err != nil {
		return err
	}
	return noteWait(ctx, rec, time.Since(began))
}

// noteWait tells of a wait for others that somebody will ask about.
func noteWait(ctx context.Context, rec run.Recorder, waited time.Duration) error {
	if waited < time.Second {
		return nil
	}
	return rec.Note(ctx, fmt.Sprintf("It waited %.1f s for transactions of others to end.", waited.Seconds()), maint.Figures{"waited_for_transactions_s": waited.Seconds()})
}

func waiting(b cluster.Blocker) run.Progress {
	return run.Progress{Text: fmt.Sprintf("waiting for a transaction of %s (pid %d), open for %s", b.User, b.PID, b.Age.Round(time.Second)),
		Public: "Waiting for running work to end"}
}
