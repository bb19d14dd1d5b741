package pgup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// rebuildIndexes puts the indexes on text right when the two servers sort it by different
// libraries, or fold its letters by different rules. It comes before replication, which finds its rows by these indexes.
func (u *Upgrade) rebuildIndexes(ctx context.Context, rec run.Recorder) error {
	began, rebuilt := time.Now(), 0
	err := u.eachPair(ctx, func(p pair) error {
		stale, err := staleIndexes(ctx, p)
		if err != nil {
			return err
		}
		rebuilt += len(stale)
		for i, r := range stale {
			rec.Progress(run.Progress{Text: "rebuilding index " + r.Name, Unit: "indexes", Done: float64(i), Total: float64(len(stale)), Public: "Preparing the new server"})
			if err := cluster.Reindex(ctx, p.dst, r); err != nil {
				return hint.Wrap(err, "if it says that a key is there twice: lull abort, remove the double on the source, and run again")
			}
		}
		return nil
	})
	if err != nil || rebuilt == 0 {
		return err
	}
	took := time.Since(began).Seconds()
	return rec.Note(ctx, fmt.Sprintf("The new server sorts text, or folds its letters, in another way. Indexes rebuilt there: %d, in %.1f s.", rebuilt, took),
		maint.Figures{"indexes_rebuilt": float64(rebuilt), "reindex_s": took})
}

func staleIndexes(ctx context.Context, p pair) ([]cluster.Relation, error) {
	was, is, err := ofEach(ctx, p, cluster.Collations)
	if err != nil {
		return nil, err
	}
	stale, err := cluster.StaleIndexes(ctx, p.dst, cluster.Resort(was, is))
	if err != nil {
		return nil, err
	}
	before, now, err := ofEach(ctx, p, cluster.FoldingOf)
	if err != nil {
		return nil, err
	}
	refolded, err := cluster.RefoldedIndexes(ctx, p.dst, before, now)
	for _, r := range refolded {
		if !slices.Contains(stale, r) {
			stale = append(stale, r)
		}
	}
	return stale, err
}

// ofEach asks both servers the same.
func ofEach[T any](ctx context.Context, p pair, ask func(context.Context, *pgx.Conn) (T, error)) (source, target T, err error) {
	if source, err = ask(ctx, p.src); err != nil {
		return source, target, err
	}
	target, err = ask(ctx, p.dst)
	return source, target, err
}
