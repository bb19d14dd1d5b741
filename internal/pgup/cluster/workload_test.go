package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// took is the work of calls that took so many ms each.
func took(ms ...float64) cluster.Work {
	w := cluster.Work{Calls: int64(len(ms))}
	for _, x := range ms {
		w.Total, w.Squares = w.Total+x, w.Squares+x*x
	}
	return w
}

func TestWorkIsMeasuredBetweenTwoReadings(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	read := func(after time.Duration, w map[string]cluster.Work, d map[string]cluster.Activity) cluster.Workload {
		return cluster.Workload{At: at.Add(after), Statements: w, Databases: d}
	}
	first := read(0,
		map[string]cluster.Work{"a": took(1, 2), "forgotten": took(5, 5, 5), "idle": took(1)},
		map[string]cluster.Activity{"app": {Commits: 10, Rollbacks: 2}, "reset": {Commits: 100}, "idle": {Commits: 1}})
	second := read(time.Minute,
		map[string]cluster.Work{"a": took(1, 2, 4, 8), "forgotten": took(7), "idle": took(1), "new": took(3)},
		map[string]cluster.Activity{"app": {Commits: 16, Rollbacks: 4, Deadlocks: 1}, "reset": {Commits: 5}, "idle": {Commits: 1}})
	got, length := second.Since(first)
	want := read(time.Minute,
		map[string]cluster.Work{"a": took(4, 8), "forgotten": took(7), "new": took(3)},
		map[string]cluster.Activity{"app": {Commits: 6, Rollbacks: 2, Deadlocks: 1}})
	if diff := cmp.Diff(want, got); diff != "" || length != time.Minute {
		t.Errorf("in %s (-want +got):\n%s", length, diff)
	}
	if share := got.Databases["app"].Failed(); share != 0.25 {
		t.Errorf("failed: %v", share)
	}
	first.Partial = true
	got, _ = second.Since(first)
	if _, there := got.Statements["new"]; there || !got.Partial {
		t.Error("a statement that the first reading may have left out counts as new")
	}
}

// The estimate has the mean and the deviation to go by. Where the times are log-normal it is exact.
func TestP99(t *testing.T) {
	t.Parallel()
	logNormal := func(mu, sigma float64) cluster.Work {
		mean, second := math.Exp(mu+sigma*sigma/2), math.Exp(2*mu+2*sigma*sigma)
		return cluster.Work{Calls: 1000, Total: 1000 * mean, Squares: 1000 * second}
	}
	for _, tt := range []struct {
		name string
		work cluster.Work
		want float64
	}{
		{"none", cluster.Work{}, 0},
		{"all alike", took(3, 3, 3), 3},
		{"log-normal", logNormal(1, 0.5), math.Exp(1 + 2.3263478740408408*0.5)},
		{"a long tail", logNormal(0, 1.5), math.Exp(2.3263478740408408 * 1.5)},
		{"a tail beyond all measure", logNormal(0, 5), math.Exp(12.5) * math.Exp(2.3263478740408408*2.3263478740408408/2)},
	} {
		if got := tt.work.P99(); math.Abs(got-tt.want) > 1e-6*tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if slow := took(1, 1, 1, 1, 1000); slow.P99() <= slow.Mean() {
		t.Errorf("p99 %v is not above the mean %v", slow.P99(), slow.Mean())
	}
}

// measured is a server that keeps statistics of statements, in a database that the login does not name.
func measured(t *testing.T, major int) (*pgtest.Server, *cluster.Meter) {
	t.Helper()
	s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"shop"}, Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements"}})
	s.Exec(t, "shop", "CREATE SCHEMA extensions", "CREATE EXTENSION pg_stat_statements SCHEMA extensions",
		"CREATE TABLE customer (id int PRIMARY KEY, name text)", "INSERT INTO customer SELECT i, i::text FROM generate_series(1, 100) i")
	return s, meter(t, s)
}

func meter(t *testing.T, s *pgtest.Server) *cluster.Meter {
	t.Helper()
	m, err := cluster.OpenMeter(t.Context(), cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func read(t *testing.T, m *cluster.Meter) cluster.Workload {
	t.Helper()
	w, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// find gives the one statement that contains the text.
func find(t *testing.T, w cluster.Workload, text string) (key string, found cluster.Work) {
	t.Helper()
	for k, s := range w.Statements {
		if strings.Contains(s.Text, text) {
			if key != "" {
				t.Errorf("two statements contain %q", text)
			}
			key, found = k, s
		}
	}
	if key == "" {
		t.Fatalf("no statement contains %q", text)
	}
	return key, found
}

func TestTheSameStatementOnTwoVersions(t *testing.T) {
	t.Parallel()
	var keys []string
	for _, major := range []int{13, 17} {
		s, m := measured(t, major)
		first := read(t, m)
		conn := s.Connect(t, "shop")
		for i := range 3 { // as drivers write it, each in its own way
			exec(t, conn, `SELECT name FROM customer WHERE id IN ($1, $2)`, i, i+1)
			exec(t, conn, "/* request 4711 */ SELECT name\n  FROM customer WHERE id IN ($1,$2,$3)", i, i+1, i+2)
		}
		exec(t, conn, `SELECT pg_sleep(0.02)`)
		exec(t, conn, `SELECT pg_sleep(0.06)`)
		exec(t, conn, `CREATE ROLE somebody PASSWORD 'secret'`)
		w, _ := read(t, m).Since(first)
		key, x := find(t, w, "FROM customer WHERE id IN")
		keys = append(keys, key)
		if x.Calls != 6 || x.Database != "shop" || x.User != pgtest.Superuser || x.Text != "SELECT name FROM customer WHERE id IN (?)" {
			t.Errorf("%d: %+v", major, x)
		}
		_, slept := find(t, w, "pg_sleep")
		if slept.Calls != 2 || slept.Mean() < 40 || slept.Deviation() == 0 || slept.P99() <= slept.Mean() {
			t.Errorf("%d: %+v has mean %v, deviation %v, p99 %v", major, slept, slept.Mean(), slept.Deviation(), slept.P99())
		}
		if text := fmt.Sprint(w); strings.Contains(text, "secret") || strings.Contains(text, "4711") || strings.Contains(text, "pg_stat_statements") {
			t.Errorf("%d: a value, a comment or Lull's own reading is in %s", major, text)
		}
	}
	if keys[0] != keys[1] {
		t.Errorf("the keys are %s and %s", keys[0], keys[1])
	}
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestWhatFailsIsCounted(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		s, m := measured(t, major)
		first := read(t, m)
		conn := s.Connect(t, "shop")
		const failures, successes = 7, 13
		for range failures {
			if _, err := conn.Exec(t.Context(), "SELECT 1/0"); err == nil {
				t.Fatal("no error")
			}
		}
		for range successes {
			exec(t, conn, "SELECT 1")
		}
		if err := conn.Close(t.Context()); err != nil { // it hands its counters in, at the latest now
			t.Fatal(err)
		}
		w := await(t, m, first, func(a cluster.Activity) bool { return a.Commits >= successes && a.Rollbacks >= failures })
		if a := w.Databases["shop"]; a.Rollbacks != failures || a.Failed() <= 0 || a.Failed() >= 0.5 {
			t.Errorf("%d: %+v", major, a)
		}
	}
}

// await reads until the counters of the database are there: sessions hand them in a little later.
func await(t *testing.T, m *cluster.Meter, since cluster.Workload, there func(cluster.Activity) bool) cluster.Workload {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		w, _ := read(t, m).Since(since)
		if there(w.Databases["shop"]) {
			tick.Stop()
			return w
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the counters stay at %+v", w.Databases)
		case <-tick.C:
		}
	}
}

func TestServersWithoutStatisticsOfStatements(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"shop"}})
	m := meter(t, s)
	if w := read(t, m); !strings.Contains(w.Blind, "in none of its databases") || len(w.Databases) != 2 || w.Statements != nil {
		t.Errorf("%+v", w)
	}
	s.Exec(t, "shop", "CREATE EXTENSION pg_stat_statements")
	m = meter(t, s)
	if w := read(t, m); !strings.Contains(w.Blind, "shared_preload_libraries") || len(w.Databases) != 2 || m.Blind() != w.Blind {
		t.Errorf("%+v", w)
	}
	if _, err := cluster.OpenMeter(t.Context(), cluster.Endpoint{Conninfo: s.Server.DSN("postgres", "nobody")}); err == nil || errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("a login that is refused: %v", err)
	}
}

// Extensions keep the version that they had before the upgrade, and with it the names of their columns.
func TestAnOldExtensionOnANewServer(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements"}})
	s.Exec(t, "postgres", "CREATE EXTENSION pg_stat_statements VERSION '1.4'")
	m := meter(t, s)
	exec(t, s.Connect(t, "postgres"), "SELECT 'old' AS answer")
	if _, x := find(t, read(t, m), "AS answer"); x.Calls != 1 || x.Total <= 0 {
		t.Errorf("%+v", x)
	}
}
