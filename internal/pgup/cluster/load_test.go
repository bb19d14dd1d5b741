package cluster_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// TestVisitedGrowsWithChanges: what a VACUUM will read again is what was changed since the last one, and the table's size does not tell.
func TestVisitedGrowsWithChanges(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	conn := s.Connect(t, "postgres")
	run(t, conn, `CREATE TABLE t (n int) WITH (autovacuum_enabled = false); INSERT INTO t SELECT generate_series(1, 50000)`, pgx.QueryExecModeSimpleProtocol)
	load := func() cluster.Load {
		l, err := cluster.TakeLoad(t.Context(), endpoint(s), []cluster.Database{{Name: "postgres"}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	var size int64
	if err := conn.QueryRow(t.Context(), "SELECT pg_relation_size('t')").Scan(&size); err != nil {
		t.Fatal(err)
	}
	run(t, conn, "VACUUM t")
	clean := load()
	run(t, conn, "DELETE FROM t; SELECT pg_stat_force_next_flush()", pgx.QueryExecModeSimpleProtocol)
	if grew := load().Visited - clean.Visited; grew < size*9/10 {
		t.Errorf("every row of %d bytes was deleted, and a VACUUM is expected to read %d more", size, grew)
	}
}
