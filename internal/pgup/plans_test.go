package pgup_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup"
)

// TestAMuchWorsePlanHoldsTheSwitchBack plants a setting on the new server with which it reads
// a whole table where the old one goes by an index.
func TestAMuchWorsePlanHoldsTheSwitchBack(t *testing.T) {
	whole(t)
	g := newGround(t, "pg_stat_statements")
	g.source.Exec(t, "app", "CREATE EXTENSION pg_stat_statements", "CREATE TABLE large (id int PRIMARY KEY, v text)",
		"INSERT INTO large SELECT i, repeat('v', 50) FROM generate_series(1, 30000) i", "GRANT SELECT ON large TO client", "ANALYZE large")
	for range 3 {
		exec(t, g.through(t, "app"), "SELECT v FROM public.large WHERE id = 4711")
	}
	if err := g.runUntil(t, "comparison", func(context.Context) error { return errStopped }); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	for _, sql := range []string{"ALTER SYSTEM SET enable_indexscan = off", "ALTER SYSTEM SET enable_bitmapscan = off", "SELECT pg_reload_conf()"} {
		exec(t, g.onTarget(t, "app"), sql)
	}
	err := g.run(t)
	if err == nil || !strings.Contains(err.Error(), "SELECT v FROM public.large WHERE id = ?") || !strings.Contains(err.Error(), "Index Scan using large_pkey on large") ||
		!strings.Contains(err.Error(), "Seq Scan on large") || !strings.Contains(err.Error(), "enable_indexscan is on on the old server and off on the new one") {
		t.Fatalf("the switch is not held back: %v", err)
	}
	if f := g.figures(t, "plans_much_worse"); f["plans_much_worse"] < 1 {
		t.Errorf("on record: %v", f)
	}
	named := regexp.MustCompile(`query: (-?[0-9]+)`).FindStringSubmatch(hint.Of(err))
	if named == nil {
		t.Fatalf("it does not say how to accept it: %s", hint.Of(err))
	}
	query, err := strconv.ParseInt(named[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	g.spec.AcceptPlans = []pgup.AcceptedPlan{{Query: query, By: "Anna", Why: "we look into it tomorrow"}}
	if err := g.runUntil(t, "plans", func(context.Context) error { return errStopped }); !errors.Is(err, errStopped) {
		t.Errorf("an accepted plan holds the switch back: %v", err)
	}
	if !g.noted(t, "Accepted by Anna: we look into it tomorrow.") {
		t.Error("it is not on record who accepted it and why")
	}
}
