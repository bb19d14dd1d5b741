package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

func definitionsOf(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	value, err := cluster.Definitions(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestDefinitionsTellEveryChange(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major, pgtest.Options{})
			s.Exec(t, "postgres", `CREATE TABLE t (n int PRIMARY KEY, v text)`, `CREATE SEQUENCE s`, `CREATE ROLE r`, `CREATE TYPE e AS ENUM ('a')`, `CREATE VIEW w AS SELECT n FROM t`, `CREATE MATERIALIZED VIEW mv AS SELECT n FROM t`)
			conn, other := s.Connect(t, "postgres"), s.Connect(t, "postgres")
			if err := cluster.PrepareDefinitions(t.Context(), conn); err != nil {
				t.Fatal(err)
			}
			do := func(sql string) {
				t.Helper()
				if _, err := other.Exec(t.Context(), sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			before := definitionsOf(t, conn)
			for _, sql := range []string{`INSERT INTO t SELECT i, 'v' FROM generate_series(1, 1000) i`, `UPDATE t SET v = 'w'`, `DELETE FROM t WHERE n < 10`, `SELECT nextval('s')`, `ANALYZE`, `VACUUM`, `VACUUM FREEZE`,
				`CREATE TEMP TABLE x (n serial PRIMARY KEY, v text CHECK (v <> ''))`, `CREATE TEMP VIEW xv AS SELECT n FROM x`, `ALTER TABLE x ADD COLUMN w int DEFAULT 7`, `ANALYZE x`,
				`BEGIN; CREATE TABLE never (n int); ROLLBACK`, `CREATE TABLE IF NOT EXISTS t (n int)`} {
				do(sql)
				if now := definitionsOf(t, conn); now != before {
					t.Errorf("%s: %s became %s", sql, before, now)
				}
			}
			for _, sql := range []string{`CREATE TABLE u (n int)`, `DROP TABLE u`, `ALTER TABLE t ADD COLUMN c int`, `ALTER TABLE t ALTER c SET DEFAULT 1`, `ALTER TABLE t ALTER v SET NOT NULL`, `ALTER TABLE t DROP COLUMN c`, `CREATE INDEX i ON t (v)`, `DROP INDEX i`,
				`ALTER TYPE e ADD VALUE 'b'`, `GRANT SELECT ON t TO r`, `REVOKE SELECT ON t FROM r`, `GRANT SELECT (v) ON t TO r`, `ALTER SEQUENCE s INCREMENT 2`, `CREATE OR REPLACE VIEW w AS SELECT n, v FROM t`, `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
				`CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'`, `DROP FUNCTION f`, `ALTER TABLE t OWNER TO r`, `ALTER TABLE t ENABLE ROW LEVEL SECURITY`, `CREATE POLICY p ON t`, `ALTER ROLE r PASSWORD 'x'`, `ALTER ROLE r SET search_path = public`,
				`CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE PROCEDURE suppress_redundant_updates_trigger()`, `ALTER TABLE t DISABLE TRIGGER g`, `CREATE SCHEMA c`, `DROP SCHEMA c`, `ALTER TABLE t REPLICA IDENTITY FULL`, `ALTER TABLE t ADD CHECK (n > 0) NOT VALID`} {
				do(sql)
				now := definitionsOf(t, conn)
				if now == before {
					t.Errorf("%s: not seen", sql)
				}
				before = now
			}
		})
	}
}

// BenchmarkDefinitions is what it costs a hold, in a database of 200 tables.
func BenchmarkDefinitions(b *testing.B) {
	s := pgtest.Start(b, 13, pgtest.Options{})
	s.Exec(b, "postgres", `DO 'BEGIN FOR i IN 1..200 LOOP EXECUTE format(''CREATE TABLE t%s (a int PRIMARY KEY, b text, c text UNIQUE, d int, e int, f int, g int, h int)'', i); END LOOP; END'`, `VACUUM ANALYZE`)
	conn := s.Connect(b, "postgres")
	if err := cluster.PrepareDefinitions(b.Context(), conn); err != nil {
		b.Fatal(err)
	}
	least := time.Hour // what it costs when nothing else runs, on a machine that is never quiet
	for b.Loop() {
		began := time.Now()
		if _, err := cluster.Definitions(b.Context(), conn); err != nil {
			b.Fatal(err)
		}
		least = min(least, time.Since(began))
	}
	b.ReportMetric(float64(least.Microseconds())/1000, "ms-least/look")
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	s.Exec(t, "postgres", `CREATE ROLE r`, `CREATE ROLE "R 2" LOGIN PASSWORD 'x'`, `GRANT r TO "R 2"`, `ALTER ROLE r SET work_mem = '8MB'`, `ALTER DATABASE postgres SET default_transaction_read_only = on`, `ALTER DATABASE postgres SET jit = off`)
	conn := s.Connect(t, "postgres")
	before, err := cluster.Roles(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`role r`, `role "R 2"`, `membership of "R 2" in r`, `setting work_mem of role r`, `setting jit of database postgres`} {
		if before[name] == "" {
			t.Errorf("%s is missing in %v", name, before)
		}
	}
	if len(before) != 6 { // and Lull's own
		t.Errorf("%v", before)
	}
	if _, err := conn.Exec(t.Context(), `BEGIN; SET LOCAL transaction_read_only = off; ALTER ROLE "R 2" PASSWORD 'y'; COMMIT`); err != nil {
		t.Fatal(err)
	}
	if after, err := cluster.Roles(t.Context(), conn); err != nil || after[`role "R 2"`] == before[`role "R 2"`] {
		t.Errorf("a new password was not seen: %v", err)
	}
}
