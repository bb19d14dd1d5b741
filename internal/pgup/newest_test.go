package pgup_test

import (
	"testing"

	"github.com/lullhq/lull/internal/pgserver"
)

// TestFrom15To18 goes to a version that brings the planner's statistics along, and that folds letters by other rules.
func TestFrom15To18(t *testing.T) {
	whole(t)
	for _, major := range []int{15, 18} {
		if _, err := pgserver.Find(major); err != nil {
			t.Skipf("%v; in a checkout: scripts/toolchain 15 18", err)
		}
	}
	g := newGroundOf(t, 15, 18, nil)
	g.source.Exec(t, "app", `CREATE TABLE quiet AS SELECT i % 10 AS a, i % 5 AS b FROM generate_series(1, 1000) i`, `CREATE STATISTICS together (dependencies) ON a, b FROM quiet`, `ANALYZE quiet`)
	g.source.Exec(t, "postgres", `CREATE DATABASE letters TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'`)
	g.source.Exec(t, "letters", `CREATE TABLE words (id int PRIMARY KEY, w tsvector)`, `CREATE INDEX searched ON words USING gin (w)`,
		`INSERT INTO words SELECT i, to_tsvector('simple', 'word' || i) FROM generate_series(1, 100) i`, `ANALYZE words`)
	clients := g.clients(t, "mail")
	err := g.run(t)
	acked := clients.stop()
	if err != nil {
		t.Fatal(err)
	}
	g.keeps(t, 18, acked)

	for _, x := range []struct{ db, what, sql, want string }{
		{"app", "quiet is analysed, for its extended statistics", `SELECT (last_analyze IS NOT NULL)::text FROM pg_stat_user_tables WHERE relname = 'quiet'`, "true"},
		{"app", "they are there", `SELECT (dependencies IS NOT NULL)::text FROM pg_stats_ext WHERE statistics_name = 'together'`, "true"},
		{"shop", "t is analysed, although it came with all it needs", `SELECT (last_analyze IS NOT NULL)::text FROM pg_stat_user_tables WHERE relname = 't'`, "false"},
		{"shop", "columns of t with statistics that came along", `SELECT count(*)::text FROM pg_stats WHERE tablename = 't'`, "2"},
	} {
		if got := one(t, g.onTarget(t, x.db), x.sql); got != x.want {
			t.Errorf("%s: %s: %s, want %s", x.db, x.what, got, x.want)
		}
	}
	for index, anew := range map[string]bool{"searched": true, "words_pkey": false} {
		file := `SELECT pg_relation_filenode('` + index + `')::text`
		was, is := one(t, g.source.Connect(t, "letters"), file), one(t, g.onTarget(t, "letters"), file)
		if (was != is) != anew {
			t.Errorf("index %s: file %s on the old server, %s on the new one; built anew: %v", index, was, is, anew)
		}
	}
}
