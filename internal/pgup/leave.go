package pgup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// leaving is how many sessions are ended to learn how long that takes.
const leaving = 2

// leave opens sessions of Lull's own and ends them, and tells what one of them took until the
// server had it no more: those of clients end in the same way when they are held, all at once.
func leave(ctx context.Context, e cluster.Endpoint, conn *pgx.Conn) (each time.Duration, err error) {
	var pids []int32
	var open []*pgx.Conn
	defer func() {
		for _, c := range open {
			c.Close(context.WithoutCancel(ctx))
		}
	}()
	for range leaving {
		c, err := e.Connect(ctx, "")
		if err != nil {
			return 0, err
		}
		open, pids = append(open, c), append(pids, int32(c.PgConn().PID()))
	}
	began := time.Now()
	for _, c := range open {
		if err := c.Close(ctx); err != nil {
			return 0, fmt.Errorf("end a session: %w", err)
		}
	}
	open = nil
	for {
		var left int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1)", pids).Scan(&left); err != nil {
			return 0, fmt.Errorf("look whether a session has ended: %w", err)
		}
		if left == 0 {
			return time.Since(began) / leaving, nil
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return 0, err
		}
	}
}
