package cluster_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

const unloggedSchema = `
	CREATE UNLOGGED TABLE parent (id int PRIMARY KEY, v text);
	CREATE UNLOGGED TABLE child (id int GENERATED ALWAYS AS IDENTITY, p int REFERENCES parent, "Odd ""name" float8, sum numeric GENERATED ALWAYS AS (p * 2) STORED, gone int);
	ALTER TABLE child DROP COLUMN gone;
	CREATE UNLOGGED TABLE bare ();
	CREATE TABLE logged (id int);
	CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''a trigger fired''; END';`

const allUnlogged = `SELECT 'parent ' || p::text FROM parent p UNION ALL SELECT 'child ' || c::text FROM child c UNION ALL SELECT 'bare' FROM bare ORDER BY 1`

func (s sides) unlogged(t *testing.T, db string) (u *cluster.Unlogged, from, to *pgx.Conn) {
	t.Helper()
	s.from.Exec(t, db, unloggedSchema)
	s.to.Exec(t, db, unloggedSchema, `CREATE TRIGGER never BEFORE INSERT OR DELETE OR TRUNCATE ON parent EXECUTE FUNCTION never()`)
	from, to = s.carrier(t, db)
	tables, err := cluster.UnloggedTables(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 3 {
		t.Fatalf("unlogged tables: %v", tables)
	}
	return cluster.NewUnlogged(tables), from, to
}

func testUnlogged(t *testing.T, s sides, db string) {
	u, from, to := s.unlogged(t, db)
	app := s.from.Connect(t, db)
	run(t, app, `INSERT INTO parent SELECT i, 'row ' || i FROM generate_series(1, 1000) i; INSERT INTO child (p, "Odd ""name") SELECT i, random() FROM generate_series(1, 1000) i; INSERT INTO bare DEFAULT VALUES`, pgx.QueryExecModeSimpleProtocol)
	run(t, app, `INSERT INTO child (p, "Odd ""name") VALUES (1, $1), (NULL, NULL)`, math.Pi*1e-300)
	whole := pass(t, u, from, to)
	same(t, from, to, allUnlogged)
	if m := pass(t, u, from, to); m != (cluster.Moved{}) {
		t.Errorf("nothing changed, and it moved %+v", m)
	}
	run(t, app, `INSERT INTO parent VALUES (2000, 'one more')`)
	if m := pass(t, u, from, to); m.Items != 1 || m.Bytes > 100 {
		t.Errorf("one row was added, and it moved %+v", m)
	}
	same(t, from, to, allUnlogged)
	for _, sql := range []string{
		`UPDATE parent SET v = 'other' WHERE id = 1000`, `DELETE FROM child WHERE p = 7`,
		`BEGIN; DELETE FROM child WHERE p = 8; INSERT INTO child (p) VALUES (8); COMMIT`, // as many as before
		`TRUNCATE parent, child; INSERT INTO parent VALUES (1, 'only')`,
	} {
		run(t, app, sql, pgx.QueryExecModeSimpleProtocol)
		if m := pass(t, u, from, to); m.Items == 0 || m.Bytes > 2*whole.Bytes {
			t.Errorf("%s: it moved %+v", sql, m)
		}
		same(t, from, to, allUnlogged)
	}
	if _, err := u.Empty(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if left := list(t, to, allUnlogged); len(left) != 0 {
		t.Errorf("it is not empty: %v", left)
	}
}

func testUnloggedUnderLoad(t *testing.T, s sides, db string) {
	u, from, to := s.unlogged(t, db)
	run(t, s.from.Connect(t, db), `INSERT INTO parent SELECT i, 'row ' || i FROM generate_series(1, 200) i`)
	stop := s.load(t, db, func(n, i int) string {
		switch i % 5 {
		case 0:
			return fmt.Sprintf(`BEGIN; SAVEPOINT a; INSERT INTO child (p) VALUES (%d); SELECT pg_sleep(0.002); RELEASE a; COMMIT`, 1+i%200)
		case 1:
			return fmt.Sprintf(`UPDATE parent SET v = 'n%d i%d' WHERE id = %d`, n, i, 1+i%200)
		case 2:
			return fmt.Sprintf(`DELETE FROM child WHERE p = %d`, 1+(i*7)%200)
		}
		return fmt.Sprintf(`INSERT INTO child (p) VALUES (%d)`, 1+i%200)
	})
	for range 12 {
		pass(t, u, from, to)
	}
	stop()
	pass(t, u, from, to)
	same(t, from, to, allUnlogged)
}

func testUnloggedAnyOrder(t *testing.T, s sides, db string) {
	_, from, to := s.unlogged(t, db)
	tables, err := cluster.UnloggedTables(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	app, slow := s.from.Connect(t, db), s.from.Connect(t, db)
	rapid.Check(t, func(t *rapid.T) {
		u := cluster.NewUnlogged(tables)
		run(t, slow, `BEGIN; SAVEPOINT s`, pgx.QueryExecModeSimpleProtocol)
		defer run(t, slow, `ROLLBACK`)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			p := rapid.IntRange(1, 9).Draw(t, "p")
			switch rapid.SampledFrom([]string{"add", "slow", "change", "remove", "empty", "commit", "pass", "pass"}).Draw(t, "what") {
			case "add":
				run(t, app, `INSERT INTO child (p, "Odd ""name") SELECT NULL, $1 FROM generate_series(1, $1::int)`, p)
			case "slow":
				run(t, slow, `INSERT INTO child ("Odd ""name") VALUES ($1 / 3.0)`, p)
			case "change":
				run(t, app, `UPDATE child SET "Odd ""name" = "Odd ""name" + 1 WHERE "Odd ""name" = $1`, p)
			case "remove":
				run(t, app, `DELETE FROM child WHERE "Odd ""name" = $1`, p)
			case "empty":
				run(t, app, `DELETE FROM child`) // TRUNCATE would wait for the slow one
			case "commit":
				run(t, slow, `COMMIT; BEGIN; SAVEPOINT s`, pgx.QueryExecModeSimpleProtocol)
			case "pass":
				pass(t, u, from, to)
				same(t, from, to, allUnlogged)
			}
		}
		run(t, slow, `COMMIT; BEGIN`, pgx.QueryExecModeSimpleProtocol)
		pass(t, u, from, to)
		same(t, from, to, allUnlogged)
	})
}
