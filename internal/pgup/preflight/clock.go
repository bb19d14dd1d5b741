package preflight

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
)

// apart is how far two clocks may be from each other without anybody being told.
const apart = time.Second

// looks are how often a clock is read: the answer that came soonest says most.
const looks = 5

// clockOf holds the server's clock against the one of this machine, which is that of the new server. An answer says when it was
// given to within half of the time that it took.
func clockOf(now func() time.Time) checks.Look {
	return func(ctx context.Context, conn *pgx.Conn, _ checks.Subject) ([]checks.Object, error) {
		var ahead, took time.Duration
		for i := range looks {
			var there time.Time
			asked := now()
			if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&there); err != nil {
				return nil, err
			}
			if this := now().Sub(asked); i == 0 || this < took {
				ahead, took = there.Sub(asked.Add(this/2)), this
			}
		}
		if ahead.Abs()-took/2 <= apart {
			return nil, nil
		}
		which := "ahead of"
		if ahead < 0 {
			which = "behind"
		}
		return []checks.Object{{Name: "the source", Detail: fmt.Sprintf("%s %s this machine", ahead.Abs().Round(100*time.Millisecond), which)}}, nil
	}
}
