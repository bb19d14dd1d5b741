package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A new server on which statements fail is left again, without anybody's word. Before that,
// somebody stops watching and begins anew.
func TestPastTheLimitsOfThePlan(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole upgrade of its own: make test-all")
	}
	t.Parallel()
	g := lay(t)
	g.edit(t, "plan.yaml", "budget: 30m}", "budget: 30m, bake: 3m, roll_back_if: {errors: 20%}}")
	g.usual(t)
	g.ask(t, "schedule", "plan.yaml")

	stopped := false
	kinds := g.follow(t, func(kind string, lull *os.Process) {
		if kind == "watched" && !stopped {
			stopped = true
			must(t, lull.Signal(syscall.SIGINT))
		}
	})
	if kinds["completed"] != 1 || kinds["watched"] == 0 || kinds["rolled_back"] != 0 {
		t.Fatalf("the first run tells %v", kinds)
	}
	g.on(t, toMajor)

	broken := false
	kinds = g.follow(t, func(kind string, _ *os.Process) {
		if kind == "watched" && !broken {
			broken = true
			g.fail(t)
		}
	})
	if kinds["completed"] != 0 || kinds["rolled_back"] != 1 {
		t.Fatalf("the second run tells %v", kinds)
	}
	g.on(t, fromMajor)
	if report := g.ask(t, "report", "plan.yaml"); !strings.Contains(report, "past the limits of the plan") {
		t.Error("the report does not say why")
	}
}

// usual is what clients do before: enough to know that nothing fails. A session that ends
// hands in its counters; one that the pooler keeps may sit on them.
func (g *ground) usual(t *testing.T) {
	t.Helper()
	conn := g.source.Connect(t, "app")
	for range 300 {
		_, err := conn.Exec(t.Context(), "SELECT count(*) FROM customer")
		must(t, err)
	}
	must(t, conn.Close(t.Context()))
}

// fail is a client whose every statement fails, until the test ends.
func (g *ground) fail(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := pgx.Connect(ctx, g.through("app"))
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil && !conn.IsClosed() {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_sleep(0.01), 1/(count(*) - count(*)) FROM customer") // it is meant to fail
		}
	}()
	t.Cleanup(func() { cancel(); <-done; _ = conn.Close(context.Background()) })
}

// follow runs lull to its end and counts the facts by kind.
func (g *ground) follow(t *testing.T, each func(kind string, lull *os.Process)) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := g.command(ctx, "run", "plan.yaml", "--json")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kinds, lines := map[string]int{}, bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var f fact
		if json.Unmarshal(lines.Bytes(), &f) == nil && f.Kind != "" {
			kinds[f.Kind]++
			each(f.Kind, cmd.Process)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("lull run: %v\n%s", err, said.Bytes())
	}
	return kinds
}

// on shows on which version clients are.
func (g *ground) on(t *testing.T, major int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), g.through("app"))
	must(t, err)
	var at int
	must(t, conn.QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int / 10000").Scan(&at))
	must(t, conn.Close(t.Context()))
	if at != major {
		t.Errorf("clients are on %d, not on %d", at, major)
	}
}
