package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// traces finds what is Lull's in one database of a server.
const traces = `
	SELECT 'publication ' || pubname FROM pg_publication WHERE pubname LIKE 'lull%' UNION ALL
	SELECT 'subscription ' || subname FROM pg_subscription UNION ALL
	SELECT 'slot ' || slot_name FROM pg_replication_slots UNION ALL
	SELECT 'origin ' || roname FROM pg_replication_origin UNION ALL
	SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'lull%' UNION ALL
	SELECT 'session of ' || application_name FROM pg_stat_activity WHERE application_name LIKE 'lull%' AND application_name <> 'lull ledger' AND pid <> pg_backend_pid() UNION ALL
	SELECT 'replica identity ' || relreplident::text || ' of ' || oid::regclass::text FROM pg_class
	WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relreplident <> CASE relname WHEN 'audit' THEN 'f' ELSE 'd' END
	ORDER BY 1`

// leftOn gives what is left of Lull on a server that listens at the port.
func (g *ground) leftOn(t *testing.T, port int) []string {
	t.Helper()
	var out []string
	for _, db := range databases {
		for _, trace := range column(t, g.at(port, db), traces) {
			out = append(out, db+": "+trace)
		}
	}
	return out
}

// at is how Lull's own role reaches a server: no fence keeps a superuser out.
func (g *ground) at(port int, db string) string {
	server := g.target
	server.Port = port
	return server.DSN(db, pgtest.Superuser) + " password=" + g.source.Password
}

func column(t *testing.T, dsn, query string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), query)
	must(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	return out
}

// verifyNothingLeft looks on both sides, beside the target, and among the processes of the machine.
func (g *ground) verifyNothingLeft(t *testing.T) {
	t.Helper()
	for side, port := range map[string]int{"old": g.source.Port, "new": g.target.Port} {
		var left []string
		eventually(t, "the end of lull's sessions on the "+side+" server", func() bool {
			left = g.leftOn(t, port)
			return !slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, ": session of") })
		})
		for _, trace := range left {
			t.Errorf("left on the %s server: %s", side, trace)
		}
	}
	pid, err := os.ReadFile(filepath.Join(g.target.Data, "postmaster.pid"))
	must(t, err)
	first, _, _ := strings.Cut(string(pid), "\n")
	g.verifyProcesses(t, first)
	g.verifyFolder(t, "pg17", "pg17.server.log")
}

// verifyFolder looks what lies where the target was built, sockets left out.
func (g *ground) verifyFolder(t *testing.T, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(g.near)
	must(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".s.PGSQL.") && !slices.Contains(want, e.Name()) {
			t.Errorf("left beside the target: %s", e.Name())
		}
	}
}

// verifyProcesses finds those that Lull started, by the folder or the program that they name.
func (g *ground) verifyProcesses(t *testing.T, expected ...string) {
	t.Helper()
	var left []string
	eventually(t, "the end of what lull started", func() bool {
		left = g.processes(t, expected)
		return len(left) == 0
	})
}

func (g *ground) processes(t *testing.T, expected []string) (out []string) {
	t.Helper()
	all, err := os.ReadDir("/proc")
	must(t, err)
	for _, p := range all {
		if _, err := strconv.Atoi(p.Name()); err != nil || slices.Contains(expected, p.Name()) {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", p.Name(), "cmdline"))
		if err != nil {
			continue // it has ended
		}
		cwd, _ := os.Readlink(filepath.Join("/proc", p.Name(), "cwd"))
		mine := strings.Contains(string(line), g.near) || strings.Contains(string(line), g.dir) || strings.HasPrefix(cwd, g.near) && !g.childOf(p.Name(), expected)
		if mine {
			out = append(out, fmt.Sprintf("process %s: %s", p.Name(), strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	return out
}

// childOf says whether a process was started by one of the expected.
func (g *ground) childOf(pid string, parents []string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return true // it has ended
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after) // state, parent, ... (proc_pid_stat(5))
	return len(fields) > 1 && slices.Contains(parents, fields[1])
}

// leftByGate finds configurations that were written for a hold and not put in place.
func leftByGate(t *testing.T, dir string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(dir, "*lull*"))
	must(t, err)
	return out
}
