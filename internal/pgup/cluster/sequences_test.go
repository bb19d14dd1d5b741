package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

const allSequences = `SELECT format('%s', c.oid::regclass) || ' ' || (xpath('/table/row/*/text()', query_to_xml(format('SELECT last_value, is_called FROM %s', c.oid::regclass), false, false, '')))::text
	FROM pg_class c WHERE c.relkind = 'S' AND c.relpersistence <> 't' ORDER BY 1`

// testSequences draws definitions and states, and asks both sides for the next numbers.
func testSequences(t *testing.T, s sides, db string) {
	from, to := s.from.Connect(t, db), s.to.Connect(t, db)
	rapid.Check(t, func(t *rapid.T) {
		forget(t, from, to)
		for _, c := range []*pgx.Conn{from, to} {
			run(t, c, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`, pgx.QueryExecModeSimpleProtocol)
		}
		names := []string{`"of Table_id_seq"`, `serial_n_seq`}
		define := `CREATE TABLE "of Table" (id int GENERATED ALWAYS AS IDENTITY); CREATE UNLOGGED TABLE serial (n smallserial);`
		for i := range rapid.IntRange(1, 4).Draw(t, "sequences") {
			names = append(names, fmt.Sprintf(`"Free %d"`, i))
			define += fmt.Sprintf("CREATE SEQUENCE %s %s;", names[len(names)-1], definition(t))
		}
		for _, c := range []*pgx.Conn{from, to} {
			run(t, c, define, pgx.QueryExecModeSimpleProtocol)
		}
		run(t, from, `DROP SEQUENCE IF EXISTS only_here; CREATE TEMPORARY SEQUENCE only_here`, pgx.QueryExecModeSimpleProtocol)
		carried, err := cluster.PrepareSequences(context.Background(), from, to)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			use(t, from, name)
		}
		if err := carried.Carry(context.Background(), from, to); err != nil {
			t.Fatal(err)
		}
		if carried.Len() != len(names) {
			t.Fatalf("%d carried of %d", carried.Len(), len(names))
		}
		same(t, from, to, allSequences)
		for _, name := range names { // both sessions ask anew: what one had cached is its own
			next(t, from, to, name)
		}
	})
	testTooManySequences(t, from, to)
}

func definition(t *rapid.T) string {
	up := rapid.Bool().Draw(t, "up")
	step := rapid.IntRange(1, 7).Draw(t, "step")
	low := rapid.IntRange(-20, 5).Draw(t, "min")
	high := low + rapid.IntRange(1, 30).Draw(t, "range")
	start := rapid.IntRange(low, high).Draw(t, "start")
	if !up {
		step = -step
	}
	parts := []string{fmt.Sprintf("INCREMENT %d MINVALUE %d MAXVALUE %d START %d CACHE %d", step, low, high, start, rapid.SampledFrom([]int{1, 1, 5}).Draw(t, "cache"))}
	if rapid.Bool().Draw(t, "cycle") {
		parts = append(parts, "CYCLE")
	}
	return strings.Join(parts, " ")
}

// use brings it into some state: never called, called, worn out, or set by hand.
func use(t *rapid.T, conn *pgx.Conn, name string) {
	switch rapid.SampledFrom([]string{"not", "next", "set", "set uncalled", "restart"}).Draw(t, "use") {
	case "next":
		for range rapid.IntRange(1, 20).Draw(t, "times") {
			if _, err := conn.Exec(context.Background(), `SELECT nextval($1::text::regclass)`, name); err != nil {
				break // at its end
			}
		}
	case "set":
		run(t, conn, fmt.Sprintf(`SELECT setval(seqrelid, greatest(seqmin, least(seqmax, %d)), true) FROM pg_sequence WHERE seqrelid = '%s'::regclass`, rapid.IntRange(-20, 40).Draw(t, "to"), name))
	case "set uncalled":
		run(t, conn, fmt.Sprintf(`SELECT setval(seqrelid, greatest(seqmin, least(seqmax, %d)), false) FROM pg_sequence WHERE seqrelid = '%s'::regclass`, rapid.IntRange(-20, 40).Draw(t, "to"), name))
	case "restart":
		run(t, conn, `ALTER SEQUENCE `+name+` RESTART`)
	}
}

// next compares the numbers that the two sides give, up to their end. DISCARD forgets what the session has cached.
func next(t *rapid.T, from, to *pgx.Conn, name string) {
	for range 12 {
		var here, there int64
		run(t, from, `DISCARD SEQUENCES`)
		errHere := from.QueryRow(context.Background(), `SELECT nextval($1::text::regclass)`, name).Scan(&here)
		errThere := to.QueryRow(context.Background(), `SELECT nextval($1::text::regclass)`, name).Scan(&there)
		run(t, to, `DISCARD SEQUENCES`)
		if here != there || (errHere == nil) != (errThere == nil) {
			t.Fatalf("%s: the next number is %d here and %d there (%v, %v)", name, here, there, errHere, errThere)
		}
		if errHere != nil {
			return
		}
	}
}

// forget makes the sessions ready to prepare anew, as fresh ones are.
func forget(t failer, conns ...*pgx.Conn) {
	t.Helper()
	for _, c := range conns {
		if err := c.DeallocateAll(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// testTooManySequences has more of them than a server has room for locks.
func testTooManySequences(t *testing.T, from, to *pgx.Conn) {
	forget(t, from, to)
	const many = `DO $$ BEGIN FOR i IN 1..%d LOOP EXECUTE 'CREATE SEQUENCE many_' || i || ' START ' || i; IF i %% 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$`
	for _, c := range []*pgx.Conn{from, to} {
		run(t, c, fmt.Sprintf(many, 1200))
	}
	run(t, from, `SELECT nextval('many_1200'), setval('many_600', 7000, false)`)
	s, err := cluster.PrepareSequences(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Carry(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	same(t, from, to, allSequences)
	forget(t, from, to)
	run(t, from, `CREATE SEQUENCE late`)
	s, err = cluster.PrepareSequences(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Carry(t.Context(), from, to); err == nil || !strings.Contains(err.Error(), "late") {
		t.Errorf("a sequence that is not on the other side is not refused by its name: %v", err)
	}
}
