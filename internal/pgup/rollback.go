package pgup

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
	"github.com/lullhq/lull/internal/run"
)

// Names of the steps that others ask the journal about.
const (
	stepSwitch     = "switch"
	stepReturn     = "rollback/switch"
	stepRolledBack = "rollback/tidy-up"
	stepTidy       = "tidy-up"
)

// Recall reads what the steps of earlier runs kept. Rollback and Finish begin where those ended.
func (u *Upgrade) Recall(points map[string]run.Checkpoint) error {
	var inventory surveyed
	var tables published
	var at recovered
	var fence crossed
	for name, into := range map[string]any{"preflight": &inventory, "publication": &tables, "recovery": &at, stepSwitch: &fence} {
		memo := points[u.Name+"/"+name].Memo
		if memo == nil {
			continue
		}
		if err := json.Unmarshal(unscoped(memo), into); err != nil {
			return fmt.Errorf("read what step %s kept: %w", name, err)
		}
	}
	u.identities, u.position, u.fence = tables.Identities, at.LSN, fence.Fence
	if inventory.Inventory.Version == 0 {
		return nil // it never got that far
	}
	return u.adopt(inventory.Inventory)
}

// Moved says whether the switch was made and is on record.
func (u *Upgrade) Moved(points map[string]run.Checkpoint) bool {
	return points[u.Name+"/"+stepSwitch].Status == run.Finished
}

// Returned says whether a rollback has begun to move the clients.
func (u *Upgrade) Returned(points map[string]run.Checkpoint) bool {
	return points[u.Name+"/"+stepReturn].Status != ""
}

// GivenUp says whether the way back is gone.
func (u *Upgrade) GivenUp(points map[string]run.Checkpoint) bool {
	return points[u.Name+"/"+stepTidy].Status == run.Finished
}

// RollbackItems bring the clients back to the old server. Recall comes first.
func (u *Upgrade) RollbackItems() []run.Item {
	c := crossing{u: u, step: stepReturn, way: u.back, fence: func(context.Context) (cluster.Fence, error) { return u.fence, nil },
		ready: u.readyToReturn, arrived: u.onSource, here: "the new server", other: "the old server",
		public: fmt.Sprintf("The app is back on PostgreSQL %d.", u.inv.Major())}
	ready := u.item("rollback/ready", "Checks before going back", step{observe: u.seeReadyToReturn, apply: u.prepareReturn})
	turn := u.item(stepReturn, "Switch back", step{observe: c.observe, apply: c.apply})
	after := u.item("rollback/after", "Checks after going back", step{observe: u.seeReturned, apply: u.checkReturned})
	tidy := u.item(stepRolledBack, "Clean-up", step{observe: u.seeReturnTidy, apply: u.tidyReturn})
	return []run.Item{ready, turn, after, tidy}
}

// FinishItems give the way back up. Recall comes first.
func (u *Upgrade) FinishItems() []run.Item { return []run.Item{u.tidyUp()} }

// seeReadyToReturn never takes an earlier run's word for it.
func (u *Upgrade) seeReadyToReturn(ctx context.Context, _ run.Recorder) (run.Observation, error) {
	if home, err := u.onSource(ctx); err != nil || home {
		return run.Observation{Presence: run.Done, Evidence: "clients are on the old server"}, err
	}
	if u.returnable {
		return run.Observation{Presence: run.Done, Evidence: "the old server has everything that the new one has"}, nil
	}
	return run.Observation{Presence: run.Absent, Evidence: "clients are on the new server"}, nil
}

// prepareReturn makes sure that the old server follows, even when the run ended before it did.
func (u *Upgrade) prepareReturn(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "waiting for the old server to have all changes", Public: "Preparing to go back"})
	if err := u.reverse(ctx); err != nil {
		return hint.Wrap(fmt.Errorf("let the old server follow: %w", err), "see the old server's log and the new one's")
	}
	if err := u.readyToReturn(ctx, rec); err != nil {
		return err
	}
	u.returnable = true
	return nil
}

// readyToReturn is everything that can be looked at before the hold.
func (u *Upgrade) readyToReturn(ctx context.Context, rec run.Recorder) error {
	if err := u.barrierBetween(ctx, u.target, u.Source, "/back"); err != nil {
		return err
	}
	if err := u.analyseSource(ctx); err != nil {
		return err
	}
	return u.compareSchemas(ctx)
}

// analyseSource gives the old server statistics on what it has none of: a table is as good there as it is on the new one.
func (u *Upgrade) analyseSource(ctx context.Context) error {
	return u.eachPair(ctx, func(p pair) error {
		missing, err := compare.Statistics(ctx, p.dst, p.src)
		if err != nil || len(missing) == 0 {
			return err
		}
		if _, err := p.src.Exec(ctx, "ANALYZE"); err != nil {
			return fmt.Errorf("gather statistics on the old server: %w", err)
		}
		return nil
	})
}

func (u *Upgrade) seeReturned(_ context.Context, rec run.Recorder) (run.Observation, error) {
	passed, err := rec.Memo(&begun{})
	if err != nil || !passed {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "clients are on the old server, and it takes writes"}, nil
}

// checkReturned asks the old server what a client would find out the hard way.
func (u *Upgrade) checkReturned(ctx context.Context, rec run.Recorder) error {
	home, err := u.onSource(ctx)
	if err != nil {
		return err
	}
	if !home {
		return hint.Errorf("look at SHOW DATABASES on the pooler", "the pooler does not send all clients to the old server")
	}
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := u.fence.Belt(ctx, conn); err != nil {
		return err
	}
	if err := u.eachDatabase(ctx, u.Source, checkWrites); err != nil {
		return err
	}
	return rec.Keep(ctx, begun{true})
}

func (u *Upgrade) seeReturnTidy(_ context.Context, rec run.Recorder) (run.Observation, error) {
	done, err := rec.Memo(&begun{})
	if err != nil || !done {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "the old server is as it was found; the new one is stopped, its data kept"}, nil
}

// tidyReturn leaves the old server as it was found. The new one's data stay, for whoever
// wants to know what went wrong.
func (u *Upgrade) tidyReturn(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "cleaning up on both sides", Public: "Cleaning up"})
	if err := u.tidySource(ctx); err != nil {
		return err
	}
	running, err := u.server.Running(ctx)
	if err == nil && running {
		if err = u.tidyTarget(ctx); err == nil {
			err = u.server.Stop(ctx, "fast")
		}
	}
	if err != nil {
		return err
	}
	if err := u.seed.RemoveCopy(); err != nil {
		return err
	}
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	return rec.Note(ctx, fmt.Sprintf("The new server is stopped. Its data are in %s: remove that folder when nobody wants to look at it any more.", u.Data), nil)
}
