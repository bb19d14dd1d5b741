package pgup_test

import (
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
)

// atMoment calls do once when the run waits for a good moment to hold clients.
type atMoment struct {
	facts
	once *sync.Once
	do   func()
}

func (m atMoment) Progressed(p run.Progress) {
	if p.Text == "waiting for a good moment" {
		m.once.Do(func() { go m.do() }) // a watcher returns at once
	}
}

// slipIn runs the upgrade and executes sql on the source between the last comparison and the
// hold, as somebody whom the freeze lets pass. An open transaction keeps the hold waiting until then.
func (g *ground) slipIn(t *testing.T, sql string) error {
	t.Helper()
	open := g.source.Connect(t, "app")
	exec(t, open, `BEGIN; SELECT count(*) FROM t`)
	sly := connectTo(t, g.spec.Source, "app")
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: atMoment{facts{t}, &sync.Once{}, func() {
		if _, err := sly.Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
		if _, err := open.Exec(t.Context(), `COMMIT`); err != nil {
			t.Error(err)
		}
	}}}
	return r.Run(t.Context(), id, pgup.New(g.spec).Items())
}

func TestADefinitionThatSlippedInSendsEverythingBack(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is an upgrade of its own: left to the long form")
	}
	g := newGround(t)
	clients := g.clients(t, "shop")
	err := g.slipIn(t, `CREATE TABLE public.slipped (n int PRIMARY KEY)`)
	acked := clients.stop()["shop"]
	told(t, at(err), "relation public.slipped is only on the source", "make the same change on the target")
	if !g.noted(t, "Try 1 went back to the old server, nothing lost") || !g.noted(t, "somebody changed a definition right before the switch") {
		t.Error("the hold did not notice it")
	}
	var version, lost int
	err = g.through(t, "shop").QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000, (SELECT count(*) FROM unnest($1::bigint[]) AS a(n) WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.n = a.n))`, acked).Scan(&version, &lost)
	if err != nil || version != 13 || lost != 0 {
		t.Errorf("version %d, %d rows lost, %v", version, lost, err)
	}
}

// A truncated table is written to the catalogs, and yet its definition is the same.
func TestATruncateRightBeforeTheHoldDoesNoHarm(t *testing.T) {
	whole(t)
	g := newGround(t)
	if err := g.slipIn(t, `TRUNCATE public.keyless`); err != nil {
		t.Fatal(err)
	}
	if g.noted(t, "went back to the old server") {
		t.Error("it took a second try")
	}
	var rows int
	if err := g.through(t, "app").QueryRow(t.Context(), `SELECT count(*) FROM keyless`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestANewPasswordIsADifference(t *testing.T) {
	whole(t)
	g := following(t)
	g.source.Exec(t, "postgres", `ALTER ROLE client PASSWORD 'other'`)
	told(t, at(g.run(t)), "role client is not the same on both sides", "pg_dumpall --roles-only")
}
