package demo

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// lay makes a small ground for one test.
func lay(t *testing.T) *Ground {
	t.Helper()
	g, err := Lay(t.Context(), t.TempDir(), defaultMajors, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := g.clear(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *Ground) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), g.withPassword(g.AppDSN(), appRole)+" default_query_exec_mode=exec")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// One ground serves all, one after the other: to lay it takes seconds.
func TestGround(t *testing.T) {
	t.Parallel()
	g := lay(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *Ground)
	}{
		{"schema", hasAnOrdinarySchema},
		{"load", loadIsCounted},
		{"health", healthReadsFromTheDatabase},
		{"cut off", loadCountsClientsThatAreCutOff},
		{"anew", isLaidAnew},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, g) })
	}
}

// The ground has everything of an ordinary schema that an upgrade can trip over.
func hasAnOrdinarySchema(t *testing.T, g *Ground) {
	conn := g.connect(t)
	for what, query := range map[string]string{
		"foreign keys":              "SELECT count(*) >= 4 FROM pg_constraint WHERE contype = 'f'",
		"a partitioned table":       "SELECT count(*) = 1 FROM pg_partitioned_table",
		"identity columns":          "SELECT count(*) >= 2 FROM pg_attribute WHERE attidentity IN ('a', 'd')",
		"a free-standing sequence":  "SELECT count(*) = 1 FROM pg_class c WHERE relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))",
		"a generated column":        "SELECT count(*) = 1 FROM pg_attribute WHERE attgenerated = 's'",
		"a jsonb column":            "SELECT settings->>'language' = 'de' FROM shop.customer WHERE id = 1",
		"a materialized view":       "SELECT count(*) > 10 FROM shop.revenue",
		"an enum type":              "SELECT count(*) = 4 FROM pg_enum",
		"a table without a key":     "SELECT NOT EXISTS (SELECT FROM pg_index WHERE indrelid = 'shop.visit'::regclass AND indisprimary)",
		"extensions":                "SELECT count(*) = 3 FROM pg_extension WHERE extname IN ('citext', 'hstore', 'pg_stat_statements')",
		"a statistics target":       "SELECT count(*) = 1 FROM pg_attribute WHERE attstattarget = 500",
		"extended statistics":       "SELECT count(*) = 1 FROM pg_statistic_ext",
		"pgbench's tables":          "SELECT count(*) = 100000 FROM pgbench_accounts",
		"statistics on every table": "SELECT count(*) = 0 FROM pg_class c WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'shop'::regnamespace) AND reltuples > 0 AND NOT EXISTS (SELECT FROM pg_stats s WHERE s.tablename = c.relname)",
		"an ordinary owner":         "SELECT bool_and(NOT rolsuper AND rolname = 'app') FROM pg_class c JOIN pg_roles r ON r.oid = relowner WHERE relnamespace = 'shop'::regnamespace",
		"version 13":                "SELECT current_setting('server_version_num')::int / 10000 = 13",
		"durability":                "SELECT current_setting('fsync') = 'on' AND current_setting('wal_level') = 'logical'",
		"no clear passwords":        "SELECT current_setting('password_encryption') = 'scram-sha-256'",
	} {
		var ok bool
		if err := conn.QueryRow(t.Context(), query).Scan(&ok); err != nil || !ok {
			t.Errorf("%s: not there (%v)", what, err)
		}
	}
}

func loadIsCounted(t *testing.T, g *Ground) {
	l, err := g.StartLoad(t.Context(), LoadSpec{Rate: 100, Clients: 3})
	if err != nil {
		t.Fatal(err)
	}
	conn := g.connect(t)
	const both = "SELECT (SELECT count(*) FROM pgbench_history) > 20 AND (SELECT count(*) FROM shop.orders WHERE id > 61000) > 5"
	for done := false; !done; time.Sleep(20 * time.Millisecond) {
		if err := conn.QueryRow(t.Context(), both).Scan(&done); err != nil {
			t.Fatal(err)
		}
	}
	r, err := l.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var history, orders int
	err = conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM pgbench_history), (SELECT count(*) FROM shop.orders WHERE placed_on >= current_date - 1)").Scan(&history, &orders)
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[int]int{}
	for _, x := range r.Transactions {
		scripts[x.Script]++
	}
	if scripts[0] != history || scripts[1] != orders || r.Failed != 0 || len(r.Errors) != 0 {
		t.Errorf("the log has %v transactions, the tables %d and %d; failed %d: %v", scripts, history, orders, r.Failed, r.Errors)
	}
	if want := 7*history + 9*orders; r.Statements != want {
		t.Errorf("got %d statements, want %d", r.Statements, want)
	}
	if p := r.Times().Quantile(.99); p <= 0 || p > time.Minute {
		t.Errorf("p99 is %s", p)
	}
}

func healthReadsFromTheDatabase(t *testing.T, g *Ground) {
	var w web
	defer w.close()
	for dsn, want := range map[string]int{g.withPassword(g.AppDSN(), appRole): http.StatusOK, g.AppDSN() + " password=wrong": http.StatusServiceUnavailable} {
		url, err := w.serve(health{dsn}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if code, text := get(t, url); code != want || strings.Contains(text, "wrong") {
			t.Errorf("got %d %s, want %d", code, text, want)
		}
	}
}

// A client whose connection is cut is a failure that is counted, not a run without results.
func loadCountsClientsThatAreCutOff(t *testing.T, g *Ground) {
	l, err := g.StartLoad(t.Context(), LoadSpec{Rate: 50, Clients: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.script(t.Context(), "postgres", superuser,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
		"ALTER DATABASE app CONNECTION LIMIT 0"); err != nil {
		t.Fatal(err)
	}
	<-l.ended // no client is left
	r, err := l.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed == 0 || len(r.Transactions) == 0 {
		t.Errorf("got %d failed of %d: %v", r.Failed, len(r.Transactions), r.Errors)
	}
}

// A second demo in the same folder starts anew, also when the first was killed.
func isLaidAnew(t *testing.T, g *Ground) {
	other := filepath.Join(g.Dir, "mine")
	if err := os.WriteFile(other, []byte("keep me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Pooler.Stop(t.Context()); err != nil { // it would end with a killed demo
		t.Fatal(err)
	}
	again, err := Lay(t.Context(), g.Dir, defaultMajors, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop(context.Background())
	if b, err := os.ReadFile(other); err != nil || !bytes.Equal(b, []byte("keep me")) {
		t.Errorf("a file that is not the demo's was touched: %q, %v", b, err)
	}
	if again.passwords[appRole] == g.passwords[appRole] {
		t.Error("the passwords are the old ones")
	}
	again.connect(t)
}
