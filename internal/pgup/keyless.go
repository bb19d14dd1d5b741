package pgup

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// firstToIndex is the first version that finds a row of a table without a key by any of its indexes.
const firstToIndex = 16

// checkKeyless warns of tables for which an old server on the way back has to read a
// whole table for each row that changes on the new one.
func (u *Upgrade) checkKeyless(ctx context.Context) (out []checks.Finding, err error) {
	if !u.WayBack || u.inv.Major() >= firstToIndex {
		return nil, nil
	}
	var mu sync.Mutex
	err = u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		tables, err := cluster.KeylessTables(ctx, conn)
		if err != nil || len(tables) == 0 {
			return err
		}
		t := tables[0]
		mu.Lock()
		defer mu.Unlock()
		out = append(out, warning("keyless", "Give it a primary key, or count on a rollback that has to wait until the old server has caught up.",
			"Tables in database %s without a unique key whose rows change: %d. The largest is %s.%s: on the way back each change of it makes the old server read %s.",
			db.Name, len(tables), t.Schema, t.Table, bytesText(t.Bytes)))
		return nil
	})
	slices.SortFunc(out, func(a, b checks.Finding) int { return strings.Compare(a.Text, b.Text) })
	return out, err
}
