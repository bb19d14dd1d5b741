package cluster_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

func views(t *testing.T, conn *pgx.Conn) (names []string, below map[string]string) {
	t.Helper()
	all, err := cluster.MaterializedViews(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	below = map[string]string{}
	for _, v := range all {
		names, below[v.Name] = append(names, v.Name), v.Below
	}
	return names, below
}

func TestMaterializedViews(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	conn := s.Connect(t, "postgres")
	run(t, conn, `
		CREATE TABLE p (n int) PARTITION BY RANGE (n); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE other (n int); CREATE TABLE still (n int);
		CREATE VIEW v AS SELECT n FROM p;
		CREATE FUNCTION reads() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.other';
		CREATE FUNCTION counts(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
		CREATE MATERIALIZED VIEW b_first AS SELECT counts(n) AS n FROM v; CREATE UNIQUE INDEX ON b_first (n);
		CREATE MATERIALIZED VIEW a_second AS SELECT count(*) FROM b_first;
		CREATE MATERIALIZED VIEW c_unknown AS SELECT reads(); CREATE MATERIALIZED VIEW d_other AS SELECT n FROM other; CREATE MATERIALIZED VIEW e_still AS SELECT n FROM still;
		CREATE MATERIALIZED VIEW never AS SELECT 1 WITH NO DATA`, pgx.QueryExecModeSimpleProtocol)
	names, before := views(t, conn)
	if diff := cmp.Diff([]string{"b_first", "c_unknown", "d_other", "e_still", "a_second"}, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if before["c_unknown"] != "" || before["b_first"] == "" {
		t.Errorf("what is below is known of the wrong ones: %v", before)
	}
	writer := s.Connect(t, "postgres")
	run(t, writer, `INSERT INTO p VALUES (1); TRUNCATE other`, pgx.QueryExecModeSimpleProtocol)
	writer.Close(t.Context()) // it reports what it did when it ends
	eventually(t, "the change", func() bool {
		_, now := views(t, conn)
		return now["a_second"] != before["a_second"] && now["b_first"] != before["b_first"] && now["d_other"] != before["d_other"]
	})
	if _, now := views(t, conn); now["e_still"] != before["e_still"] {
		t.Errorf("nothing changed below this one: %s, %s", before["e_still"], now["e_still"])
	}
	refreshAmongReaders(t, s, conn)
}

// refreshAmongReaders has a reader in a transaction that lasts: who reads a view with a
// unique index is not in the way, and of another one gives up in time.
func refreshAmongReaders(t *testing.T, s *pgtest.Server, conn *pgx.Conn) {
	reader := s.Connect(t, "postgres")
	run(t, reader, `BEGIN; SELECT * FROM b_first, d_other`, pgx.QueryExecModeSimpleProtocol)
	if err := cluster.RefreshAmongReaders(t.Context(), conn, cluster.View{Schema: "public", Name: "b_first", Keyed: true}, time.Minute); err != nil {
		t.Errorf("it waits for readers: %v", err)
	}
	if got := list(t, s.Connect(t, "postgres"), `SELECT n::text FROM b_first`); len(got) != 1 || got[0] != "2" {
		t.Errorf("it is not refreshed: %v", got)
	}
	done := make(chan error)
	go func() {
		done <- cluster.RefreshAmongReaders(t.Context(), conn, cluster.View{Schema: "public", Name: "d_other"}, time.Minute)
	}()
	run(t, reader, `COMMIT`)
	if err := <-done; err != nil {
		t.Errorf("it does not come to its turn: %v", err)
	}
	if err := cluster.RefreshAmongReaders(t.Context(), conn, cluster.View{Schema: "public", Name: "missing"}, time.Minute); err == nil {
		t.Error("a view that is not there is refreshed")
	}
}
