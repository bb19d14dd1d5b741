package pgup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// plant puts everything into database app that replication does not carry, and things made of it.
func (g *ground) plant(t *testing.T) {
	t.Helper()
	g.source.Exec(t, "app",
		`SELECT lo_from_bytea(7000 + i, convert_to(repeat('x' || i, 2000), 'UTF8')) FROM generate_series(1, 40) i`,
		`DO $$ BEGIN FOR i IN 7001..7040 LOOP EXECUTE 'ALTER LARGE OBJECT ' || i || ' OWNER TO client'; END LOOP; END $$`,
		`COMMENT ON LARGE OBJECT 7001 IS 'the first'`,
		`CREATE UNLOGGED TABLE session (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)`,
		`INSERT INTO session (v) SELECT 's' || i FROM generate_series(1, 500) i`,
		`CREATE UNLOGGED TABLE quiet AS SELECT i FROM generate_series(1, 300) i`,
		`GRANT ALL ON session, quiet TO client`,
		// Definitions of every kind of view: keyed, not, on top of another, over an unlogged table, never filled.
		`CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, max(n) AS last FROM t`,
		`CREATE MATERIALIZED VIEW keyed AS SELECT n FROM t`, `CREATE UNIQUE INDEX ON keyed (n)`,
		`CREATE MATERIALIZED VIEW above AS SELECT sum(n) AS s FROM keyed`,
		`CREATE MATERIALIZED VIEW of_quiet AS SELECT count(*) AS n FROM quiet`,
		`CREATE MATERIALIZED VIEW never AS SELECT 1 AS x WITH NO DATA`,
		`CREATE MATERIALIZED VIEW still AS SELECT count(*) AS n FROM words`,
		`GRANT SELECT ON ALL TABLES IN SCHEMA public TO client`,
		// An extension's configuration table, without a key, as such tables may be.
		`CREATE EXTENSION hstore VERSION '1.6'`, `CREATE TABLE conf (k text, v text)`, `INSERT INTO conf VALUES ('a', '1'), ('a', '1'), ('b', '2')`,
		`ALTER EXTENSION hstore ADD TABLE conf`, `SET allow_system_table_mods = on; UPDATE pg_extension SET extconfig = ARRAY['conf'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'hstore'`,
		`GRANT ALL ON conf TO client`, `ANALYZE`)
}

// onOld is the condition under which a writer does anything: on the new server it stops, so
// that both sides must be equal in everything that was written up to the hold.
const onOld = `current_setting('server_version_num')::int < 140000`

// busy changes large objects, unlogged rows and an extension's configuration through the
// pooler, until its writers find themselves on the new server or stop is called.
func (g *ground) busy(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for n, sql := range []string{
		`INSERT INTO t (v) SELECT 'put' || lo_put(%[1]d, %[2]d, convert_to('i%[3]d', 'UTF8'))::text WHERE ` + onOld,
		`INSERT INTO t (v) SELECT 'made' || lo_from_bytea(0, convert_to('new %[3]d', 'UTF8')) WHERE ` + onOld,
		`INSERT INTO session (v) SELECT 'i%[3]d' WHERE ` + onOld,
		`UPDATE session SET v = v || '!' WHERE id = 1 + %[3]d %% 500 AND ` + onOld,
		`INSERT INTO conf SELECT 'c%[3]d', 'v' WHERE ` + onOld,
	} {
		conn := g.through(t, "app")
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				tag, err := conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf(sql, 7001+i%40, (i*37)%9000, i))
				if err != nil {
					t.Errorf("writer %d: a client's statement failed: %v", n, err)
					return
				}
				if tag.RowsAffected() == 0 {
					return
				}
				time.Sleep(10 * time.Millisecond) // a client has other work as well
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

const (
	objectsSQL = `SELECT format('%s %s %s %s', oid, pg_get_userbyid(lomowner), md5(lo_get(oid)), obj_description(oid, 'pg_largeobject')) FROM pg_largeobject_metadata ORDER BY oid`
	rowsSQL    = `SELECT s::text FROM session s UNION ALL SELECT 'quiet ' || q::text FROM quiet q UNION ALL SELECT 'conf ' || c::text FROM conf c ORDER BY 1`
)

func lines(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatReplicationDoesNotCarry(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is an upgrade of its own: left to the long form")
	}
	g := newGround(t)
	g.plant(t)
	stop := g.busy(t)
	defer stop()
	if err := g.run(t); err != nil {
		t.Fatal(err)
	}
	old, fresh := g.source.Connect(t, "app"), connectTo(t, g.spec.Source.At("127.0.0.1", g.spec.Place.Port), "app")
	if _, err := fresh.Exec(t.Context(), `SET search_path = public`); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{objectsSQL, rowsSQL} {
		here := lines(t, old, sql)
		if diff := cmp.Diff(here, lines(t, fresh, sql)); diff != "" || len(here) < 60 {
			t.Errorf("%d things were written before the hold, and the new server differs (-old +new):\n%s", len(here), diff)
		}
	}
	f := g.figures(t, "hold_ms")
	if f["delta_predicted_ms"] <= 0 || f["delta_ms"] <= 0 {
		t.Errorf("it was not predicted and measured: %v", f)
	}
	var views, never, updated bool
	err := fresh.QueryRow(t.Context(), `SELECT (SELECT n FROM counted) = (SELECT count(*) FROM t) AND (SELECT count(*) FROM keyed) = (SELECT count(*) FROM t)
			AND (SELECT s FROM above) = (SELECT sum(n) FROM t) AND (SELECT n FROM of_quiet) = 300 AND (SELECT n FROM still) = 3,
		(SELECT NOT relispopulated FROM pg_class WHERE relname = 'never'), (SELECT extversion <> '1.6' FROM pg_extension WHERE extname = 'hstore')`).Scan(&views, &never, &updated)
	if err != nil || !views || !never || !updated {
		t.Errorf("views are as new as the switch: %v, the empty one stayed so: %v, the extension is updated: %v, %v", views, never, updated, err)
	}
	f = g.figures(t, "views_refreshed_after")
	if f["views_unchanged"] < 1 || f["views_refreshed_after"] < 3 || f["views_left"] != 0 {
		t.Errorf("materialized views after the switch: %v", f)
	}
	g.goesBackWith(t, fresh)
}

// goesBackWith changes everything on the new server as its clients would, and rolls back.
func (g *ground) goesBackWith(t *testing.T, fresh *pgx.Conn) {
	t.Helper()
	client := g.through(t, "app")
	for _, sql := range []string{
		`SELECT lo_put(7001, 50, 'written on the new server')`, `SELECT lo_unlink(7002)`, `SELECT lo_from_bytea(0, 'made on the new server')`,
		`UPDATE session SET v = 'changed' WHERE id < 100`, `INSERT INTO quiet VALUES (301)`, `INSERT INTO conf VALUES ('late', 'row')`,
	} {
		if _, err := client.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]string{objectsSQL: lines(t, fresh, objectsSQL), rowsSQL: lines(t, fresh, rowsSQL)}
	if err := g.carryOut(t, g.remembering(t).RollbackItems()); err != nil {
		t.Fatal(err)
	}
	old := g.source.Connect(t, "app") // the switch ended the session that there was
	for sql, lost := range want {
		if diff := cmp.Diff(lost, lines(t, old, sql)); diff != "" {
			t.Errorf("the old server does not have what the new one had (-new +old):\n%s", diff)
		}
	}
}

// figures are those of the last note that has this one.
func (g *ground) figures(t *testing.T, name string) maint.Figures {
	t.Helper()
	all, err := g.journal.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(all) {
		if n, ok := e.Event.(maint.Noted); ok {
			if _, there := n.Figures[name]; there {
				return n.Figures
			}
		}
	}
	t.Fatalf("no note has the figure %s", name)
	return nil
}

// What would hold clients for too long is refused before the pooler hears of it, with a question.
func TestTooMuchForTheHold(t *testing.T) {
	whole(t)
	g := newGround(t)
	g.plant(t)
	g.spec.HoldBudget = time.Millisecond // no copy takes less
	findings, err := pgup.New(g.spec).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked, objects := false, false
	for _, f := range findings {
		objects = objects || f.ID == "large-objects" && f.Severity == checks.Blocker
		asked = asked || f.ID == "unlogged" && f.Severity == checks.Blocker && strings.Contains(f.Fix, "unlogged: empty") && strings.Contains(f.Text, "public.session")
	}
	if !asked || !objects {
		t.Errorf("the check does not ask what is to become of the tables: %+v", findings)
	}
	g.spec.Unlogged = pgup.UnloggedEmpty
	findings, err = pgup.New(g.spec).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.ID == "unlogged" && f.Severity == checks.Blocker {
			t.Errorf("the plan answers the question, and it is asked again: %v", f)
		}
	}

	g.spec.HoldBudget, g.spec.Unlogged = 10*time.Second, pgup.UnloggedAsk
	g.refusesBeforeTheHold(t)
}

// refusesBeforeTheHold has clients' patience end once all the checks have passed: as when
// the tables had grown since.
func (g *ground) refusesBeforeTheHold(t *testing.T) {
	t.Helper()
	u := pgup.New(g.spec)
	stop := g.busy(t)
	defer stop()
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: impatient{facts{t}, u}}
	err := r.Run(t.Context(), id, u.Items())
	if err == nil || !strings.Contains(err.Error(), "unlogged tables of database app") || !strings.Contains(hint.Of(err), "unlogged: empty") {
		t.Fatalf("it was not refused with a question: %v (%s)", err, hint.Of(err))
	}
	var version int
	if err := g.through(t, "app").QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000`).Scan(&version); err != nil || version != 13 {
		t.Errorf("clients are on version %d: %v", version, err)
	}
	if g.noted(t, "hold_ms") || g.noted(t, "Try 1") {
		t.Error("clients were held")
	}
}

type impatient struct {
	facts
	u *pgup.Upgrade
}

func (i impatient) Recorded(at time.Time, e maint.Event) {
	i.facts.Recorded(at, e)
	if f, ok := e.(maint.StepFinished); ok && f.Step == "upgrade/comparison" {
		i.u.HoldBudget = time.Microsecond
	}
}

// noted says whether a note has the words, or the figure of that name.
func (g *ground) noted(t *testing.T, what string) bool {
	t.Helper()
	all, err := g.journal.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(e timeline.Entry) bool {
		n, ok := e.Event.(maint.Noted)
		_, figure := n.Figures[what]
		return ok && (figure || strings.Contains(n.Text, what))
	})
}
