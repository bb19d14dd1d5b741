package pgup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// checkDeltas says what a database has that no replication carries, and refuses what looks
// as if clients would have to wait for it too long.
func (u *Upgrade) checkDeltas(ctx context.Context, conn *pgx.Conn, db cluster.Database) (out []checks.Finding, err error) {
	objects, err := cluster.EstimateLargeObjects(ctx, conn)
	if err != nil {
		return nil, err
	}
	if objects.Items > 0 {
		out = append(out, u.weigh("large-objects", objects, "Remove those that nobody uses (vacuumlo finds them), or move them into a bytea column.",
			"Keep writing to them low around the switch.",
			fmt.Sprintf("Database %s has %d large objects, %s. What changes in them until the switch is looked for in the hold", db.Name, objects.Items, bytesText(objects.Bytes))))
	}
	tables, err := cluster.UnloggedTables(ctx, conn)
	if err != nil || len(tables) == 0 {
		return out, err
	}
	return append(out, u.checkUnlogged(ctx, conn, db, tables)...), nil
}

func (u *Upgrade) checkUnlogged(ctx context.Context, conn *pgx.Conn, db cluster.Database, tables []cluster.UnloggedTable) []checks.Finding {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.String()
	}
	what := fmt.Sprintf("Database %s has unlogged tables: %s", db.Name, sample(names))
	if u.Unlogged == UnloggedEmpty {
		return []checks.Finding{warning("unlogged", "Leave unlogged: empty away to have them copied.", "%s. They begin empty on the new server, as the plan says.", what)}
	}
	e, err := cluster.EstimateUnlogged(ctx, conn, tables)
	if err != nil {
		return []checks.Finding{blocker("unlogged", "See what the server says, or write unlogged: empty into the plan's step if they may begin empty.", "%s. They cannot be read: %v.", what, err)}
	}
	return []checks.Finding{u.weigh("unlogged", e, "Write unlogged: empty into the plan's step if they may begin empty on the new server, or ALTER TABLE ... SET LOGGED.",
		"Write unlogged: empty into the plan's step if they may begin empty.", what+". They are copied in the hold")}
}

// weigh makes a blocker of what would take more than half of the hold's budget.
func (u *Upgrade) weigh(id string, e cluster.Estimate, blocked, fits, text string) checks.Finding {
	if e.Takes > u.HoldBudget/2 {
		longer := fmt.Sprintf(" Or write hold_budget: %s, if clients can wait that long.", (2*e.Takes + time.Second).Round(time.Second))
		return blocker(id, blocked+longer, "%s, which would take about %s of it. Half of its budget is %s.", text, rounded(e.Takes), u.HoldBudget/2)
	}
	return warning(id, fits, "%s, which takes about %s of it.", text, rounded(e.Takes))
}
