package pgup

import (
	"context"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// The figures of a load, which the times of steps grow with.
const (
	loadBytes     = "database_bytes"
	loadRelations = "relations"
	loadCarried   = "carried_bytes"
	loadVisited   = "visited_bytes"
	loadWAL       = "wal_bytes_per_s"
	loadBudget    = "wal_budget_bytes" // no time grows with it: WALKept holds it against the rate
)

// growsWith says which figure of the load the time of a step grows with. Those that are not here take as
// long however much there is.
var growsWith = map[string]string{
	"base-backup": loadBytes,
	"pg-upgrade":  loadRelations,
	"catch-up":    loadWAL, // recovery is not here: it mostly waits for servers to start and end
	"deltas":      loadCarried,
	"statistics":  loadVisited,
	"comparison":  loadBytes,
	"checksums":   loadBytes,
}

// GrowsWith gives the figure of Load that the time of a step grows with, and "" for none.
func (u *Upgrade) GrowsWith(step string) string {
	name, ours := strings.CutPrefix(step, u.Name+"/")
	if by := growsWith[name]; ours && by != "" {
		return u.Name + "/" + by
	}
	return ""
}

// Load says how much there is to do. It takes two seconds, because a rate is part of it.
func (u *Upgrade) Load(ctx context.Context) (maint.Figures, error) {
	if err := u.know(ctx); err != nil {
		return nil, err
	}
	l, err := cluster.TakeLoad(ctx, u.Source, u.inv.Databases)
	if err != nil {
		return nil, err
	}
	return maint.Figures{
		u.Name + "/" + loadBytes: float64(l.Bytes), u.Name + "/" + loadRelations: float64(l.Relations),
		u.Name + "/" + loadCarried: float64(l.Carried), u.Name + "/" + loadVisited: float64(l.Visited), u.Name + "/" + loadWAL: l.WAL,
		u.Name + "/" + loadBudget: float64(u.walBudget(nil)),
	}, nil
}

// WALKept says how much WAL the source of an upgrade step will keep for a new server that is made and caught up within
// the given time, and how much it may: both in bytes, by the figures of Load.
func WALKept(load maint.Figures, step string, during time.Duration) (kept, budget float64) {
	return load[step+"/"+loadWAL] * during.Seconds(), load[step+"/"+loadBudget]
}
