package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// example is docs/examples/haproxy at work: an HAProxy before one of two servers.
type example struct {
	*pgtest.HAProxy
	source, target *pgtest.Server
}

func newExample(t *testing.T, source, target *pgtest.Server, conf pgtest.Edits) *example {
	t.Helper()
	return &example{pgtest.StartHAProxy(t, source, conf), source, target}
}

func addr(s *pgtest.Server) gate.Addr { return gate.Addr{Host: "127.0.0.1", Port: s.Port} }

func (x *example) gate(t *testing.T, script string, from, to *pgtest.Server) *Gate {
	t.Helper()
	call := func(h hook) []string { return []string{"./" + script, string(h)} }
	g, err := New(gate.Pooler{Name: "lb", Kind: gate.HookGate, Hooks: gate.Hooks{
		Hold: call(hold), Repoint: call(repoint), Resume: call(resume), Where: call(where), Dir: x.Dir, Lock: x.File("lock"),
		Within: gate.HooksDeadline{Hold: patient, Repoint: patient, Resume: patient, Where: patient},
	}}, addr(from), addr(to))
	must(t, err)
	t.Cleanup(g.Close)
	return g
}

// TestHAProxy is the example of the manual, in both of its arrangements.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	more := pgtest.Options{Settings: map[string]string{"max_connections": "300"}}
	source, target := pgtest.Start(t, 17, more), pgtest.Start(t, 17, more)
	for name, test := range map[string]func(*testing.T, *pgtest.Server, *pgtest.Server){
		"PgBouncer before it fails nothing":              behindPgBouncer,
		"short connections fail nothing":                 shortConnections,
		"long connections are cut and nobody is refused": longConnections,
		"findings": exampleFindings,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && strings.Contains(name, "connections") {
				t.Skip("HAProxy by itself is left to the long form")
			}
			test(t, source, target)
		})
	}
}

// side is where clients may be answered at a time; 0 is nowhere. Each is another pointer.
type side struct{ port int }

// allowed is the side of the moment, and counts the answers of any other.
type allowed struct {
	now               atomic.Pointer[side]
	statements, wrong atomic.Int64
}

func (a *allowed) set(port int) { a.now.Store(&side{port}) }

// ask makes one statement.
func (a *allowed) ask(conn *pgx.Conn) error {
	before := a.now.Load()
	var port int
	// Not the test's context: its end must not cancel a statement.
	if err := conn.QueryRow(context.Background(), "SELECT inet_server_port()").Scan(&port); err != nil {
		return err
	}
	a.statements.Add(1)
	if before == a.now.Load() && port != before.port {
		a.wrong.Add(1)
	}
	return nil
}

func (a *allowed) check(t *testing.T) {
	t.Helper()
	if a.statements.Load() == 0 || a.wrong.Load() > 0 {
		t.Errorf("%d of %d statements were answered by the other side", a.wrong.Load(), a.statements.Load())
	}
}

// load runs clients until the test ends or stop is called.
func load(t *testing.T, n int, client func(ctx context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() { client(ctx) })
	}
	stop = func() {
		cancel()
		clients.Wait()
	}
	t.Cleanup(stop)
	return stop
}

const clients = 6

// switches moves the clients there and back, and gives one hold up in between.
func (x *example) switches(t *testing.T, script string, a *allowed, times int) {
	t.Helper()
	from, to := x.source, x.target
	for i := range times {
		g := x.gate(t, script, from, to)
		must(t, g.Stage(t.Context()))
		if i == 1 {
			must(t, g.Hold(t.Context()))
			must(t, g.Release(t.Context()))
			at(t, g, source)
		}
		a.await(t, clients)
		must(t, g.Hold(t.Context()))
		at(t, g, held)
		a.set(0)
		g.Trace = func(name string) {
			if name == "repointed" { // held still
				a.set(to.Port)
			}
		}
		must(t, g.Commit(t.Context()))
		at(t, g, target)
		a.await(t, clients)
		from, to = to, from
	}
}

// await waits for more statements.
func (a *allowed) await(t *testing.T, n int64) {
	t.Helper()
	for want, end := a.statements.Load()+n, time.Now().Add(patient); a.statements.Load() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("clients make no statements any more")
		}
	}
}

// behindPgBouncer has clients keep their connections for good: PgBouncer holds them, and
// HAProxy sends PgBouncer's own connections elsewhere.
func behindPgBouncer(t *testing.T, source, target *pgtest.Server) {
	b := pgtest.StartBouncer(t, source, pgtest.BouncerOptions{Settings: map[string]string{"server_login_retry": "1"}})
	x := newExample(t, source, target, pgtest.Edits{"console=": `console="` + b.DSN("pgbouncer") + `"`})
	b.Reconfigure(t, pgserver.Pooling{
		Databases: map[string]string{"postgres": "host=127.0.0.1 port=" + strconv.Itoa(x.Port)},
		Users:     map[string]string{pgtest.Superuser: b.Password},
		Settings:  map[string]string{"admin_users": pgtest.Superuser, "server_login_retry": "1"},
	})
	var a allowed
	a.set(source.Port)
	stop := load(t, clients, func(ctx context.Context) {
		conn, err := pgx.Connect(context.Background(), b.DSN("postgres")+" default_query_exec_mode=simple_protocol")
		if err != nil {
			t.Errorf("a connection failed: %v", err)
			return
		}
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			if err := a.ask(conn); err != nil {
				t.Errorf("a statement failed: %v", err)
				return
			}
		}
	})
	x.switches(t, "pgbouncer-gate", &a, 3)
	stop()
	a.check(t)
	// What HAProxy was told while it ran is what it is told when it starts.
	x.Stop()
	x.Start(t)
	at(t, x.gate(t, "pgbouncer-gate", source, target), gate.Position{Side: gate.Target})
	must(t, os.Remove(x.File("admin.sock")))
	if at, err := x.gate(t, "pgbouncer-gate", source, target).Where(t.Context()); err == nil {
		t.Errorf("clients are at %+v, and HAProxy cannot be asked", at)
	}
}

func (x *example) dsn() string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=postgres sslmode=disable", x.Port, pgtest.Superuser, x.source.Password)
}

// shortConnections has clients connect for every transaction. Those under way end by
// themselves, and new ones wait.
func shortConnections(t *testing.T, source, target *pgtest.Server) {
	x := newExample(t, source, target, pgtest.Edits{"drain_ms=": "drain_ms=15000"})
	var a allowed
	a.set(source.Port)
	stop := load(t, clients, func(ctx context.Context) {
		for ctx.Err() == nil {
			conn, err := pgx.Connect(context.Background(), x.dsn())
			if err != nil {
				t.Errorf("a connection failed: %v", err)
				return
			}
			err = a.ask(conn)
			_ = conn.Close(context.Background())
			if err != nil {
				t.Errorf("a statement failed: %v", err)
				return
			}
		}
	})
	x.switches(t, "haproxy-gate", &a, 3)
	stop()
	a.check(t)
	// One that was killed is where it will start, and can still be sent elsewhere.
	x.Stop()
	at(t, x.gate(t, "haproxy-gate", source, target), gate.Position{Side: gate.Target})
	back := x.gate(t, "haproxy-gate", target, source)
	if err := back.Hold(t.Context()); err == nil {
		t.Error("held with an HAProxy that does not run")
	}
	must(t, back.Release(t.Context()))
	must(t, back.Follow(t.Context()))
	x.Start(t)
	conn, err := pgx.Connect(t.Context(), x.dsn())
	must(t, err)
	defer conn.Close(context.Background())
	a.set(source.Port)
	must(t, a.ask(conn))
	a.check(t)
}

// longConnections has clients keep their connections, and connect again when they are
// cut. That is a failed statement for each, but nobody is turned away, and what was
// answered is there.
func longConnections(t *testing.T, source, target *pgtest.Server) {
	for _, s := range []*pgtest.Server{source, target} {
		s.Exec(t, "postgres", "CREATE TABLE written (id bigint)")
	}
	x := newExample(t, source, target, pgtest.Edits{"drain_ms=": "drain_ms=20"})
	var a allowed
	a.set(source.Port)
	var id, cut atomic.Int64
	var mu sync.Mutex
	answered := map[int][]int64{}
	stop := load(t, clients, func(ctx context.Context) {
		for ctx.Err() == nil {
			conn, err := pgx.Connect(context.Background(), x.dsn())
			if err != nil {
				turnedAway(t, err)
				continue // cut while it logged in
			}
			for ctx.Err() == nil {
				n, port := id.Add(1), 0
				if err := a.ask(conn); err != nil {
					turnedAway(t, err)
					cut.Add(1)
					break
				}
				if err := conn.QueryRow(context.Background(), "INSERT INTO written VALUES ($1) RETURNING inet_server_port()", n).Scan(&port); err != nil {
					turnedAway(t, err)
					cut.Add(1)
					break
				}
				mu.Lock()
				answered[port] = append(answered[port], n)
				mu.Unlock()
			}
			_ = conn.Close(context.Background()) // cut, mostly
		}
	})
	x.switches(t, "haproxy-gate", &a, 2)
	stop()
	a.check(t)
	if cut.Load() == 0 {
		t.Error("no connection was cut: the test shows nothing")
	}
	for _, s := range []*pgtest.Server{source, target} {
		var kept int
		must(t, s.Connect(t, "postgres").QueryRow(t.Context(), "SELECT count(*) FROM written WHERE id = ANY ($1)", answered[s.Port]).Scan(&kept))
		if len(answered[s.Port]) == 0 || kept != len(answered[s.Port]) {
			t.Errorf("%d of %d answered rows are on port %d", kept, len(answered[s.Port]), s.Port)
		}
	}
}

// turnedAway fails the test when a connection was refused, rather than cut.
func turnedAway(t *testing.T, err error) {
	t.Helper()
	var said *pgconn.PgError
	if errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &said) {
		t.Errorf("a client was turned away: %v", err)
	}
}

func exampleFindings(t *testing.T, source, target *pgtest.Server) {
	x := newExample(t, source, target, nil)
	if found := x.gate(t, "haproxy-gate", source, target).Check(t.Context(), time.Minute); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	for name, g := range map[string]*Gate{
		"elsewhere":     x.gate(t, "haproxy-gate", target, &pgtest.Server{Server: pgserver.Server{Port: 1}}),
		"no PgBouncer":  x.gate(t, "pgbouncer-gate", source, target),
		"no such word":  x.gate(t, "haproxy.sh", source, target),
		"no such hooks": x.gate(t, "nothing", source, target),
	} {
		if found := g.Check(t.Context(), time.Minute); len(found) == 0 || !found[0].Blocks {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}
