package pgup

import (
	"context"
	"slices"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// prepared is what the start of the new server keeps.
type prepared struct {
	Begun bool `json:"begun"` // the server is ready for replication
	// Brought are the configuration tables, by database, into which the new versions of
	// extensions put rows of their own: there the two sides differ for a good reason.
	Brought map[string][]string `json:"brought,omitempty"`
}

func (u *Upgrade) recallBrought(rec run.Recorder) error {
	var memo prepared
	_, err := rec.Memo(&memo)
	u.brought = memo.Brought
	return err
}

// keepBrought adds to what is known: an extension is updated once, in whichever run.
func (u *Upgrade) keepBrought(ctx context.Context, rec run.Recorder, brought map[string][]string) error {
	var memo prepared
	if _, err := rec.Memo(&memo); err != nil {
		return err
	}
	if memo.Brought == nil {
		memo.Brought = map[string][]string{}
	}
	for db, tables := range brought {
		if len(tables) > 0 {
			memo.Brought[db] = slices.Compact(slices.Sorted(slices.Values(append(memo.Brought[db], tables...))))
		}
	}
	u.brought = memo.Brought
	return rec.Keep(ctx, memo)
}

// ownRows says whether the table differs because an extension's new version filled it.
func (u *Upgrade) ownRows(db cluster.Database, table string) bool {
	return slices.Contains(u.brought[db.Name], table)
}
