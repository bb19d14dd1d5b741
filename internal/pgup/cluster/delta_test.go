package cluster_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// sides are two servers between which things are carried, and the tests that share them.
type sides struct{ from, to *pgtest.Server }

// Things are carried both ways: to the new server at the switch, and back at a rollback.
func TestDeltas(t *testing.T) {
	t.Parallel()
	quiet := pgtest.Options{Settings: map[string]string{"autovacuum": "off"}} // its transactions make rows look new
	old, fresh := pgtest.Start(t, 13, quiet), pgtest.Start(t, 17, quiet)
	for _, s := range []*pgtest.Server{old, fresh} {
		s.Exec(t, "postgres", `CREATE ROLE anna`, `CREATE ROLE "Bert B."`, `CREATE ROLE carl`)
	}
	ways := map[string]sides{"there": {old, fresh}, "back": {fresh, old}}
	// Alone, because what was written is told by the oldest transaction of the whole server.
	each(t, ways, map[string]func(*testing.T, sides, string){"objects": testObjects, "unlogged": testUnlogged}, func(*testing.T) {})
	each(t, ways, map[string]func(*testing.T, sides, string){
		"objects_load": testObjectsUnderLoad, "objects_any": testObjectsAnyOrder,
		"unlogged_load": testUnloggedUnderLoad, "unlogged_any": testUnloggedAnyOrder, "sequences": testSequences,
	}, (*testing.T).Parallel)
}

func each(t *testing.T, ways map[string]sides, tests map[string]func(*testing.T, sides, string), begin func(*testing.T)) {
	for way, s := range ways {
		for name, test := range tests {
			t.Run(way+" "+name, func(t *testing.T) {
				begin(t)
				db := way + "_" + name
				for _, server := range []*pgtest.Server{s.from, s.to} {
					server.Exec(t, "postgres", "CREATE DATABASE "+db)
				}
				test(t, s, db)
			})
		}
	}
}

// carrier has prepared sessions, as the hold does.
func (s sides) carrier(t *testing.T, db string) (from, to *pgx.Conn) {
	t.Helper()
	from, to = s.from.Connect(t, db), s.to.Connect(t, db)
	if err := cluster.PreparePipe(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	return from, to
}

type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func run(t failer, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// list is what a query gives, as lines.
func list(t failer, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t failer, from, to *pgx.Conn, sql string) {
	t.Helper()
	if diff := cmp.Diff(list(t, from, sql), list(t, to, sql)); diff != "" {
		t.Fatalf("the other side differs (-here +there):\n%s", diff)
	}
}

const allObjects = `SELECT format('%s %s %s %s %s', m.oid, pg_get_userbyid(m.lomowner), (SELECT string_agg(a::text, ' ' ORDER BY a::text)
	FROM unnest(coalesce(m.lomacl, acldefault('L', m.lomowner))) a), coalesce(obj_description(m.oid, 'pg_largeobject'), '-'), md5(lo_get(m.oid)) || length(lo_get(m.oid)))
	FROM pg_largeobject_metadata m ORDER BY m.oid`

type passer interface {
	Pass(context.Context, *pgx.Conn, *pgx.Conn) (cluster.Moved, error)
}

func pass(t failer, p passer, from, to *pgx.Conn) cluster.Moved {
	t.Helper()
	m, err := p.Pass(context.Background(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func testObjects(t *testing.T, s sides, db string) {
	from, to := s.carrier(t, db)
	app := s.from.Connect(t, db)
	run(t, app, `SELECT lo_from_bytea(9000 + i, convert_to(repeat('x' || i, 3000), 'UTF8')) FROM generate_series(1, 20) i`)
	run(t, app, `COMMENT ON LARGE OBJECT 9001 IS 'one'; COMMENT ON LARGE OBJECT 9002 IS 'two'; GRANT SELECT ON LARGE OBJECT 9003 TO PUBLIC; ALTER LARGE OBJECT 9004 OWNER TO "Bert B."`)
	run(t, to, `SELECT lo_create(8000); COMMENT ON LARGE OBJECT 8000 IS 'nobody knows it'; SELECT lo_from_bytea(9005, 'something else'); GRANT ALL ON LARGE OBJECT 9005 TO anna WITH GRANT OPTION; COMMENT ON LARGE OBJECT 9005 IS 'old'`)
	var l cluster.LargeObjects
	pass(t, &l, from, to)
	same(t, from, to, allObjects)
	if m := pass(t, &l, from, to); m != (cluster.Moved{}) {
		t.Errorf("nothing changed, and it moved %+v", m)
	}
	for _, sql := range []string{
		`SELECT lo_put(9006, 4000, 'in the middle')`,
		`SELECT lo_truncate(lo_open(9007, 131072), 5000)`,
		`SELECT lo_truncate(lo_open(9008, 131072), 4096)`, // at the end of a page
		`SELECT lo_truncate(lo_open(9009, 131072), 100); SELECT lo_put(9009, 9000, 'behind a hole')`,
		`SELECT lo_truncate(lo_open(9010, 131072), 0)`,
		`SELECT lo_unlink(9011)`,
		`SELECT lo_unlink(9012); SELECT lo_create(9012)`,
		`SELECT lo_unlink(9002); SELECT lo_create(9002)`, // it had a comment
		`BEGIN; SAVEPOINT a; SELECT lo_put(9013, 0, 'below'); RELEASE a; SAVEPOINT b; SELECT lo_put(9014, 0, 'never'); ROLLBACK TO b; COMMIT`,
		`GRANT SELECT ON LARGE OBJECT 9015 TO anna WITH GRANT OPTION; SET ROLE anna; GRANT SELECT ON LARGE OBJECT 9015 TO carl; RESET ROLE`,
		`ALTER LARGE OBJECT 9016 OWNER TO anna; GRANT UPDATE ON LARGE OBJECT 9016 TO "Bert B."; REVOKE ALL ON LARGE OBJECT 9016 FROM anna`,
		`REVOKE SELECT ON LARGE OBJECT 9003 FROM PUBLIC`,
		`COMMENT ON LARGE OBJECT 9001 IS NULL`, `COMMENT ON LARGE OBJECT 9017 IS E'it''s a \\ comment'`,
		`SELECT lo_create(9100); SELECT lo_from_bytea(9101, 'new'); SELECT lo_put(lo_create(9102), 1000000, 'far out')`,
		`SELECT lo_truncate(lo_open(lo_create(9103), 131072), 6000)`, // longer by cutting
	} {
		run(t, app, sql, pgx.QueryExecModeSimpleProtocol)
	}
	m := pass(t, &l, from, to)
	same(t, from, to, allObjects)
	if m.Items != 15 || m.Gone != 1 {
		t.Errorf("it moved %+v", m)
	}
	var again cluster.LargeObjects // by digest: both sides are equal to it as well
	if m := pass(t, &again, from, to); m != (cluster.Moved{}) {
		t.Errorf("the sides are equal, and by digest it moved %+v", m)
	}
}

// A transaction that runs during a pass is seen by the next one, whatever its savepoints.
func testObjectsUnderLoad(t *testing.T, s sides, db string) {
	from, to := s.carrier(t, db)
	run(t, s.from.Connect(t, db), `SELECT lo_from_bytea(5000 + i, repeat('y', 5000)::bytea) FROM generate_series(1, 30) i`)
	stop := s.load(t, db, func(n, i int) string {
		oid := 5001 + (n*7+i*3)%30
		switch i % 4 {
		case 0:
			return fmt.Sprintf(`BEGIN; SAVEPOINT a; SELECT lo_put(%d, %d, 'n%d i%d'); SELECT pg_sleep(0.002); RELEASE a; SELECT lo_put(%d, 0, 'x'); COMMIT`, oid, i%5000, n, i, oid)
		case 1:
			return fmt.Sprintf(`SELECT lo_from_bytea(%d, 'new')`, 100000+n*10000+i)
		case 2:
			return fmt.Sprintf(`SELECT lo_unlink(%d)`, 100000+n*10000+i-1)
		}
		return fmt.Sprintf(`SELECT lo_truncate(lo_open(%d, 131072), %d)`, oid, 100+i%6000)
	})
	var l cluster.LargeObjects
	for range 12 {
		pass(t, &l, from, to)
	}
	stop()
	pass(t, &l, from, to)
	same(t, from, to, allObjects)
}

// load runs statements in three sessions until stop is called. Some conflict: those are told so and left.
func (s sides) load(t *testing.T, db string, statement func(n, i int) string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var done [3]int
	for n := range done {
		conn := s.from.Connect(t, db)
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := conn.Exec(context.Background(), statement(n, i), pgx.QueryExecModeSimpleProtocol); err != nil {
					_, _ = conn.Exec(context.Background(), "ROLLBACK") // whatever it was, it wrote nothing
					continue
				}
				done[n]++
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
		for n := range done {
			if done[n] == 0 {
				t.Errorf("writer %d never wrote anything", n)
			}
		}
	}
}

func testObjectsAnyOrder(t *testing.T, s sides, db string) {
	from, to := s.carrier(t, db)
	app, slow := s.from.Connect(t, db), s.from.Connect(t, db)
	rapid.Check(t, func(t *rapid.T) {
		run(t, slow, `BEGIN`)
		defer run(t, slow, `ROLLBACK`)
		var l cluster.LargeObjects
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			conn := app
			if rapid.Bool().Draw(t, "slow") {
				conn = slow
			}
			oid := rapid.IntRange(100, 105).Draw(t, "oid") * 2
			if conn == slow {
				oid++ // the two do not wait for each other
			}
			exists := fmt.Sprintf(`FROM pg_largeobject_metadata WHERE oid = %d`, oid)
			switch rapid.SampledFrom([]string{"make", "put", "cut", "remove", "grant", "own", "comment", "commit", "pass", "pass"}).Draw(t, "what") {
			case "make":
				run(t, conn, fmt.Sprintf(`SELECT lo_create(%d) WHERE NOT EXISTS (SELECT %s)`, oid, exists))
			case "put":
				at := rapid.SampledFrom([]int{0, 100, 2040, 2048, 6000}).Draw(t, "at")
				run(t, conn, fmt.Sprintf(`SELECT lo_put(oid, %d, repeat('z', %d)::bytea) %s`, at, rapid.IntRange(1, 3000).Draw(t, "length"), exists))
			case "cut":
				run(t, conn, fmt.Sprintf(`SELECT lo_truncate(lo_open(oid, 131072), %d) %s`, rapid.SampledFrom([]int{0, 1, 2047, 2048, 2049, 4096, 9000}).Draw(t, "to"), exists))
			case "remove":
				run(t, conn, `SELECT lo_unlink(oid) `+exists)
			case "grant":
				run(t, conn, fmt.Sprintf(`DO $$ BEGIN IF EXISTS (SELECT %s) THEN GRANT SELECT ON LARGE OBJECT %d TO anna; END IF; END $$`, exists, oid))
			case "own":
				run(t, conn, fmt.Sprintf(`DO $$ BEGIN IF EXISTS (SELECT %s) THEN ALTER LARGE OBJECT %d OWNER TO "Bert B."; END IF; END $$`, exists, oid))
			case "comment":
				run(t, conn, fmt.Sprintf(`DO $$ BEGIN IF EXISTS (SELECT %s) THEN COMMENT ON LARGE OBJECT %d IS 'hello'; END IF; END $$`, exists, oid))
			case "commit":
				run(t, slow, `COMMIT; BEGIN; SAVEPOINT s`, pgx.QueryExecModeSimpleProtocol)
			case "pass":
				pass(t, &l, from, to)
				same(t, from, to, allObjects)
			}
		}
		run(t, slow, `COMMIT; BEGIN`, pgx.QueryExecModeSimpleProtocol)
		pass(t, &l, from, to)
		same(t, from, to, allObjects)
	})
}
