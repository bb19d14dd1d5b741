package pgup

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// top is the statements whose plans are to be compared.
type top struct {
	list  []cluster.Statement
	from  string // where they come from, for people
	blind string // why there are none
}

// topStatements asks the server's own statistics. Where there are none it goes by the durations in its log, and
// without these by what its clients can be seen at just now.
func (u *Upgrade) topStatements(ctx context.Context) (top, error) {
	if u.inv.Major() < oldestPlanner {
		return top{blind: fmt.Sprintf("PostgreSQL %d, there is no way to ask for a plan that is good for all values", u.inv.Major())}, nil
	}
	m, err := cluster.OpenMeter(ctx, u.Source)
	if err != nil {
		return top{}, err
	}
	defer m.Close()
	list, err := m.Top(ctx, u.databaseNames(), mostPlanned)
	if err == nil && len(list) == 0 { // clients with Lull's own role cannot be told from Lull there
		return u.heardStatements(ctx, cmp.Or(m.Blind(), "pg_stat_statements has no statement of another role than Lull's own"))
	}
	return top{list: list, from: "pg_stat_statements"}, err
}

func (u *Upgrade) heardStatements(ctx context.Context, why string) (top, error) {
	tried := []string{why}
	for _, hear := range []func() (cluster.Heard, error){
		func() (cluster.Heard, error) {
			return cluster.Logged(ctx, u.Source, u.databaseNames(), mostPlanned, u.LookBack)
		},
		func() (cluster.Heard, error) { return cluster.Seen(ctx, u.Source, u.databaseNames(), mostPlanned) },
	} {
		h, err := hear()
		if err != nil {
			return top{}, err
		}
		if len(h.Statements) > 0 {
			return top{list: h.Statements, from: h.From}, nil
		}
		tried = append(tried, h.From)
	}
	return top{blind: strings.Join(tried, "; ")}, nil
}
