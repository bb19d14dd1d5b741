package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

var notice = cluster.Notice{Title: `Ann's "big" upgrade`, ID: "postgres-17", Until: "19:00 NZDT on 5 December 2026 (06:00 UTC)", Contact: "Example Ops"}

const freezeName = "lull_postgres_17"

// clientOf is a session of a client: its own role, its own name.
func clientOf(t *testing.T, s *pgtest.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Server.DSN("postgres", "client")+" password=client")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func frozenServer(t *testing.T, major int) (*pgtest.Server, *pgx.Conn) {
	t.Helper()
	s := pgtest.Start(t, major, pgtest.Options{})
	s.Exec(t, "postgres", `CREATE ROLE client LOGIN PASSWORD 'client'`, `GRANT CREATE ON DATABASE postgres TO client`, `CREATE SCHEMA lull`, `CREATE SCHEMA app AUTHORIZATION client`,
		`CREATE TABLE app.t (n int PRIMARY KEY, v text)`, `ALTER TABLE app.t OWNER TO client`, `INSERT INTO app.t SELECT i, 'v' FROM generate_series(1, 10) i`,
		`CREATE MATERIALIZED VIEW app.mv AS SELECT n FROM app.t`, `CREATE UNIQUE INDEX ON app.mv (n)`, `ALTER MATERIALIZED VIEW app.mv OWNER TO client`,
		`CREATE FUNCTION app.other() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`, `CREATE EVENT TRIGGER other ON ddl_command_end EXECUTE PROCEDURE app.other()`)
	lull, err := endpoint(s).Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lull.Close(context.Background()) })
	for range 2 { // again is no error
		if err := cluster.Freeze(t.Context(), lull, freezeName, notice); err != nil {
			t.Fatal(err)
		}
	}
	return s, lull
}

// refusal is how psql shows an error, or nothing when the command passed.
func refusal(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	if err == nil {
		return ""
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Fatal(err)
	}
	if !strings.HasPrefix(pg.Message, "definitions are frozen") {
		t.Errorf("%s: %v", sql, err)
	}
	return fmt.Sprintf("%s:  %s\nDETAIL:  %s\nHINT:  %s\n", pg.Severity, pg.Message, pg.Detail, pg.Hint)
}

var refused = []string{
	`CREATE TABLE app.new (n int)`, `CREATE TABLE app.new AS SELECT 1 AS n`, `SELECT 1 AS n INTO app.new`, `ALTER TABLE app.t ADD COLUMN w int`,
	`ALTER TABLE app.t ALTER COLUMN v TYPE varchar(9)`, `ALTER TABLE app.t DROP COLUMN v`, `DROP TABLE app.t CASCADE`, `CREATE INDEX ON app.t (v)`,
	`CREATE INDEX CONCURRENTLY ON app.t (v)`, `CREATE SEQUENCE app.s`, `CREATE VIEW app.w AS SELECT 1 AS n`, `CREATE TYPE app.e AS ENUM ('a')`,
	`CREATE OR REPLACE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `GRANT SELECT ON app.t TO PUBLIC`, `COMMENT ON TABLE app.t IS 'x'`,
	`DROP MATERIALIZED VIEW app.mv`, `DROP OWNED BY client`, `CREATE TABLE IF NOT EXISTS app.new (n int)`, `DROP TABLE IF EXISTS app.t CASCADE`,
	`DO 'BEGIN CREATE TABLE app.new (n int); END'`, `BEGIN; CREATE TABLE app.new (n int); COMMIT`, `ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC`,
	`CREATE TRIGGER g BEFORE UPDATE ON app.t FOR EACH ROW EXECUTE PROCEDURE suppress_redundant_updates_trigger()`,
}

var passing = []string{
	`CREATE TEMP TABLE x (n int PRIMARY KEY, s serial, v text DEFAULT 'a')`, `CREATE INDEX ON x (v)`, `ALTER TABLE x ADD COLUMN w int DEFAULT 7`, `ALTER TABLE x ALTER COLUMN n TYPE bigint`,
	`ALTER TABLE x ALTER COLUMN v DROP DEFAULT`, `ALTER TABLE x DROP COLUMN v`, `COMMENT ON TABLE x IS 'x'`, `CREATE TEMP VIEW xv AS SELECT n FROM x`,
	`CREATE TRIGGER g BEFORE UPDATE ON x FOR EACH ROW EXECUTE PROCEDURE suppress_redundant_updates_trigger()`, `DROP TRIGGER g ON x`,
	`CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `DROP VIEW xv`, `DROP TABLE x`, `CREATE TEMP TABLE y ON COMMIT DROP AS SELECT 1 AS n`,
	`SELECT 2 AS n INTO TEMP z`, `DROP TABLE IF EXISTS z, nowhere`, `CREATE TABLE IF NOT EXISTS app.t (n int)`, `CREATE INDEX IF NOT EXISTS t_pkey ON app.t (n)`,
	`DROP TABLE IF EXISTS app.nowhere`, `CREATE SCHEMA IF NOT EXISTS app`, `REFRESH MATERIALIZED VIEW app.mv`, `REFRESH MATERIALIZED VIEW CONCURRENTLY app.mv`, `REINDEX TABLE app.t`, `REINDEX TABLE CONCURRENTLY app.t`,
	`VACUUM (FULL, ANALYZE) app.t`, `CLUSTER app.t USING t_pkey`, `TRUNCATE app.t`, `INSERT INTO app.t VALUES (1, 'v')`, `DISCARD ALL`,
}

func TestFreezeTellsAHumanBeing(t *testing.T) {
	t.Parallel()
	s, lull := frozenServer(t, 13)
	said := refusal(t, clientOf(t, s), refused[0])
	after := notice
	after.WayBack = true
	if err := cluster.Freeze(t.Context(), lull, freezeName, after); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "freeze.txt", said+refusal(t, clientOf(t, s), refused[0]))
}

func TestFreezeRefusesDefinitionsAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s, lull := frozenServer(t, major)
			const count = `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'app'`
			var before, after int
			if err := lull.QueryRow(t.Context(), count).Scan(&before); err != nil {
				t.Fatal(err)
			}
			bare, withTemp := clientOf(t, s), clientOf(t, s)
			if said := refusal(t, withTemp, `CREATE TEMP TABLE mine (n int)`); said != "" {
				t.Fatal(said)
			}
			for _, sql := range refused {
				for name, conn := range map[string]*pgx.Conn{"bare": bare, "with a temporary table": withTemp} {
					if refusal(t, conn, sql) == "" {
						t.Errorf("%s: passed, in a session %s", sql, name)
					}
					_, _ = conn.Exec(t.Context(), "ROLLBACK")
				}
			}
			if err := lull.QueryRow(t.Context(), count).Scan(&after); err != nil || after != before {
				t.Errorf("%d relations became %d: %v", before, after, err)
			}
			conn := clientOf(t, s)
			for _, sql := range passing {
				if said := refusal(t, conn, sql); said != "" {
					t.Errorf("%s: %s", sql, said)
				}
			}
			if _, err := lull.Exec(t.Context(), `CREATE TABLE app.lulls (n int); DROP TABLE app.lulls`); err != nil {
				t.Errorf("Lull is refused itself: %v", err)
			}
		})
	}
}

func TestThawLeavesNothing(t *testing.T) {
	t.Parallel()
	s, lull := frozenServer(t, 17)
	loader := s.Connect(t, "postgres")
	if _, err := loader.Exec(t.Context(), `SET session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	if refusal(t, loader, `CREATE TABLE app.new (n int)`) == "" {
		t.Error("a superuser who loads data with triggers off passes")
	}
	if f, err := cluster.LookFreeze(t.Context(), lull, freezeName, notice); err != nil || !f.Whole {
		t.Errorf("%+v, %v", f, err)
	}
	other := notice
	other.Until = "some other time"
	if f, err := cluster.LookFreeze(t.Context(), lull, freezeName, other); err != nil || f.Whole || f.Triggers == 0 {
		t.Errorf("other words: %+v, %v", f, err)
	}
	for range 2 {
		if err := cluster.Thaw(t.Context(), lull, freezeName); err != nil {
			t.Fatal(err)
		}
	}
	if said := refusal(t, clientOf(t, s), `CREATE TABLE app.new (n int)`); said != "" {
		t.Error(said)
	}
	if !yes(t, lull, `SELECT array_agg(evtname::text) = '{other}' FROM pg_event_trigger`) || yes(t, lull, `SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'freeze')`) {
		t.Error("something of the freeze is left, or another's trigger is gone")
	}
}
