package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Strangers counts the sessions that are not Lull's.
func Strangers(ctx context.Context, conn *pgx.Conn) (n int, err error) {
	err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name NOT LIKE 'lull%'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look for clients: %w", err)
	}
	return n, nil
}
