package pgup_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// TestReadyBeforeTheSwitch looks at the new server when the steps before the switch are done: it has the
// statistics that the old one asks for, at least its marks in the visibility map, and its memory.
func TestReadyBeforeTheSwitch(t *testing.T) {
	whole(t)
	g := newGround(t)
	g.source.Exec(t, "app",
		`CREATE TABLE told (id int PRIMARY KEY, a int, b int)`,
		`ALTER TABLE told ALTER a SET STATISTICS 7`, `ALTER TABLE told ALTER b SET STATISTICS 0`,
		`CREATE STATISTICS told_both (mcv) ON id, a FROM told`,
		`INSERT INTO told SELECT i, i % 100, i FROM generate_series(1, 20000) i`,
		`VACUUM (FREEZE, ANALYZE) told`)
	before := g.memoryOf(t, g.source.Connect(t, "app"), "told")
	if before == 0 {
		t.Fatal("the old server has nothing of the table in memory")
	}
	if err := g.runUntil(t, "cache", func(context.Context) error { return errStopped }); err == nil {
		t.Fatal("the run was not stopped")
	}
	target := g.onTarget(t, "app")
	want := one(t, g.source.Connect(t, "app"), statisticsOf)
	if d := cmp.Diff(want, one(t, target, statisticsOf)); d != "" {
		t.Errorf("statistics (-old +new):\n%s", d)
	}
	const frozen = `SELECT age(relfrozenxid)::text FROM pg_class WHERE oid = 'told'::regclass`
	if was, is := number(t, one(t, g.source.Connect(t, "app"), frozen)), number(t, one(t, target, frozen)); is > was+1000 { // each server gives numbers of its own to transactions
		t.Errorf("the oldest row is %d transactions old, %d on the old server", is, was)
	}
	if now := g.memoryOf(t, target, "told"); now < before {
		t.Errorf("%d blocks are in memory, of %d on the old server", now, before)
	}
	if f := g.figures(t, "cache_share"); f["cache_share"] < 0.5 || f["cache_blocks"] < float64(before) {
		t.Errorf("on record: %v", f)
	}
	for side, conn := range map[string]*pgx.Conn{"old": g.source.Connect(t, "app"), "new": target} {
		if left := one(t, conn, `SELECT (SELECT count(*) FROM pg_proc WHERE proname ~ '^lull_(buffers|prewarm)')::text || (SELECT count(*) FROM pg_extension WHERE extname ~ 'prewarm|buffercache')`); left != "00" {
			t.Errorf("left on the %s server: %s", side, left)
		}
	}
	g.startedAgain(t)
	g.abort(t)
}

// statisticsOf is what there is of the table told: how many values are kept of a column that
// asks for seven, none of one that asks for none, extended statistics, and how much is marked.
const statisticsOf = `SELECT concat_ws(', ',
	(SELECT string_agg(concat_ws(' ', a.attname, a.attstattarget, cardinality(s.most_common_freqs), cardinality(s.histogram_bounds)), '; ' ORDER BY a.attnum)
		FROM pg_attribute a LEFT JOIN pg_stats s ON s.tablename = 'told' AND s.attname = a.attname WHERE a.attrelid = 'told'::regclass AND a.attname IN ('a', 'b') AND a.attnum > 0),
	(SELECT count(*) FROM pg_stats_ext WHERE statistics_name = 'told_both' AND most_common_vals IS NOT NULL),
	(SELECT concat_ws(' ', relpages, reltuples, relallvisible) FROM pg_class WHERE oid = 'told'::regclass))`

func one(t *testing.T, conn *pgx.Conn, sql string) (text string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "SET search_path = public, pg_catalog"); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (g *ground) memoryOf(t *testing.T, conn *pgx.Conn, table string) (blocks int) {
	t.Helper()
	all, err := cluster.Buffers(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	oid := one(t, conn, fmt.Sprintf("SELECT '%s'::regclass::oid::text", table))
	for _, c := range all {
		if fmt.Sprint(c.Relation) == oid {
			blocks += c.Count()
		}
	}
	return blocks
}

// startedAgain shows that a new server which lost its memory gets it back.
func (g *ground) startedAgain(t *testing.T) {
	t.Helper()
	s := g.targetServer(t)
	if err := s.Stop(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	if err := g.runUntil(t, "cache", func(context.Context) error { return errStopped }); err == nil {
		t.Fatal("the run was not stopped")
	}
	if now := g.memoryOf(t, g.onTarget(t, "app"), "told"); now == 0 {
		t.Error("after the new server was started again, nothing of the table is in memory")
	}
}
