package pgup

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
	"github.com/lullhq/lull/internal/run"
)

// compareSides compares definitions and then every row, while changes go on streaming.
func (u *Upgrade) compareSides(ctx context.Context, rec run.Recorder) error {
	if err := u.compareSchemas(ctx); err != nil {
		return err
	}
	var sum compare.RowReport
	for _, db := range u.inv.Databases {
		r, err := u.compareRows(ctx, rec, db)
		if err != nil {
			return fmt.Errorf("database %s: %w", db.Name, err)
		}
		if err := u.judge(ctx, rec, db, r); err != nil {
			return err
		}
		sum.Tables, sum.Rows, sum.Bytes, sum.Took = append(sum.Tables, r.Tables...), sum.Rows+r.Rows, sum.Bytes+r.Bytes, sum.Took+r.Took
	}
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	return rec.Note(ctx, fmt.Sprintf("Rows compared on both sides while they changed: %d, in %d tables and %.1f s. None differs.", sum.Rows, len(sum.Tables), sum.Took.Seconds()),
		maint.Figures{"rows_compared": float64(sum.Rows), "compare_s": sum.Took.Seconds()})
}

func (u *Upgrade) compareRows(ctx context.Context, rec run.Recorder, db cluster.Database) (r compare.RowReport, err error) {
	err = u.inPair(ctx, db, func(p pair) error {
		if err := cluster.PrepareMarker(ctx, p.src, p.dst); err != nil {
			return err
		}
		var mu sync.Mutex // several jobs ask for the barrier, on one pair of sessions
		r, err = compare.Rows(ctx, u.connectTo(u.Source, db), u.connectTo(u.target, db), compare.Options{
			Publication: u.object(), Jobs: u.Jobs,
			Barrier: func(ctx context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				return u.settled(ctx, p)
			},
			Progress: func(at compare.Progress) {
				rec.Progress(run.Progress{Text: at.Table, Unit: "bytes", Done: float64(at.Done), Total: float64(at.Total), Public: "Comparing both sides"})
			},
		})
		return err
	})
	return r, err
}

func (u *Upgrade) connectTo(e cluster.Endpoint, db cluster.Database) compare.Connect {
	return func(ctx context.Context) (*pgx.Conn, error) { return e.Connect(ctx, db.Name) }
}

// settled returns when what was committed on the source before the call is on the target.
func (u *Upgrade) settled(ctx context.Context, p pair) error {
	token, slot := rand.Text(), u.slot(p.db)+"/compare"
	if _, err := cluster.PutMarker(ctx, p.src, slot, token); err != nil {
		return err
	}
	return cluster.AwaitMarker(ctx, p.dst, slot, token)
}

// judge lets tables pass that were never caught at rest, and says so. A row that differs stops the upgrade.
func (u *Upgrade) judge(ctx context.Context, rec run.Recorder, db cluster.Database, r compare.RowReport) error {
	var different, moving, brought []string
	for _, t := range r.Tables {
		switch t.Verdict {
		case compare.Equal:
		case compare.Moving:
			moving = append(moving, fmt.Sprintf("%s, %d rows", t.Table, t.Unsettled))
		case compare.Different:
			if u.ownRows(db, t.Table) {
				brought = append(brought, tableText(t))
				continue
			}
			different = append(different, tableText(t))
		default:
			different = append(different, tableText(t))
		}
	}
	if len(different) > 0 {
		return hint.Errorf("keep both servers as they are and look at these rows; lull abort leaves the source as it was",
			"rows differ between the source and the target in database %s: %s", db.Name, strings.Join(different, "; "))
	}
	if len(brought) > 0 {
		text := fmt.Sprintf("Database %s: the new versions of its extensions brought rows of their own: %s.", db.Name, strings.Join(brought, "; "))
		if err := rec.Note(ctx, text, nil); err != nil {
			return err
		}
	}
	if len(moving) > 0 {
		return rec.Note(ctx, fmt.Sprintf("Database %s: some tables change too fast to be compared row by row: %s.", db.Name, strings.Join(moving, "; ")), nil)
	}
	return nil
}

// tableText names the first rows by key.
func tableText(t compare.TableReport) string {
	if t.Verdict == compare.Absent {
		return t.Table + " is not on the target"
	}
	text := fmt.Sprintf("%s, %d rows", t.Table, t.Differing)
	var keys []string
	for _, r := range t.Residue {
		keys = append(keys, fmt.Sprintf("(%s) %s", strings.Join(r.Key, ", "), r.Change))
	}
	if len(keys) > 0 {
		text += ": " + sample(keys)
	}
	return text
}
