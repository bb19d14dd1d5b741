package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

func TestPlansWithoutValues(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		s, m := measured(t, major)
		s.Exec(t, "shop", "CREATE ROLE app", "CREATE SCHEMA own AUTHORIZATION app", "ALTER ROLE app SET search_path = own, public", "SET ROLE app",
			"CREATE TABLE own.visit (id int PRIMARY KEY, at timestamptz) PARTITION BY RANGE (id)", "CREATE TABLE own.visit_1 PARTITION OF own.visit FOR VALUES FROM (0) TO (1000)")
		s.Exec(t, "shop", "GRANT SELECT, UPDATE ON public.customer TO app")
		conn := s.Connect(t, "shop")
		exec(t, conn, "SET SESSION AUTHORIZATION app")
		exec(t, conn, "SET search_path = own, public")
		exec(t, conn, "SELECT count(*) FROM visit WHERE id = 7 AND at > now() - interval '1 day'")
		exec(t, conn, "UPDATE customer SET name = 'x' WHERE id = 1")
		exec(t, conn, "SET work_mem = '5MB'")
		top, err := m.Top(t.Context(), []string{"shop"}, 100)
		if err != nil {
			t.Fatal(err)
		}
		if none, err := m.Top(t.Context(), []string{"other"}, 100); err != nil || len(none) != 0 {
			t.Errorf("%d: in another database: %v, %v", major, none, err)
		}
		want := map[string]string{"FROM visit": "visit_1_pkey", "UPDATE customer": `"Relation Name": "customer"`}
		for _, x := range top {
			if x.User != "app" || x.Database != "shop" || x.ID == 0 || x.Calls == 0 {
				t.Errorf("%d: %+v", major, x)
			}
			for part, expected := range want {
				if !strings.Contains(x.Text, part) {
					continue
				}
				delete(want, part)
				plan, err := cluster.Explain(t.Context(), s.Connect(t, "shop"), x)
				if err != nil || !strings.Contains(string(plan), expected) {
					t.Errorf("%d: %s: %s, %v", major, x.Text, plan, err)
				}
			}
		}
		if len(want) > 0 {
			t.Errorf("%d: not found: %v", major, want)
		}
		if got := s.Connect(t, "shop"); renamed(t, got) != 1 {
			t.Errorf("%d: what was planned was carried out", major)
		}
		refusals(t, major, s.Connect)
	}
}

func renamed(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM public.customer WHERE name = 'x'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// refusals are of statements that cannot be asked about, and of one that wants to be two.
func refusals(t *testing.T, major int, connect func(testing.TB, string) *pgx.Conn) {
	t.Helper()
	c := connect(t, "shop")
	for text, want := range map[string]string{
		"SELECT $1 || $2 || $3::nothing":                      `type "nothing" does not exist`,
		"SELECT id FROM customer WHERE id = 'Kah7'":           "a value in it is refused (SQLSTATE 22P02)",
		"SELECT * FROM gone WHERE id = $1":                    "a table is not found",
		"SELECT id FROM customer FETCH FIRST $1 ROW WITH":     "cannot be prepared",
		"SELECT 1; COMMIT; DROP TABLE public.customer":        "cannot be prepared",
		"SELECT id FROM customer WHERE id = missing($1::int)": "function missing(integer) does not exist",
	} {
		_, err := cluster.Explain(t.Context(), c, cluster.Statement{Database: "shop", User: "app", Text: text})
		var refused cluster.Unplanned
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, want) || refused.Plain != (strings.Contains(want, "does not exist") || strings.Contains(want, "22P02")) {
			t.Errorf("%d: %s: %v", major, text, err)
		}
	}
	if renamed(t, c) != 1 {
		t.Errorf("%d: the table has changed", major)
	}
}

// TestPlanningGivesNobodyRights has a role whose functions are called when its statements are planned, and reach for the
// rights of the session.
func TestPlanningGivesNobodyRights(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"shop"}})
		s.Exec(t, "shop", "CREATE ROLE app", "CREATE SCHEMA own AUTHORIZATION app", "SET ROLE app")
		for _, c := range [][]string{{"role", "RESET ROLE"}, {"session_authorization", "RESET SESSION AUTHORIZATION"}} {
			setting, reset := c[0], c[1]
			s.Exec(t, "shop",
				"CREATE OR REPLACE FUNCTION own.climb() RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'app' THEN RAISE 'not even'; END IF; "+reset+"; RAISE 'I am %', current_user; END $$",
				"CREATE OR REPLACE FUNCTION own.fold() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN own.climb(); END'")
			if setting == "role" {
				s.Exec(t, "shop", "CREATE DOMAIN own.rung AS int CHECK (own.climb() > value)")
			}
			for _, text := range []string{"SELECT own.fold()", "SELECT '{1}'::own.rung[]"} {
				_, err := cluster.Explain(t.Context(), s.Connect(t, "shop"), cluster.Statement{Database: "shop", User: "app", Text: text})
				var refused cluster.Unplanned
				if !errors.As(err, &refused) || !strings.Contains(refused.Reason, fmt.Sprintf("cannot set parameter %q within security-definer function", setting)) {
					t.Errorf("%d: %s, %s: %v", major, text, setting, err)
				}
			}
		}
	}
}
