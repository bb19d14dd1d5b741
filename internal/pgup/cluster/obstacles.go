package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Obstacles are things in one database, or in the whole cluster, that do not come
// along with a base backup and logical replication.
type Obstacles struct {
	Lull bool // a schema of Lull's name
}

// LookObstacles asks one database.
func LookObstacles(ctx context.Context, conn *pgx.Conn) (o Obstacles, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`, Schema).Scan(&o.Lull)
	if err != nil {
		return o, fmt.Errorf("look for what does not come along: %w", err)
	}
	return o, nil
}

// Surroundings are what else uses the cluster.
type Surroundings struct {
	Tablespaces   []string
	Subscriptions []string
	Slots         []string
	Prepared      int
	Superusers    []string // roles other than Lull's that are superusers and connected
}

// LookSurroundings asks the cluster, from any database.
func LookSurroundings(ctx context.Context, conn *pgx.Conn) (s Surroundings, err error) {
	err = conn.QueryRow(ctx, `
		SELECT coalesce((SELECT array_agg(spcname::text ORDER BY 1) FROM pg_tablespace WHERE oid >= 16384), '{}'),
		       coalesce((SELECT array_agg(subname::text ORDER BY 1) FROM pg_subscription), '{}'),
		       coalesce((SELECT array_agg(slot_name::text ORDER BY 1) FROM pg_replication_slots), '{}'),
		       (SELECT count(*) FROM pg_prepared_xacts),
		       coalesce((SELECT array_agg(DISTINCT a.usename::text) FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
		                 WHERE r.rolsuper AND a.backend_type = 'client backend' AND a.application_name NOT LIKE 'lull%'), '{}')`).
		Scan(&s.Tablespaces, &s.Subscriptions, &s.Slots, &s.Prepared, &s.Superusers)
	if err != nil {
		return s, fmt.Errorf("look for what else uses the cluster: %w", err)
	}
	return s, nil
}

// Strangers counts the sessions that are not Lull's.
func Strangers(ctx context.Context, conn *pgx.Conn) (n int, err error) {
	err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name NOT LIKE 'lull%'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("look for clients: %w", err)
	}
	return n, nil
}
