package compare

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func TestUnknown(t *testing.T) {
	t.Parallel()
	has, lacks, cannot := knowledge{true, true}, knowledge{false, true}, knowledge{false, false}
	a, b := fact{name: "t", column: "a"}, fact{name: "t", column: "b"}
	over := fact{name: "t", column: "a", inherited: true}
	index, extended := fact{name: "t", object: "i", column: "1"}, fact{name: "t", object: "statistics s"}
	for name, c := range map[string]struct {
		source, target map[fact]knowledge
		want           []Missing
	}{
		"nothing":                      {},
		"known on both":                {source: map[fact]knowledge{a: has}, target: map[fact]knowledge{a: has}},
		"known on neither":             {source: map[fact]knowledge{a: lacks}, target: map[fact]knowledge{a: lacks}},
		"known on the target alone":    {source: map[fact]knowledge{a: lacks}, target: map[fact]knowledge{a: has}},
		"ANALYZE would not give it":    {source: map[fact]knowledge{a: has}, target: map[fact]knowledge{a: cannot}},
		"no such thing on the target":  {source: map[fact]knowledge{a: has}, want: []Missing{{Relation: "t", Columns: []string{"a"}}}},
		"two columns":                  {source: map[fact]knowledge{a: has, b: has}, target: map[fact]knowledge{a: lacks, b: lacks}, want: []Missing{{Relation: "t", Columns: []string{"a", "b"}}}},
		"one of two":                   {source: map[fact]knowledge{a: has, b: has}, target: map[fact]knowledge{a: has, b: lacks}, want: []Missing{{Relation: "t", Columns: []string{"b"}}}},
		"itself and over its children": {source: map[fact]knowledge{a: has, over: has}, target: map[fact]knowledge{a: has, over: lacks}, want: []Missing{{Relation: "t", Columns: []string{"a"}, Inherited: true}}},
		"index and extended": {source: map[fact]knowledge{index: has, extended: has}, target: map[fact]knowledge{index: lacks, extended: lacks},
			want: []Missing{{Relation: "t", Object: "i", Columns: []string{"1"}}, {Relation: "t", Object: "statistics s"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, unknown(c.source, c.target)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, target marks
		want           bool
	}{
		"empty":                           {marks{0, 0, false}, marks{0, 0, false}, false},
		"all marked":                      {marks{1000, 1000, false}, marks{1000, 1000, false}, false},
		"never vacuumed":                  {marks{1000, 1000, false}, marks{1000, 0, false}, true},
		"nor on the source":               {marks{1000, 0, false}, marks{1000, 0, false}, false},
		"small, never vacuumed":           {marks{100, 100, false}, marks{100, 0, false}, false},
		"changing while it was vacuumed":  {marks{1000, 1000, false}, marks{1000, 600, false}, false},
		"filled after it was vacuumed":    {marks{10000, 9900, false}, marks{10000, 10, false}, true},
		"marked counts are older":         {marks{100, 1000, false}, marks{1000, 1000, false}, false},
		"smaller than the source":         {marks{100000, 90000, false}, marks{200, 0, false}, true},
		"worn down since it was vacuumed": {marks{1000, 1000, false}, marks{1000, 0, true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := short(c.source, c.target); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// analysed makes one table of each sort that has, or once had, statistics.
const analysed = `
	CREATE TABLE plain (id int PRIMARY KEY, name text, untold text);
	ALTER TABLE plain ALTER untold SET STATISTICS 0;
	INSERT INTO plain SELECT i, 'n' || i % 7, 'u' FROM generate_series(1, 20000) i;
	CREATE INDEX plain_lower ON plain (lower(name));
	CREATE INDEX plain_rare ON plain (upper(name)) WHERE id < 0;
	CREATE STATISTICS plain_both ON id, name FROM plain;
	CREATE TABLE emptied AS SELECT 1 AS a;
	CREATE TABLE "Odd Name" AS SELECT 1 AS "Odd Column";
	CREATE TABLE never AS SELECT 1 AS a;
	CREATE TABLE parts (id int, at date) PARTITION BY RANGE (id);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
	INSERT INTO parts SELECT i, '2026-01-01' FROM generate_series(1, 50) i;
	CREATE TABLE barren (id int) PARTITION BY RANGE (id);
	CREATE TABLE barren_1 PARTITION OF barren FOR VALUES FROM (0) TO (100);
	INSERT INTO barren VALUES (1);
	CREATE TABLE old (id int); CREATE TABLE young (more int) INHERITS (old);
	INSERT INTO young VALUES (1, 1);
	CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM plain;
	CREATE MATERIALIZED VIEW shut AS SELECT 1 AS a;
	CREATE SEQUENCE untouched; CREATE SEQUENCE counted; SELECT nextval('counted'), nextval('counted')`

func testStatistics(t *testing.T, s servers) {
	p := s.restore(t, "known", analysed)
	// What the source knows of these is older than their being empty.
	p.old.Exec(t, p.name, "VACUUM ANALYZE plain, emptied, \"Odd Name\", parts, barren, old, young, seen, shut", "DELETE FROM emptied", "TRUNCATE barren",
		"REFRESH MATERIALIZED VIEW shut WITH NO DATA")
	p.new.Exec(t, p.name, "DELETE FROM emptied", "TRUNCATE barren", "REFRESH MATERIALIZED VIEW shut WITH NO DATA")
	src, dst := p.connect(t)
	all := []string{`public."Odd Name" ("Odd Column")`, "public.old with its partitions (id)", "public.parts with its partitions (at, id)", "public.parts_1 (at, id)",
		"public.plain (id, name)", "public.plain, plain_lower (1)", "public.plain, statistics public.plain_both", "public.seen (count)", "public.young (id, more)"}
	wantMissing(t, src, dst, all...)
	p.new.Exec(t, p.name, "ANALYZE")
	wantMissing(t, src, dst)
	p.new.Exec(t, p.name, "DELETE FROM pg_statistic WHERE starelid = 'plain'::regclass AND staattnum = 2", "DELETE FROM pg_statistic WHERE starelid = 'parts'::regclass")
	wantMissing(t, src, dst, "public.parts with its partitions (at, id)", "public.plain (name)")
	// It was analysed while it was empty.
	p.new.Exec(t, p.name, "ANALYZE plain, parts", "INSERT INTO emptied VALUES (1)")
	wantMissing(t, src, dst, "public.emptied (a)")
	p.new.Exec(t, p.name, "DROP TABLE emptied, young")
	wantMissing(t, src, dst, "public.emptied (a)", "public.young (id, more)")
}

func wantMissing(t *testing.T, src, dst *pgx.Conn, want ...string) {
	t.Helper()
	list, err := Statistics(t.Context(), src, dst)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, m.String())
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("missing statistics (-want +got):\n%s", d)
	}
}

func testVisibilityMapAndSequences(t *testing.T, s servers) {
	p := s.restore(t, "marked", analysed+"; INSERT INTO plain SELECT i FROM generate_series(20001, 60000) i")
	p.old.Exec(t, p.name, "VACUUM plain")
	src, dst := p.connect(t)
	if got := unmarked(t, src, dst); cmp.Diff([]string{"public.plain"}, got) != "" {
		t.Errorf("before VACUUM: %v", got)
	}
	p.new.Exec(t, p.name, "VACUUM plain")
	if got := unmarked(t, src, dst); got != nil {
		t.Errorf("after VACUUM: %v", got)
	}
	// Changed all over, and counted since by ANALYZE: no VACUUM could have done better a moment ago.
	p.new.Exec(t, p.name, "UPDATE plain SET id = id WHERE id % 10 = 0", "ANALYZE plain")
	if got := unmarked(t, src, dst); got != nil {
		t.Errorf("changed after VACUUM: %v", got)
	}
	p.new.Exec(t, p.name, "TRUNCATE plain", "VACUUM plain", "INSERT INTO plain SELECT i FROM generate_series(1, 60000) i")
	if got := unmarked(t, src, dst); cmp.Diff([]string{"public.plain"}, got) != "" {
		t.Errorf("vacuumed before it was filled: %v", got)
	}
	p.new.Exec(t, p.name, "SELECT nextval('untouched')", "DROP TABLE plain CASCADE", "CREATE SEQUENCE fresh")
	got, err := Sequences(t.Context(), src, dst)
	if err != nil {
		t.Fatal(err)
	}
	want := []Sequence{{"public.counted", &Value{2, true}, &Value{2, true}}, {"public.fresh", nil, &Value{1, false}}, {"public.untouched", &Value{1, false}, &Value{1, true}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("sequences (-want +got):\n%s", d)
	}
	if !got[0].Equal() || got[1].Equal() || got[2].Equal() {
		t.Error("equal is wrong")
	}
}

func unmarked(t *testing.T, src, dst *pgx.Conn) (names []string) {
	t.Helper()
	list, err := VisibilityMap(t.Context(), src, dst)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		names = append(names, v.Relation)
	}
	return names
}
