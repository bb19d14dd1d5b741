package pgup

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) targetStart() run.Item {
	return u.before("target", "Start of the new server", step{recall: u.recallBrought, observe: u.seeTarget, apply: u.startTarget, undo: u.stopTarget})
}

func (u *Upgrade) seeTarget(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo prepared
	if _, err := rec.Memo(&memo); err != nil {
		return run.Observation{}, err
	}
	major, err := seed.Exists(u.seed.Data)
	if err != nil || major == "" {
		return run.Observation{Presence: run.Absent}, err
	}
	running, err := u.server.Running(ctx)
	if err != nil || !running {
		return run.Observation{Presence: run.Absent, Evidence: "the new server does not run"}, err
	}
	outdated := 0
	var mu sync.Mutex
	err = u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, _ cluster.Database) error {
		n, err := cluster.OutdatedExtensions(ctx, conn)
		mu.Lock()
		defer mu.Unlock()
		outdated += n
		return err
	})
	if err != nil {
		return run.Observation{}, err
	}
	if outdated > 0 || !memo.Begun {
		return run.Observation{Presence: run.Partial, Evidence: fmt.Sprintf("the new server runs and is not prepared yet, %d extensions are to be updated", outdated)}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: fmt.Sprintf("version %s at %s:%d", major, u.Place.Host, u.Place.Port)}, nil
}

func (u *Upgrade) startTarget(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "starting the new server", Public: "Starting the new server"})
	unknown, err := u.configureTarget(ctx)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		if err := rec.Note(ctx, "Settings that the new version does not know and that were left out: "+strings.Join(unknown, ", ")+".", nil); err != nil {
			return err
		}
	}
	running, err := u.server.Running(ctx)
	if err == nil && !running {
		err = u.server.Start(ctx, nil)
	}
	if err != nil {
		return fmt.Errorf("start the new server: %w", err)
	}
	if err := u.closeTarget(ctx); err != nil {
		return err
	}
	if err := u.updateExtensions(ctx, rec); err != nil {
		return err
	}
	var memo prepared
	if _, err := rec.Memo(&memo); err != nil || memo.Begun {
		return err
	}
	if err := u.rebuildIndexes(ctx, rec); err != nil {
		return err
	}
	return rec.Keep(ctx, prepared{Begun: true, Brought: u.brought})
}

// closeTarget keeps everybody out of the target until the switch opens it.
func (u *Upgrade) closeTarget(ctx context.Context) error {
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	fence, err := cluster.LookFence(ctx, conn, u.databaseNames())
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, fence.CloseSQL()); err != nil {
		return fmt.Errorf("close the new server to clients: %w", err)
	}
	return nil
}

func (u *Upgrade) configureTarget(ctx context.Context) (unknown []string, err error) {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	changed, err := cluster.ChangedSettings(ctx, conn)
	if err != nil {
		return nil, err
	}
	hba, ident, err := cluster.AccessRules(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := u.seed.WritePassfile(); err != nil {
		return nil, err
	}
	return u.seed.Configure(ctx, u.Place, changed, hba, ident)
}

func (u *Upgrade) updateExtensions(ctx context.Context, rec run.Recorder) error {
	var mu sync.Mutex
	var all []string
	brought := map[string][]string{}
	err := u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		changed, err := cluster.UpdateExtensions(ctx, conn)
		mu.Lock()
		defer mu.Unlock()
		for _, c := range changed {
			all = append(all, db.Name+": "+c.Text)
			brought[db.Name] = append(brought[db.Name], c.Changed...)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	if err := u.keepBrought(ctx, rec, brought); err != nil {
		return err
	}
	return rec.Note(ctx, "Extensions updated: "+strings.Join(all, ", ")+".", nil)
}

func (u *Upgrade) stopTarget(ctx context.Context, _ run.Recorder) error {
	if major, err := seed.Exists(u.seed.Data); err != nil || major != strconv.Itoa(u.To) {
		return err
	}
	running, err := u.server.Running(ctx)
	if err != nil || !running {
		return err
	}
	return u.server.Stop(ctx, "fast")
}

func (u *Upgrade) subscription() run.Item {
	return u.before("subscription", "Subscription to the old server", step{observe: u.seeSubscription, apply: u.subscribe, undo: u.unsubscribe})
}

func (u *Upgrade) seeSubscription(ctx context.Context, _ run.Recorder) (run.Observation, error) {
	if running, err := u.server.Running(ctx); err != nil || !running {
		return run.Observation{Presence: run.Absent, Evidence: "the new server does not run"}, err
	}
	var mu sync.Mutex
	done, partial := 0, 0
	err := u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		s, found, err := cluster.LookSubscription(ctx, conn, u.slot(db))
		mu.Lock()
		defer mu.Unlock()
		switch {
		case found && s.Enabled:
			done++
		case found:
			partial++
		}
		return err
	})
	if err != nil {
		return run.Observation{}, err
	}
	return verdict(len(u.inv.Databases), done, partial, fmt.Sprintf("%d of %d databases follow the source", done, len(u.inv.Databases))), nil
}

func (u *Upgrade) subscribe(ctx context.Context, _ run.Recorder) error {
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		if err := cluster.Subscribe(ctx, conn, u.slot(db), u.seed.SourceConninfo(db.Name), u.object(), u.slot(db)); err != nil {
			return err
		}
		return cluster.Follow(ctx, conn, u.slot(db), u.position)
	})
}

func (u *Upgrade) unsubscribe(ctx context.Context, _ run.Recorder) error {
	running, err := u.server.Running(ctx)
	if err != nil || !running {
		return err // the target's folder is removed further back
	}
	return u.eachDatabase(ctx, u.target, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		return cluster.Unsubscribe(ctx, conn, u.slot(db))
	})
}
