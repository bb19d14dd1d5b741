package pgup_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup"
)

// TestAMuchWorsePlanHoldsTheSwitchBack plants a setting on the new server with which it reads
// a whole table where the old one goes by an index.
func TestAMuchWorsePlanHoldsTheSwitchBack(t *testing.T) {
	whole(t)
	g := newGround(t, "pg_stat_statements")
	g.source.Exec(t, "app", "CREATE EXTENSION pg_stat_statements")
	g.large(t)
	for range 3 {
		exec(t, g.through(t, "app"), "SELECT v FROM public.large WHERE id = 4711")
	}
	g.spoil(t)
	err := g.run(t)
	holdsBack(t, err, "SELECT v FROM public.large WHERE id = ?")
	if f := g.figures(t, "plans_much_worse"); f["plans_much_worse"] < 1 {
		t.Errorf("on record: %v", f)
	}
	if !g.noted(t, "They come from pg_stat_statements.") {
		t.Error("it is not on record where the statements come from")
	}
	g.accept(t, err)
}

// TestStatementsComeFromTheLog has a server that keeps no statistics of statements, and writes down how long they took.
func TestStatementsComeFromTheLog(t *testing.T) {
	whole(t)
	g := newGroundWith(t, map[string]string{"logging_collector": "on", "log_directory": "log", "log_destination": "stderr", "log_min_duration_statement": "0", "log_line_prefix": "%m [%p] %q%u@%d "})
	g.large(t)
	exec(t, g.through(t, "app"), "SELECT v\n\tFROM public.large\n\tWHERE id = 4711")
	g.eventually(t, "the statement in the log", func(conn *pgx.Conn) (there bool, err error) {
		err = conn.QueryRow(t.Context(), `SELECT bool_or(pg_read_file('log/' || name) LIKE '%client@app LOG:  duration:%id = 4711%') FROM pg_ls_logdir()`).Scan(&there)
		return there, err
	}, g.source.Connect(t, "postgres"))
	g.spoil(t)
	err := g.run(t)
	holdsBack(t, err, "SELECT v FROM public.large WHERE id = ?")
	if !g.noted(t, "They come from the log of the last 1 days in log") {
		t.Error("it is not on record where the statements come from")
	}
	g.accept(t, err)
}

// TestStatementsAreSeenAtWork has a server that neither keeps statistics of statements nor logs them.
func TestStatementsAreSeenAtWork(t *testing.T) {
	whole(t)
	g := newGround(t)
	g.large(t)
	g.spoil(t)
	const sql = "SELECT v, pg_sleep(3600) FROM public.large WHERE id = 4711"
	conn := g.through(t, "app")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = conn.Exec(ctx, sql) // it ends when it is cancelled
	}()
	defer func() {
		cancel()
		<-ended
	}()
	g.eventually(t, "the statement at work", func(conn *pgx.Conn) (there bool, err error) {
		err = conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND query = $1)`, sql).Scan(&there)
		return there, err
	}, g.source.Connect(t, "postgres"))
	err := g.run(t)
	holdsBack(t, err, "SELECT v, pg_sleep(?) FROM public.large WHERE id = ?")
	if !g.noted(t, "They come from what clients were seen at in") {
		t.Error("it is not on record where the statements come from")
	}
	g.accept(t, err)
}

// large is a table that one reads by its index.
func (g *ground) large(t *testing.T) {
	t.Helper()
	g.source.Exec(t, "app", "CREATE TABLE large (id int PRIMARY KEY, v text)",
		"INSERT INTO large SELECT i, repeat('v', 50) FROM generate_series(1, 30000) i", "GRANT SELECT ON large TO client", "ANALYZE large")
}

// spoil has the new server read whole tables.
func (g *ground) spoil(t *testing.T) {
	t.Helper()
	if err := g.runUntil(t, "comparison", func(context.Context) error { return errStopped }); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	for _, sql := range []string{"ALTER SYSTEM SET enable_indexscan = off", "ALTER SYSTEM SET enable_bitmapscan = off", "SELECT pg_reload_conf()"} {
		exec(t, g.onTarget(t, "app"), sql)
	}
}

func holdsBack(t *testing.T, err error, statement string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), statement) || !strings.Contains(err.Error(), "Index Scan using large_pkey on large") ||
		!strings.Contains(err.Error(), "Seq Scan on large") || !strings.Contains(err.Error(), "enable_indexscan is on on the old server and off on the new one") {
		t.Fatalf("the switch is not held back: %v", err)
	}
}

// accept does what the error says, and nothing is held back any more.
func (g *ground) accept(t *testing.T, err error) {
	t.Helper()
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
