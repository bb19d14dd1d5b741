package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// yard is a server with a table, an ordinary role and a superuser that is not Lull's.
type yard struct {
	s     *pgtest.Server
	lull  *pgx.Conn
	fence cluster.Fence
}

func newYard(t *testing.T, major int) *yard {
	t.Helper()
	// Autovacuum has transaction ids too, and comes when it likes.
	s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"app"}, Settings: map[string]string{"max_prepared_transactions": "5", "autovacuum": "off"}})
	s.Exec(t, "app", `CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY, who text)`,
		`CREATE ROLE client LOGIN PASSWORD 'x'`, `CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'x'`, `GRANT ALL ON t TO client`)
	conn, err := endpoint(s).Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	fence, err := cluster.LookFence(t.Context(), conn, []string{"app"})
	if err != nil {
		t.Fatal(err)
	}
	return &yard{s: s, lull: conn, fence: fence}
}

func (y *yard) dsn(role, name, more string) string {
	password := "x"
	if role == pgtest.Superuser {
		password = y.s.Password
	}
	return fmt.Sprintf("%s password=%s application_name=%s %s", y.s.Server.DSN("app", role), password, name, more)
}

// writer writes past the pooler, and connects again whenever it is thrown out, until the test ends.
type writer struct {
	acked   atomic.Int64
	refused atomic.Int64
}

func (y *yard) write(t *testing.T, role, begin string) *writer {
	t.Helper()
	w := &writer{}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			conn, err := pgx.Connect(ctx, y.dsn(role, "nightly", "default_query_exec_mode=simple_protocol"))
			if err != nil {
				w.refused.Add(1)
				continue
			}
			for err == nil && ctx.Err() == nil {
				if _, err = conn.Exec(ctx, begin+"; INSERT INTO t (who) VALUES ('"+role+"'); COMMIT"); err == nil {
					w.acked.Add(1)
				}
			}
			conn.Close(ctx)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	eventually(t, "a write of "+role, func() bool { return w.acked.Load() > 0 })
	return w
}

// refusedAgain waits until a writer has come back and was not let in.
func (w *writer) refusedAgain(t *testing.T) {
	t.Helper()
	was := w.refused.Load()
	eventually(t, "a refusal", func() bool { return w.refused.Load() > was+3 })
}

func (y *yard) rows(t *testing.T) (n int64) {
	t.Helper()
	conn, err := endpoint(y.s).Connect(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM public.t`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestNobodyWritesBehindTheFence(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			y := newYard(t, major)
			y.s.Exec(t, "postgres", `ALTER DATABASE app SET default_transaction_read_only = on`)
			client, boss := y.write(t, "client", "BEGIN READ WRITE"), y.write(t, "boss", "BEGIN READ WRITE")
			open, err := pgx.Connect(t.Context(), y.dsn("client", "open", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close(context.Background())
			if _, err := open.Exec(t.Context(), `BEGIN READ WRITE; INSERT INTO t (who) VALUES ('open')`); err != nil {
				t.Fatal(err)
			}
			w, err := y.fence.Close(within(t), y.lull)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Await(within(t), y.lull); err != nil {
				t.Fatal(err)
			}
			before := y.rows(t)
			client.refusedAgain(t)
			boss.refusedAgain(t)
			if after := y.rows(t); after != before || before < client.acked.Load()+boss.acked.Load() {
				t.Errorf("%d rows when the fence had closed, %d later, %d and %d were acknowledged", before, after, client.acked.Load(), boss.acked.Load())
			}
			if _, err := open.Exec(t.Context(), `COMMIT`); err == nil {
				t.Error("a transaction that was open when the fence closed was committed")
			}
			y.checkEnded(t, w)
			l, _, err := w.Last(within(t), y.lull, nil)
			if err != nil || l.Sessions != 0 || l.Writing != 0 || l.Prepared != 0 || l.Insert == 0 {
				t.Errorf("the last look gives %+v, %v", l, err)
			}
			if err := y.fence.Open(t.Context(), y.lull); err != nil {
				t.Fatal(err)
			}
			acked := boss.acked.Load()
			eventually(t, "a write of boss when the fence is open again", func() bool { return boss.acked.Load() > acked })
		})
	}
}

// checkEnded looks that everybody who was inside is told of, with what they were doing.
func (y *yard) checkEnded(t *testing.T, w *cluster.Writers) {
	t.Helper()
	writing := false
	who := map[string]bool{}
	for _, s := range w.Ended {
		who[s.Role] = true
		writing = writing || s.Application == "open" && s.InTransaction && s.Writing && s.Database == "app"
	}
	if !writing {
		t.Errorf("the open transaction is not among %+v", w.Ended)
	}
	if strings.Join(y.fence.Superusers, " ") != "boss" {
		t.Errorf("superusers are %v", y.fence.Superusers)
	}
}

// A login that the server let in before the fence closed is seen nowhere until it is through.
func TestLoginUnderWayDoesNotPassTheFence(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			y := newYard(t, major)
			for _, role := range []string{"client", "boss"} {
				late := make(chan error, 1)
				go func() {
					conn, err := pgx.Connect(context.WithoutCancel(t.Context()), y.dsn(role, "late", "options='-c post_auth_delay=3'"))
					if err == nil {
						_, err = conn.Exec(context.Background(), `INSERT INTO t (who) VALUES ('late')`)
						conn.Close(context.Background())
					}
					late <- err
				}()
				eventually(t, "the login", func() bool {
					return yes(t, y.lull, `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'virtualxid' AND pid NOT IN (SELECT pid FROM pg_stat_activity)`)
				})
				w, err := y.fence.Close(within(t), y.lull)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.Await(within(t), y.lull); err != nil {
					t.Fatal(err)
				}
				if err := <-late; err == nil || y.rows(t) != 0 {
					t.Errorf("%s was in the middle of a login and wrote behind the fence: %v", role, err)
				}
				if err := y.fence.Open(t.Context(), y.lull); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Lull's own role cannot be refused, so whoever comes back with it stops the switch.
func TestOwnRoleComesBack(t *testing.T) {
	t.Parallel()
	y := newYard(t, 13)
	y.write(t, pgtest.Superuser, "BEGIN")
	w, err := y.fence.Close(within(t), y.lull)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		if err = w.Await(within(t), y.lull); err == nil {
			_, _, err = w.Last(within(t), y.lull, nil)
		}
	}
	if !errors.Is(err, cluster.ErrReturns) {
		t.Errorf("it ended with %v", err)
	}
}

func TestPreparedTransactionStopsTheHold(t *testing.T) {
	t.Parallel()
	y := newYard(t, 17)
	y.s.Exec(t, "app", `BEGIN; INSERT INTO t (who) VALUES ('prepared'); PREPARE TRANSACTION 'p'`)
	w, err := y.fence.Close(within(t), y.lull)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Await(within(t), y.lull); err == nil || !strings.Contains(err.Error(), "prepared") {
		t.Errorf("it gave %v", err)
	}
}
