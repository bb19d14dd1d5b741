package pgbouncer

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// rig is two servers that a pooler can stand before.
type rig struct{ source, target *pgtest.Server }

func (p rig) bouncer(t *testing.T, o pgtest.BouncerOptions) *pgtest.Bouncer {
	t.Helper()
	return pgtest.StartBouncer(t, p.source, o, "postgres")
}

func addr(s *pgtest.Server) gate.Addr { return gate.Addr{Host: "127.0.0.1", Port: s.Port} }

// open gives the console time: a busy machine is not what these tests are about.
func open(t *testing.T, b *pgtest.Bouncer, from, to *pgtest.Server) *Gate {
	t.Helper()
	g, err := New(gate.Pooler{Name: "main", Admin: b.DSN("pgbouncer"), Config: b.Config()}, addr(from), addr(to))
	must(t, err)
	g.brief = patience
	t.Cleanup(g.Close)
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// where is the port of the server that answers a client.
func where(t *testing.T, c *pgx.Conn) (port int) {
	t.Helper()
	must(t, c.QueryRow(soon(t, 3*time.Minute), "SELECT inet_server_port()").Scan(&port))
	return port
}

func at(t *testing.T, g *Gate, want gate.Position) {
	t.Helper()
	got, err := g.Where(soon(t, time.Minute))
	must(t, err)
	if got != want {
		t.Fatalf("clients are at %+v, want %+v", got, want)
	}
}

// TestGate runs everything that needs servers on one pair of them, each with a pooler of its own.
func TestGate(t *testing.T) {
	t.Parallel()
	p := rig{pgtest.Start(t, 17, pgtest.Options{}), pgtest.Start(t, 17, pgtest.Options{})}
	tests := map[string]func(*testing.T, rig){
		"commit moves clients":                        commitMoves,
		"release keeps clients":                       releaseKeeps,
		"switches under load fail nothing":            switchesUnderLoad,
		"an open transaction outlasts the budget":     openTransaction,
		"a dead holder's pause is found":              abandonedPause,
		"somebody else's pause is left alone":         foreignPause,
		"a commit cut off is completed by another":    commitCutOff,
		"a login under way is waited for":             loginUnderWay,
		"a login that was cut off is made again":      loginCutOff,
		"a server that never answers does not matter": neverAnswers,
		"a file that was not followed is put back":    notFollowed,
		"source and target must differ":               sameServer,
		"a file edited meanwhile is not overwritten":  editedMeanwhile,
		"a hold that is gone is noticed":              holdGone,
		"a pooler that refuses the file goes back":    refusesFile,
		"a cancelled question does not resume":        cancelledQuestion,
		"an included entry is noticed":                includedEntry,
		"two poolers hold together or not at all":     together,
		"what a dead holder set is taken back":        settingsTakenBack,
		"findings":                                    findings,
		"an abandoned pause that drains is found":     abandonedDraining,
		"a socket and TLS hold together":              socketAndTLS,
		"TLS that is not trusted is a finding":        tlsFindings,
		"a killed follower is carried along":          followerKilled,
		"a killed follower does not keep others":      followerKilledReleased,
		"a killed decider sends all back":             deciderKilled,
		"killed while the others drain":               killedWhileDraining,
		"a restarted follower follows unheld":         followerRestarted,
		"a stopped follower does not keep others":     followerStopped,
		"a half commit is completed by another":       halfCommit,
		"a console silent while held":                 silentWhileHeld,
		"a console silent while it drains":            silentWhileDraining,
		"a console silent after the decision":         silentAfterDecision,
		"a console silent after a death":              silentAfterDeath,
		"a silent pooler that nobody can signal":      nobodyToSignal,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

func commitMoves(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	before, err := os.ReadFile(b.Config())
	must(t, err)
	g := open(t, b, p.source, p.target)
	var did []string
	g.Trace = func(name string) { did = append(did, name) }
	ctx := soon(t, time.Minute)
	at(t, g, gate.Position{Side: gate.Source})
	must(t, g.Stage(ctx))
	if got := where(t, client); got != p.source.Port {
		t.Fatalf("client is on port %d after staging", got)
	}
	must(t, g.Hold(ctx))
	at(t, g, gate.Position{Side: gate.Source, Held: true})
	must(t, g.Commit(ctx))
	at(t, g, gate.Position{Side: gate.Target})
	if got := where(t, client); got != p.target.Port {
		t.Fatalf("client is on port %d after the commit", got)
	}
	if want := []string{"asked", "rested", "paused", "drained", "renamed", "reloaded", "resumed"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	must(t, g.Commit(ctx))
	if err := g.Release(ctx); err == nil {
		t.Error("clients that are on the target were released to the source")
	}
	g.Close()
	configured(t, b, "server_login_retry", "15")
	configured(t, b, "max_db_connections", "0")

	back := open(t, b, p.target, p.source)
	must(t, back.Stage(ctx))
	must(t, back.Hold(ctx))
	must(t, back.Commit(ctx))
	if got := where(t, client); got != p.source.Port {
		t.Fatalf("client is on port %d after the way back", got)
	}
	back.Close()
	after, err := os.ReadFile(b.Config())
	must(t, err)
	if string(before) != string(after) {
		t.Errorf("there and back changed the file:\n%s", after)
	}
	if _, err := os.Stat(g.file.staged()); err == nil {
		t.Error("a staged file was left behind")
	}
}

func releaseKeeps(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	g := open(t, b, p.source, p.target)
	ctx := soon(t, time.Minute)
	must(t, g.Release(ctx))
	must(t, g.Stage(ctx))
	must(t, g.Hold(ctx))
	must(t, g.Release(ctx))
	must(t, g.Release(ctx))
	at(t, g, gate.Position{Side: gate.Source})
	if got := where(t, client); got != p.source.Port {
		t.Errorf("client is on port %d", got)
	}
	must(t, g.Hold(ctx))
	must(t, g.Commit(ctx))
	if got := where(t, client); got != p.target.Port {
		t.Errorf("client is on port %d after a second hold", got)
	}
}

// switchesUnderLoad moves busy clients back and forth. Each writes the side it is sent
// to; a side on which nobody may be at that time would show.
func switchesUnderLoad(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	type side struct{ port int } // each switch makes a new one
	var allowed atomic.Pointer[side]
	allowed.Store(&side{p.source.Port})
	var statements, wrong atomic.Int64
	for range 8 {
		conn, err := pgx.Connect(ctx, b.DSN("postgres")+" default_query_exec_mode=simple_protocol")
		must(t, err)
		clients.Go(func() {
			defer conn.Close(context.Background())
			for ctx.Err() == nil {
				var port int
				before := allowed.Load()
				// Not ctx: the end of the test must not cancel a statement.
				if err := conn.QueryRow(context.Background(), "SELECT inet_server_port()").Scan(&port); err != nil {
					t.Errorf("a statement failed: %v", err)
					return
				}
				statements.Add(1)
				if after := allowed.Load(); before == after && port != before.port {
					wrong.Add(1)
				}
			}
		})
	}
	from, to, switches := p.source, p.target, 20
	if testing.Short() {
		switches = 6
	}
	for range switches {
		g := open(t, b, from, to)
		must(t, g.Stage(ctx)) // at once: the pool still logs in after the last switch
		must(t, g.Hold(ctx))
		allowed.Store(&side{}) // nobody may answer
		must(t, g.Commit(ctx))
		allowed.Store(&side{to.Port})
		from, to = to, from
	}
	stop()
	clients.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d statements were answered by the other side", n, statements.Load())
	}
}

func openTransaction(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client, other := b.Connect(t, "postgres"), b.Connect(t, "postgres")
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	_, err := client.Exec(t.Context(), "BEGIN")
	must(t, err)
	err = g.Hold(soon(t, 100*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("hold gave %v", err)
	}
	at(t, g, gate.Position{Side: gate.Source})
	if got := where(t, other); got != p.source.Port {
		t.Errorf("the other client is on port %d", got)
	}
	_, err = client.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, g.Hold(soon(t, time.Minute)))
	must(t, g.Commit(soon(t, time.Minute)))
	if got := where(t, client); got != p.target.Port {
		t.Errorf("client is on port %d", got)
	}
}

func abandonedPause(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	dead := open(t, b, p.source, p.target)
	must(t, dead.Stage(soon(t, time.Minute)))
	must(t, dead.Hold(soon(t, time.Minute)))
	dead.main.close()
	dead.pauser.close()
	next := open(t, b, p.source, p.target)
	at(t, next, gate.Position{Side: gate.Source, Held: true})
	if !slices.ContainsFunc(next.Check(t.Context(), time.Second), func(f gate.Finding) bool { return f.ID == PoolerPaused && f.Blocks }) {
		t.Error("the check does not find the pause")
	}
	must(t, next.Release(soon(t, time.Minute)))
	if got := where(t, client); got != p.source.Port {
		t.Errorf("client is on port %d", got)
	}
}

func foreignPause(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	other, err := newConsole(b.DSN("pgbouncer"))
	must(t, err)
	defer other.close()
	_, err = other.run(t.Context(), "PAUSE")
	must(t, err)
	err = g.Hold(soon(t, time.Minute))
	if !errors.Is(err, gate.ErrForeignHold) || hint.Of(err) == "" {
		t.Fatalf("hold gave %v, hint %q", err, hint.Of(err))
	}
	must(t, g.Release(soon(t, time.Minute)))
	at(t, g, gate.Position{Side: gate.Source, Held: true})
}

// commitCutOff kills nothing: it does by hand what a Commit does, up to each point, and
// lets a gate that knows nothing of it look and complete.
func commitCutOff(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	from, to := p.source, p.target
	for _, reloaded := range []bool{false, true} {
		g := open(t, b, from, to)
		must(t, g.Stage(soon(t, time.Minute)))
		must(t, g.Hold(soon(t, time.Minute)))
		must(t, g.decide(soon(t, time.Minute)))
		if reloaded {
			must(t, g.follow(soon(t, time.Minute), g.atSource(t.Context())))
		}
		g.main.close()
		g.pauser.close()
		next := open(t, b, from, to)
		at(t, next, gate.Position{Side: gate.Target, Held: true})
		must(t, next.Commit(soon(t, time.Minute)))
		at(t, next, gate.Position{Side: gate.Target})
		if got := where(t, client); got != to.Port {
			t.Errorf("client is on port %d, want %d", got, to.Port)
		}
		from, to = to, from
	}
}

// loginUnderWay stops the server while the pooler logs in. A PAUSE then would cut the
// login off, and clients that come after it would be thrown out.
func loginUnderWay(t *testing.T, p rig) {
	b, login := startLogin(t)
	g := open(t, b.Bouncer, b.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	answered := login(g)
	if err := g.Hold(soon(t, 100*time.Millisecond)); !errors.Is(err, errLogin) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("hold gave %v", err)
	}
	at(t, g, gate.Position{Side: gate.Source})
	configured(t, b.Bouncer, "max_db_connections", "0")
	held := make(chan error, 1)
	go func() { held <- g.Hold(soon(t, time.Minute)) }()
	signal(t, b.postmaster, syscall.SIGCONT)
	must(t, <-held)
	must(t, g.Commit(soon(t, time.Minute)))
	must(t, <-answered)
	configured(t, b.Bouncer, "max_db_connections", "0")
}

// loginCutOff pauses all the same. The pool would not log in again for
// server_login_retry, an hour here, if that were not taken care of.
func loginCutOff(t *testing.T, p rig) {
	b, login := startLogin(t)
	g := open(t, b.Bouncer, b.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	answered := login(g)
	if err := g.pause(soon(t, time.Minute)); !errors.Is(err, errLogin) {
		t.Fatalf("pause gave %v", err)
	}
	signal(t, b.postmaster, syscall.SIGCONT)
	must(t, g.giveUp(t.Context()))
	at(t, g, gate.Position{Side: gate.Source})
	select {
	case err := <-answered:
		must(t, err)
	case <-time.After(3 * time.Minute):
		t.Fatal("the client still waits")
	}
	must(t, g.Hold(soon(t, time.Minute)))
}

// neverAnswers has an entry whose server takes connections and says nothing.
func neverAnswers(t *testing.T, p rig) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	_, port, err := net.SplitHostPort(silent.Addr().String())
	must(t, err)
	b := p.bouncer(t, pgtest.BouncerOptions{Databases: map[string]string{"silent": "host=127.0.0.1 port=" + port}})
	client := b.Connect(t, "postgres")
	waiting, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		if conn, err := pgx.Connect(waiting, b.DSN("silent")); err == nil {
			conn.Close(context.Background())
		}
	}()
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	awaitServer(t, g, "new")
	must(t, g.Hold(soon(t, time.Minute)))
	must(t, g.Commit(soon(t, time.Minute)))
	if got := where(t, client); got != p.target.Port {
		t.Errorf("client is on port %d", got)
	}
}

// notFollowed has clients flow on the source with the new file in place already.
func notFollowed(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	must(t, g.file.swap())
	at(t, g, gate.Position{Side: gate.Source})
	must(t, g.Release(soon(t, time.Minute)))
	now, err := os.ReadFile(b.Config())
	must(t, err)
	if string(now) != string(g.old) {
		t.Errorf("the file is not what it was:\n%s", now)
	}
	if got := where(t, client); got != p.source.Port {
		t.Errorf("client is on port %d", got)
	}
}

func sameServer(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	to := gate.Addr{Host: "localhost", Port: p.source.Port}
	g, err := New(gate.Pooler{Name: "main", Admin: b.DSN("pgbouncer"), Config: b.Config()}, addr(p.source), to)
	must(t, err)
	defer g.Close()
	if err := g.Stage(t.Context()); err == nil || hint.Of(err) == "" {
		t.Errorf("stage gave %v", err)
	}
}

type stoppable struct {
	*pgtest.Bouncer
	source     *pgtest.Server
	postmaster int
}

// startLogin starts a pooler before a server of its own, and gives what makes it log in
// there and get no answer, while a client waits.
func startLogin(t *testing.T) (stoppable, func(*Gate) <-chan error) {
	t.Helper()
	source := pgtest.Start(t, 17, pgtest.Options{})
	b := stoppable{pgtest.StartBouncer(t, source, pgtest.BouncerOptions{Settings: map[string]string{"server_login_retry": "3600"}}, "postgres"), source, pidIn(t, source.Data+"/postmaster.pid")}
	client := b.Connect(t, "postgres")
	return b, func(g *Gate) <-chan error {
		_, err := g.main.run(t.Context(), "RECONNECT")
		must(t, err)
		signal(t, b.postmaster, syscall.SIGSTOP)
		answered := make(chan error, 1)
		go func() { answered <- client.Ping(context.Background()) }()
		awaitServer(t, g, "new")
		return answered
	}
}

func awaitServer(t *testing.T, g *Gate, state string) {
	t.Helper()
	for ctx := soon(t, time.Minute); ; time.Sleep(time.Millisecond) {
		rows, err := g.main.run(ctx, "SHOW SERVERS")
		must(t, err)
		if slices.ContainsFunc(rows, func(r row) bool { return r["state"] == state }) {
			return
		}
	}
}

func editedMeanwhile(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	must(t, g.Hold(soon(t, time.Minute)))
	f, err := os.OpenFile(b.Config(), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("; an afterthought\n")
	must(t, err)
	must(t, f.Close())
	if err := g.Commit(soon(t, time.Minute)); err == nil || hint.Of(err) == "" {
		t.Fatalf("commit gave %v", err)
	}
	at(t, g, gate.Position{Side: gate.Source, Held: true})
	must(t, g.Release(soon(t, time.Minute)))
	if err := g.Hold(soon(t, time.Minute)); err == nil {
		t.Error("held with an outdated configuration")
	}
	if got := where(t, client); got != p.source.Port {
		t.Errorf("client is on port %d", got)
	}
}

func holdGone(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	must(t, g.Hold(soon(t, time.Minute)))
	_, err := g.main.run(t.Context(), "RESUME")
	must(t, err)
	if err := g.Commit(soon(t, time.Minute)); !errors.Is(err, gate.ErrNotHeld) {
		t.Fatalf("commit gave %v", err)
	}
	at(t, g, gate.Position{Side: gate.Source})
}

// refusesFile makes the staged file one that PgBouncer cannot read.
func refusesFile(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	client := b.Connect(t, "postgres")
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	must(t, os.WriteFile(g.file.staged(), append([]byte("[nonsense\n"), g.new...), 0o600))
	must(t, g.Hold(soon(t, time.Minute)))
	if err := g.Commit(soon(t, time.Minute)); err == nil {
		t.Fatal("a broken file was taken")
	}
	at(t, g, gate.Position{Side: gate.Source, Held: true})
	must(t, g.Release(soon(t, time.Minute)))
	if got := where(t, client); got != p.source.Port {
		t.Errorf("client is on port %d", got)
	}
	now, err := os.ReadFile(b.Config())
	must(t, err)
	if string(now) != string(g.old) {
		t.Errorf("the file is not what it was:\n%s", now)
	}
}

// cancelledQuestion ends a context in the middle of a command: that must not become a
// cancel request, which PgBouncer takes for RESUME.
func cancelledQuestion(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	g := open(t, b, p.source, p.target)
	must(t, g.Stage(soon(t, time.Minute)))
	must(t, g.Hold(soon(t, time.Minute)))
	pid := pidIn(t, b.Dir+"/pgbouncer.pid")
	signal(t, pid, syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.main.ask(ctx, "SHOW SERVERS"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the question gave %v", err)
	}
	signal(t, pid, syscall.SIGCONT)
	<-g.main.conn.CleanupDone()
	at(t, g, gate.Position{Side: gate.Source, Held: true})
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	must(t, err)
	return pid
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	must(t, syscall.Kill(pid, s))
	if s == syscall.SIGSTOP {
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) }) // it may have ended
	}
}

func includedEntry(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	more := b.Config() + ".more"
	must(t, b.Owner.WriteFile(more, []byte("[databases]\nhidden = host=127.0.0.1 port="+strconv.Itoa(p.source.Port)+" dbname=postgres\n")))
	f, err := os.OpenFile(b.Config(), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("%include " + more + "\n")
	must(t, err)
	must(t, f.Close())
	g := open(t, b, p.source, p.target)
	if err := g.Stage(soon(t, time.Minute)); err == nil || !strings.Contains(err.Error(), `entry "hidden"`) || hint.Of(err) == "" {
		t.Errorf("stage gave %v", err)
	}
	inner, err := New(gate.Pooler{Name: "main", Admin: b.DSN("pgbouncer"), Config: more}, addr(p.source), addr(p.target))
	must(t, err)
	defer inner.Close()
	for _, f := range inner.Check(t.Context(), time.Second) {
		if f.ID == PoolerFileOther {
			t.Errorf("the included file is not known as one: %s", f.Text)
		}
	}
}
