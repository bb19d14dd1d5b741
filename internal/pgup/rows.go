package pgup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

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
	p, asides, err := u.comparePass(ctx, rec.Progress, 1)
	if err != nil {
		return err
	}
	if err := noteAll(ctx, rec, asides); err != nil {
		return err
	}
	u.compared, u.passes = p, 1
	if err := rec.Keep(ctx, equal{Pass: p}); err != nil {
		return err
	}
	return rec.Note(ctx, fmt.Sprintf("Rows compared on both sides while they changed: %d, in %d tables and %.1f s. None differs.", p.Rows, p.Tables, p.Took.Seconds()),
		maint.Figures{"rows_compared": float64(p.Rows), "bytes_compared": float64(p.Bytes), "compare_s": p.Took.Seconds()})
}

// comparePass compares every row of every database once, at this share of the time.
// Besides, it gives sentences for the record.
func (u *Upgrade) comparePass(ctx context.Context, progress func(run.Progress), duty float64) (p pass, asides []string, err error) {
	for _, db := range u.inv.Databases {
		r, err := u.compareRows(ctx, progress, db, duty)
		if err != nil {
			return p, nil, fmt.Errorf("database %s: %w", db.Name, err)
		}
		more, err := u.judge(db, r)
		if err != nil {
			return p, nil, err
		}
		asides = append(asides, more...)
		p.Tables, p.Rows, p.Bytes, p.Took = p.Tables+len(r.Tables), p.Rows+r.Rows, p.Bytes+r.Bytes, p.Took+r.Took
	}
	p.Ended = time.Now()
	return p, asides, nil
}

func (u *Upgrade) compareRows(ctx context.Context, progress func(run.Progress), db cluster.Database, duty float64) (r compare.RowReport, err error) {
	err = u.inPair(ctx, db, func(p pair) error {
		if err := cluster.PrepareMarker(ctx, p.src, p.dst); err != nil {
			return err
		}
		var mu sync.Mutex // several jobs ask for the barrier, on one pair of sessions
		r, err = compare.Rows(ctx, u.connectTo(u.Source, db), u.connectTo(u.target, db), compare.Options{
			Publication: u.object(), Jobs: u.Jobs, Duty: duty,
			Barrier: func(ctx context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				return u.settled(ctx, p)
			},
			Progress: func(at compare.Progress) {
				progress(run.Progress{Text: at.Table, Unit: "bytes", Done: float64(at.Done), Total: float64(at.Total), Public: "Comparing both sides"})
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

// errRowsDiffer marks what no run may go past.
var errRowsDiffer = errors.New("rows differ between the source and the target")

// judge refuses when a row differs. It lets tables pass that were never caught at rest, and
// those that an extension's new version filled, with a sentence for the record.
func (u *Upgrade) judge(db cluster.Database, r compare.RowReport) (asides []string, err error) {
	var different, moving, brought []string
	for _, t := range r.Tables {
		switch {
		case t.Verdict == compare.Equal:
		case t.Verdict == compare.Moving:
			moving = append(moving, fmt.Sprintf("%s, %d rows", t.Table, t.Unsettled))
		case t.Verdict == compare.Different && u.ownRows(db, t.Table):
			brought = append(brought, tableText(t))
		default:
			different = append(different, tableText(t))
		}
	}
	if len(different) > 0 {
		return nil, hint.Errorf("keep both servers as they are and look at these rows; lull abort leaves the source as it was",
			"%w in database %s: %s", errRowsDiffer, db.Name, strings.Join(different, "; "))
	}
	if len(brought) > 0 {
		asides = append(asides, fmt.Sprintf("Database %s: the new versions of its extensions brought rows of their own: %s.", db.Name, strings.Join(brought, "; ")))
	}
	if len(moving) > 0 {
		asides = append(asides, fmt.Sprintf("Database %s: some tables change too fast to be compared row by row: %s.", db.Name, strings.Join(moving, "; ")))
	}
	return asides, nil
}

func noteAll(ctx context.Context, rec run.Recorder, texts []string) error {
	for _, text := range texts {
		if err := rec.Note(ctx, text, nil); err != nil {
			return err
		}
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
