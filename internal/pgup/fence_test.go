package pgup_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
)

// intruder writes on the old server, past the pooler, and connects again whenever it is thrown out.
type intruder struct {
	stop  context.CancelFunc
	wg    sync.WaitGroup
	acked []int64
}

func (g *ground) intrude(t *testing.T, role string) *intruder {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in := &intruder{stop: cancel}
	t.Cleanup(in.end)
	dsn := g.source.Server.DSN("app", role) + " password=client default_query_exec_mode=simple_protocol application_name=nightly"
	in.wg.Go(func() {
		for ctx.Err() == nil {
			conn, err := pgx.Connect(ctx, dsn)
			for err == nil && ctx.Err() == nil {
				var n int64
				err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
					return tx.QueryRow(ctx, `INSERT INTO t (v) VALUES ('past the pooler') RETURNING n`).Scan(&n)
				})
				if err == nil {
					in.acked = append(in.acked, n)
				}
				time.Sleep(5 * time.Millisecond)
			}
			if conn != nil {
				conn.Close(context.Background())
			}
		}
	})
	return in
}

func (in *intruder) end() { in.stop(); in.wg.Wait() }

// watcher keeps what is recorded, and lets a stopped session go on when a try has gone back.
type watcher struct {
	facts
	release func()
	back    int
	fenced  *maint.Fenced
	noted   maint.Figures
}

func (w *watcher) Recorded(at time.Time, e maint.Event) {
	w.facts.Recorded(at, e)
	switch e := e.(type) {
	case maint.Fenced:
		w.fenced = &e
	case maint.Noted:
		if _, back := e.Figures["went_back_ms"]; back {
			w.back++
			w.release()
		}
		if _, held := e.Figures["hold_ms"]; held {
			w.noted = e.Figures
		}
	}
}

// A session that does not end makes the first hold overrun its budget. A later one succeeds,
// while others write past the pooler, a superuser among them. Nothing that was acknowledged
// to anybody is lost, and no client of the pooler fails.
func TestHoldGoesBackAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is an upgrade of its own: left to the long form")
	}
	g := newGround(t)
	g.source.Exec(t, "app", `CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'client'`)
	g.spec.HoldBudget, g.spec.HoldTries = 1500*time.Millisecond, 20
	stuck, err := pgx.Connect(t.Context(), g.source.Server.DSN("app", "client")+" password=client application_name=stuck")
	if err != nil {
		t.Fatal(err)
	}
	pid := int(stuck.PgConn().PID())
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	goOn := sync.OnceFunc(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	t.Cleanup(func() { goOn(); stuck.Close(context.Background()) })
	clients := g.clients(t, "app", "shop", "mail")
	intruders := []*intruder{g.intrude(t, "client"), g.intrude(t, "boss")}
	w := &watcher{facts: facts{t}, release: goOn}
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: w}
	err = r.Run(t.Context(), id, pgup.New(g.spec).Items())
	acked := clients.stop()
	if err != nil {
		t.Fatal(err)
	}
	all := acked["app"]
	for _, in := range intruders {
		in.end()
		if len(in.acked) == 0 {
			t.Error("an intruder wrote nothing: this shows too little")
		}
		all = append(all, in.acked...)
	}
	var lost int
	if err := g.through(t, "app").QueryRow(t.Context(), `SELECT count(*) FROM unnest($1::bigint[]) AS a(n) WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.n = a.n)`, all).Scan(&lost); err != nil || lost > 0 {
		t.Errorf("%d of %d acknowledged rows are lost: %v", lost, len(all), err)
	}
	if w.back == 0 || w.noted["tries"] != float64(w.back+1) || w.noted["predicted_ms"] <= 0 {
		t.Errorf("%d tries went back, and the hold is noted with %v", w.back, w.noted)
	}
	w.check(t)
	for _, role := range []string{"client", "boss"} {
		if _, err := pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=client dbname=app", g.source.Port, role)); err == nil {
			t.Errorf("the old server still lets %s in", role)
		}
	}
}

func (w *watcher) check(t *testing.T) {
	t.Helper()
	f := w.fenced
	if f == nil {
		t.Fatal("there is no proof on the record")
	}
	// Of f.Writing nothing is demanded: autovacuum has transaction ids too, and comes when it likes.
	if f.Left+f.Prepared != 0 || len(f.Markers) != 3 || len(f.Refused) != 1 || f.Refused[0] != "boss" {
		t.Errorf("the proof is %+v", f)
	}
	last := int64(0)
	for _, m := range f.Markers {
		last = max(last, m.Transaction)
	}
	if f.Next != last+1 {
		t.Errorf("the last marker has transaction %d, and the next would be %d", last, f.Next)
	}
	for _, e := range f.Ended {
		past := (e.Application == "nightly" || e.Application == "stuck") && e.Database == "app"
		leaving := e.Application == "" && e.Role == "client" && e.InTransaction == 0 // the pooler closed it, and its process was still there
		if !past && !leaving || e.Sessions == 0 {
			t.Errorf("ended: %+v", e)
		}
	}
}
