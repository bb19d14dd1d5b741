package cluster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		chunks []cluster.Chunk
		want   []cluster.Span
	}{
		"none":                            {nil, nil},
		"one block":                       {[]cluster.Chunk{{Relation: 1, Number: 2, Blocks: 1 << 3}}, []cluster.Span{{Relation: 1, First: 67, Last: 67}}},
		"over the end of a chunk":         {[]cluster.Chunk{{Relation: 1, Blocks: 1 << 31}, {Relation: 1, Number: 1, Blocks: 3}}, []cluster.Span{{Relation: 1, First: 31, Last: 33}}},
		"a gap that is read over":         {[]cluster.Chunk{{Relation: 1, Blocks: 1 | 1<<5}}, []cluster.Span{{Relation: 1, First: 0, Last: 5}}},
		"a gap that is left out":          {[]cluster.Chunk{{Relation: 1, Blocks: 1 | 1<<6}}, []cluster.Span{{Relation: 1, First: 0, Last: 0}, {Relation: 1, First: 6, Last: 6}}},
		"neighbours of two relations":     {[]cluster.Chunk{{Relation: 1, Blocks: 1}, {Relation: 2, Blocks: 2}}, []cluster.Span{{Relation: 1}, {Relation: 2, First: 1, Last: 1}}},
		"neighbours of two of its forks":  {[]cluster.Chunk{{Relation: 1, Blocks: 1}, {Relation: 1, Fork: 2, Blocks: 2}}, []cluster.Span{{Relation: 1}, {Relation: 1, Fork: 2, First: 1, Last: 1}}},
		"a relation of more than 2 TB":    {[]cluster.Chunk{{Relation: 1, Number: 1 << 27, Blocks: 1}}, []cluster.Span{{Relation: 1, First: 1 << 32, Last: 1 << 32}}},
		"a whole chunk, and half of next": {[]cluster.Chunk{{Relation: 1, Blocks: 1<<32 - 1}, {Relation: 1, Number: 1, Blocks: 1<<16 - 1}}, []cluster.Span{{Relation: 1, First: 0, Last: 47}}},
	} {
		if d := cmp.Diff(c.want, cluster.Spans(c.chunks)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	a := []cluster.Chunk{{Relation: 1, Blocks: 7}, {Relation: 1, Number: 4, Blocks: 1}, {Relation: 3, Fork: 1, Blocks: 1}}
	b := []cluster.Chunk{{Relation: 1, Blocks: 6}, {Relation: 2, Blocks: 1}, {Relation: 3, Blocks: 1}, {Relation: 3, Fork: 1, Blocks: 9}}
	if n, m := cluster.Overlap(a, b), cluster.Overlap(b, a); n != 3 || m != 3 {
		t.Errorf("%d and %d blocks are in both", n, m)
	}
}

// What is in memory is found, gone after a restart, and back after it was loaded; and nothing else is left.
func TestMemoryIsFilledAgain(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"shop"}})
		s.Exec(t, "shop", "CREATE TABLE big (id int PRIMARY KEY, v text)", "INSERT INTO big SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i", "VACUUM big")
		conn := s.Connect(t, "shop")
		var table, index uint32
		if err := conn.QueryRow(t.Context(), "SELECT 'big'::regclass::oid, 'big_pkey'::regclass::oid").Scan(&table, &index); err != nil {
			t.Fatal(err)
		}
		before := ofRelations(buffers(t, s), table, index)
		if countOf(before, table) < 100 || countOf(before, index) < 10 {
			t.Fatalf("%d: %d and %d blocks are found", major, countOf(before, table), countOf(before, index))
		}
		s.Restart(t)
		if n := countOf(buffers(t, s), table); n != 0 {
			t.Errorf("%d: %d blocks are there after a restart", major, n)
		}
		conn = s.Connect(t, "shop")
		behind := cluster.Span{Relation: table, First: 1_000_000, Last: 1_000_001}
		across := cluster.Span{Relation: index, First: 0, Last: 1_000_000}
		nothing := cluster.Span{Relation: 4_000_000_000, First: 0, Last: 1}
		if _, err := cluster.Warm(t.Context(), conn, append(cluster.Spans(before), behind, across, nothing)); err != nil {
			t.Fatal(err)
		}
		if after := buffers(t, s); cluster.Overlap(before, after) != countOf(before, table)+countOf(before, index) {
			t.Errorf("%d: of %d blocks, %d are back", major, countOf(before, table)+countOf(before, index), cluster.Overlap(before, after))
		}
		var left int
		if err := conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM pg_proc WHERE proname LIKE 'lull%') + (SELECT count(*) FROM pg_extension WHERE extname LIKE '%prewarm' OR extname LIKE '%buffercache') + (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pg_temp%')").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d: left: %d (%v)", major, left, err)
		}
		hot, err := cluster.HotRelations(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hot {
			if h.Blocks == 0 || h.Asked == 0 {
				t.Errorf("%d: %+v", major, h)
			}
		}
	}
}

func buffers(t *testing.T, s *pgtest.Server) []cluster.Chunk {
	t.Helper()
	all, err := cluster.Buffers(t.Context(), s.Connect(t, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func ofRelations(all []cluster.Chunk, oids ...uint32) (out []cluster.Chunk) {
	for _, c := range all {
		for _, oid := range oids {
			if c.Relation == oid {
				out = append(out, c)
			}
		}
	}
	return out
}

func countOf(all []cluster.Chunk, oid uint32) (n int) {
	for _, c := range ofRelations(all, oid) {
		n += c.Count()
	}
	return n
}
