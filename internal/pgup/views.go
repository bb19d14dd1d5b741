package pgup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// refreshed is a materialized view as it was filled before the switch.
type refreshed struct {
	below string // what it was made from; the next refresh compares
	took  time.Duration
}

// refreshViews fills the materialized views of a database in the order of their
// dependencies. What is below all of them is looked at first, so that a change is at
// worst noticed twice, and never missed.
func (u *Upgrade) refreshViews(ctx context.Context, rec run.Recorder, database string) error {
	conn, err := u.target.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	views, err := cluster.MaterializedViews(ctx, conn)
	if err != nil {
		return err
	}
	done := map[string]refreshed{}
	for i, v := range views {
		rec.Progress(run.Progress{Text: "refreshing " + v.Name, Unit: "views", Done: float64(i), Total: float64(len(views)), Public: "Making the new database fast"})
		began := time.Now()
		if err := cluster.Refresh(ctx, conn, v); err != nil {
			return err
		}
		done[v.String()] = refreshed{below: v.Below, took: time.Since(began)}
	}
	if u.refreshed == nil {
		u.refreshed = map[string]map[string]refreshed{}
	}
	u.refreshed[database] = done
	return nil
}

// viewsAfter fills the materialized views once more when something below them changed
// between their refresh and the switch. No client waits for it.
func (u *Upgrade) viewsAfter() run.Item {
	return u.item("views", "Materialized views, once more", step{observe: seeViews, apply: u.refreshAfter})
}

func seeViews(_ context.Context, rec run.Recorder) (run.Observation, error) {
	done, err := rec.Memo(&begun{})
	if err != nil || !done {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "materialized views are as new as the switch"}, nil
}

// afresh is what became of the views after the switch.
type afresh struct {
	refreshed, unchanged int
	left                 []string // commands for a person
}

func (u *Upgrade) refreshAfter(ctx context.Context, rec run.Recorder) error {
	began := time.Now()
	sum, err := u.refreshAll(ctx, rec)
	if err != nil {
		return err
	}
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	if sum.refreshed+sum.unchanged+len(sum.left) == 0 {
		return nil
	}
	text := fmt.Sprintf("Materialized views refreshed once more after the switch: %d, in %.1f s. Nothing had changed below %d.", sum.refreshed, time.Since(began).Seconds(), sum.unchanged)
	if len(sum.left) > 0 {
		text += " Left as they were, to be done when it suits: " + strings.Join(sum.left, "; ") + "."
	}
	return rec.Note(ctx, text, maint.Figures{"views_refreshed_after": float64(sum.refreshed), "views_unchanged": float64(sum.unchanged), "views_left": float64(len(sum.left))})
}

// refreshAll fills the views of all databases that something has changed below, once nothing comes from the old server any more.
func (u *Upgrade) refreshAll(ctx context.Context, rec run.Recorder) (sum afresh, err error) {
	for _, db := range u.inv.Databases {
		if err := u.inDatabase(ctx, db, func(conn *pgx.Conn) error { return u.refreshStale(ctx, rec, conn, db, &sum) }); err != nil {
			return sum, fmt.Errorf("database %s: %w", db.Name, err)
		}
	}
	return sum, nil
}

func (u *Upgrade) inDatabase(ctx context.Context, db cluster.Database, do func(*pgx.Conn) error) error {
	conn, err := u.target.Connect(ctx, db.Name)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

// refreshStale goes through them in the order of their dependencies. A view that was not
// refreshed in this run is taken for changed: what was below it is not known.
func (u *Upgrade) refreshStale(ctx context.Context, rec run.Recorder, conn *pgx.Conn, db cluster.Database, sum *afresh) error {
	counted, err := cluster.AwaitApplied(ctx, conn, 5*time.Second)
	if err != nil {
		return err
	}
	views, err := cluster.MaterializedViews(ctx, conn)
	if err != nil {
		return err
	}
	for _, v := range views {
		was, known := u.refreshed[db.Name][v.String()]
		if known && counted && v.Below != "" && v.Below == was.below {
			sum.unchanged++
			continue
		}
		rec.Progress(run.Progress{Text: "refreshing " + v.Name, Public: "Checking that all is well"})
		reason, err := u.refreshOne(ctx, conn, v, known && was.took <= u.HoldBudget)
		if err != nil {
			return err
		}
		if reason != "" {
			sum.left = append(sum.left, fmt.Sprintf("REFRESH MATERIALIZED VIEW %s in database %s (%s)", v, db.Name, reason))
			continue
		}
		sum.refreshed++
	}
	return nil
}

// refreshOne gives the reason why it did not: clients are on the new server, and a view
// that is as old as its refresh before the switch is none to stop for.
func (u *Upgrade) refreshOne(ctx context.Context, conn *pgx.Conn, v cluster.View, quick bool) (reason string, err error) {
	if !v.Keyed && !quick {
		return "without a unique index its readers would wait, for longer than clients were to wait at the switch", nil
	}
	err = cluster.RefreshAmongReaders(ctx, conn, v, u.HoldBudget)
	if err != nil && ctx.Err() == nil && !conn.IsClosed() {
		return err.Error(), nil
	}
	return "", err
}
