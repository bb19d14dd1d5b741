package pgup

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// shop is what the clients of these tests call. What it costs is changed behind their backs, as an upgrade would.
const shop = `SELECT order_of($1)`

// sides are two servers of the same application, the old and the new one.
type sides struct{ old, new *pgtest.Server }

func newSides(t *testing.T) sides {
	t.Helper()
	var s [2]*pgtest.Server
	for i, major := range []int{13, 17} {
		s[i] = pgtest.Start(t, major, pgtest.Options{Databases: []string{"shop"}, Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements"}})
		s[i].Exec(t, "shop", "CREATE EXTENSION pg_stat_statements; CREATE TABLE orders AS SELECT 1 AS id")
		costs(t, s[i], `pg_sleep(0.01)`)
	}
	return sides{s[0], s[1]}
}

// costs changes what an order takes. It reads a table, because a session that touches none does not hand in
// how many of its transactions ended, and how, while it is busy (src/backend/utils/activity/pgstat.c, pgstat_report_stat).
func costs(t *testing.T, s *pgtest.Server, what string) {
	t.Helper()
	s.Exec(t, "shop", `CREATE OR REPLACE FUNCTION order_of(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM `+what+` FROM orders; END $$`)
}

func endpoint(s *pgtest.Server) cluster.Endpoint {
	return cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}
}

func reading(t *testing.T, s *pgtest.Server) cluster.Workload {
	t.Helper()
	w, err := (&Upgrade{Spec: Spec{Source: endpoint(s)}}).readWorkload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// usual lets some clients run on the old server, and tells what was usual there.
func (s sides) usual(t *testing.T) *Baseline {
	t.Helper()
	begin := reading(t, s.old).Counters()
	conn := s.old.Connect(t, "shop")
	for i := range 200 {
		if _, err := conn.Exec(t.Context(), shop, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(50 * time.Millisecond); ; { // sessions hand their counters in a little later
		if b := baseline(begin, reading(t, s.old)); len(b.Failed) > 0 {
			tick.Stop()
			return &b
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the old server does not count its transactions")
		case <-tick.C:
		}
	}
}

// clients run on the new server until the test ends.
func (s sides) clients(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 16 {
		conn := s.new.Connect(t, "shop")
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, _ = conn.Exec(context.WithoutCancel(ctx), shop, i) // some are made to fail
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// bake watches the new server with windows of one and a half seconds, for as long as ctx lasts.
func (s sides) bake(t *testing.T, before *Baseline, limits Limits, tell func(Sample)) *baking {
	t.Helper()
	b := &baking{
		Watch:  Watch{Baseline: before, From: time.Now(), Until: time.Now().Add(time.Hour), Tell: tell},
		pace:   pace{every: 100 * time.Millisecond, window: 1500 * time.Millisecond, needed: 3},
		limits: limits, now: time.Now,
		there: func(context.Context) (bool, error) { return true, nil },
		open:  func(ctx context.Context) (*cluster.Meter, error) { return cluster.OpenMeter(ctx, endpoint(s.new)) },
	}
	return b
}

func (b *baking) must(ctx context.Context, t *testing.T) Conclusion {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c, err := b.run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// watches marks a test that has to watch for a while.
func watches(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it watches for a while: make test-all")
	}
	t.Parallel()
}

func TestAServerThatGetsSlower(t *testing.T) {
	watches(t)
	s := newSides(t)
	before := s.usual(t)
	s.clients(t)
	var told []Sample
	slow := false
	b := s.bake(t, before, Limits{Errors: 0.01, P99: 10}, func(x Sample) {
		told = append(told, x)
		if _, full := windowsOf(told); full && !slow { // all is well for as long as it takes to be sure
			slow = true
			costs(t, s.new, `pg_sleep(0.5)`)
		}
	})
	c := b.must(t.Context(), t)
	if c.End != LimitsPast || len(c.Verdict.Slower) == 0 || !strings.Contains(c.Verdict.Reason, "SELECT order_of(?) (database shop)") {
		t.Fatalf("%s: %+v", c.End, c.Verdict)
	}
	if x := c.Verdict.Slower[0]; x.NowMS < 500 || x.BeforeMS > 500 {
		t.Errorf("%+v", x)
	}
	if !slow {
		t.Error("it was past the limits before it was slow")
	}
	for _, x := range told[:len(told)-1] {
		if x.Verdict.Grade == Past || x.Trouble != "" {
			t.Errorf("told before: %s", x.Text())
		}
	}
	note, err := c.Note("upgrade/bake")
	if err != nil || !strings.Contains(note.Text, "past the limits of the plan") || note.Figures["statements_slower"] < 1 {
		t.Errorf("%+v, %v", note, err)
	}
}

// windowsOf says whether enough was told to fill all windows.
func windowsOf(told []Sample) (time.Duration, bool) {
	length := told[len(told)-1].At.Sub(told[0].At)
	return length, length > 5*time.Second
}

func TestAServerWhoseStatementsFail(t *testing.T) {
	watches(t)
	s := newSides(t)
	before := s.usual(t)
	s.clients(t)
	broken := false
	b := s.bake(t, before, Limits{Errors: 0.01}, func(x Sample) {
		if !broken && x.Verdict.Window > 0 {
			broken = true
			costs(t, s.new, `pg_sleep(0.01), 1 / (n % 4)`)
		}
	})
	c := b.must(t.Context(), t)
	if c.End != LimitsPast || len(c.Verdict.Failing) != 1 || c.Verdict.Failing[0].Database != "shop" || !broken {
		t.Fatalf("%s: %+v", c.End, c.Verdict)
	}
	if f := c.Verdict.Failing[0]; f.Now < 0.1 || f.Now > 0.4 {
		t.Errorf("a quarter fails, and it says %+v", f)
	}
}

func TestAServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := newSides(t)
	before := s.usual(t)
	ctx, stop := context.WithCancel(t.Context())
	var trouble, after atomic.Int64
	b := s.bake(t, before, Limits{Errors: 0.01, P99: 3}, func(x Sample) {
		switch {
		case x.Trouble != "" && trouble.Add(1) == 1:
			if err := s.new.Spawn(ctx, nil); err != nil {
				t.Error(err)
			}
		case trouble.Load() == 0 && x.Verdict.Window > 0:
			if err := s.new.Stop(ctx, "immediate"); err != nil {
				t.Error(err)
			}
		case trouble.Load() > 0 && x.Trouble == "" && after.Add(1) > 5:
			stop()
		}
	})
	if c := b.must(ctx, t); c.End != Stopped || trouble.Load() == 0 || after.Load() == 0 {
		t.Errorf("%s after %d looks in vain and %d others", c.End, trouble.Load(), after.Load())
	}
}

func TestTheWatchingEnds(t *testing.T) {
	watches(t)
	s := newSides(t)
	before := s.usual(t)
	s.clients(t)
	b := s.bake(t, before, Limits{Errors: 0.5, P99: 1000}, func(Sample) {})
	b.Until = time.Now().Add(3 * time.Second)
	c := b.must(t.Context(), t)
	note, err := c.Note("upgrade/bake")
	if c.End != TimeOver || err != nil || c.Verdict.Transactions == 0 || c.Verdict.Measured == 0 || !strings.Contains(note.Text, fmt.Sprintf("Of %d transactions", c.Verdict.Transactions)) {
		t.Errorf("%s: %+v: %s, %v", c.End, c.Verdict, note.Text, err)
	}
	b = s.bake(t, before, Limits{}, func(Sample) {})
	looks := 0
	b.window, b.there = time.Nanosecond, func(context.Context) (bool, error) { looks++; return looks == 1, nil }
	if c := b.must(t.Context(), t); c.End != Moved || looks != 3 {
		t.Errorf("%s after %d looks for clients", c.End, looks)
	}
	b = s.bake(t, nil, Limits{Errors: 0.0001, P99: 1.1}, func(x Sample) {
		if x.Verdict.Grade != Fine || !strings.Contains(x.Text(), "not on record") && x.Verdict.Window > 0 {
			t.Errorf("without a baseline: %s", x.Text())
		}
	})
	b.Until = time.Now().Add(time.Second)
	if c := b.must(t.Context(), t); c.End != TimeOver {
		t.Errorf("%s", c.End)
	}
}
