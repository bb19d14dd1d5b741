package watchdog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

const (
	clients      = 4
	mostOrphaned = 2 * time.Second // what docs/cut-over.md promises
	patience     = 3 * time.Minute // tells a hang from a slow machine
)

// rig is a pooler before two servers, with clients that write without pause.
type rig struct {
	source, target *pgtest.Server
	database       string
	bouncer        *pgtest.Bouncer
	spec           Spec
	load           *load
}

// newRig uses a database of its own on servers that other tests use too.
func newRig(t *testing.T, source, target *pgtest.Server, database string) *rig {
	t.Helper()
	for _, s := range []*pgtest.Server{source, target} {
		s.Exec(t, "postgres", "CREATE DATABASE "+database)
		s.Exec(t, database, "CREATE TABLE written (client int)")
	}
	b := pgtest.StartBouncer(t, source, pgtest.BouncerOptions{}, database)
	dir := t.TempDir()
	r := &rig{source: source, target: target, database: database, bouncer: b}
	r.spec = Spec{
		Poolers: []gate.Pooler{{Name: "main", Admin: b.DSN("pgbouncer"), Config: b.Config()}},
		From:    gate.Addr{Host: "127.0.0.1", Port: source.Port},
		To:      gate.Addr{Host: "127.0.0.1", Port: target.Port},
		Source:  Source{Conninfo: source.DSN("postgres"), Unfence: []string{r.fence("RESET default_transaction_read_only")}},
		Target:  Target{Conninfo: target.DSN("postgres"), Refence: []string{r.fence(shutTarget)}},
		Record:  filepath.Join(dir, "record"),
		Log:     filepath.Join(dir, "log"),
	}
	_, r.spec.Holders = NewHolder(r.spec.Record)
	r.load = startLoad(t, b.DSN(database))
	return r
}

func (r *rig) fence(set string) string { return "ALTER DATABASE " + r.database + " " + set }

const closeFence = "SET default_transaction_read_only = on"

// The target's fence does nothing here: whether it is open is looked at.
const (
	shutTarget = "SET lull.fence = 'shut'"
	openTarget = "SET lull.fence = 'open'"
)

// targetOpen says whether anybody opened the target, and nobody closed it again.
func (r *rig) targetOpen(t *testing.T) (open bool) {
	t.Helper()
	must(t, r.target.Connect(t, "postgres").QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_db_role_setting s
		JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = $1 AND 'lull.fence=open' = ANY (s.setconfig))`, r.database).Scan(&open))
	return open
}

func (r *rig) port(side gate.Side) int {
	if side == gate.Target {
		return r.target.Port
	}
	return r.source.Port
}

// load writes rows, and keeps which server took each and when by that server's clock,
// which both servers share with the test.
type load struct {
	mu      sync.Mutex
	written []written
	failed  []error
	more    *sync.Cond
}

type written struct {
	port int
	at   time.Time
}

func startLoad(t *testing.T, dsn string) *load {
	t.Helper()
	l := &load{}
	l.more = sync.NewCond(&l.mu)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range clients {
		conn, err := pgx.Connect(ctx, dsn+" default_query_exec_mode=simple_protocol")
		must(t, err)
		running.Go(func() {
			defer conn.Close(context.Background())
			for ctx.Err() == nil {
				var w written
				// Not ctx: the end of the test must not cancel a statement.
				err := conn.QueryRow(context.Background(), fmt.Sprintf("INSERT INTO written VALUES (%d) RETURNING inet_server_port(), clock_timestamp()", i)).Scan(&w.port, &w.at)
				l.add(w, err)
				if err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return l
}

func (l *load) add(w written, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err)
	} else {
		l.written = append(l.written, w)
	}
	l.more.Broadcast()
}

// await waits until n more rows were written after a moment, and gives the time that took.
func (l *load) await(t *testing.T, after time.Time, n int) (first written) {
	t.Helper()
	give := time.AfterFunc(patience, func() { l.add(written{}, fmt.Errorf("nothing was written for %s", patience)) })
	defer give.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, seen := 0, 0; ; i++ {
		for i == len(l.written) && len(l.failed) == 0 {
			l.more.Wait()
		}
		if len(l.failed) > 0 {
			t.Fatalf("a statement failed: %v", l.failed)
		}
		if w := l.written[i]; w.at.After(after) {
			if seen++; seen == 1 {
				first = w
			}
			if seen == n {
				return first
			}
		}
	}
}

// check makes sure that nothing failed, and that no row was written on the source after
// the first on the target.
func (l *load) check(t *testing.T, source, target int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failed) > 0 {
		t.Errorf("%d statements failed: %v", len(l.failed), l.failed)
	}
	var last, first time.Time
	for _, w := range l.written {
		if w.port == source && w.at.After(last) {
			last = w.at
		}
		if w.port == target && (first.IsZero() || w.at.Before(first)) {
			first = w.at
		}
	}
	if !first.IsZero() && last.After(first) {
		t.Errorf("a row was written on the source %s after the first one on the target", last.Sub(first))
	}
}

// settled waits until clients write again, and makes sure that they do so on the right side.
// How soon is told; it is a matter of the machine too, so only the long form of the tests
// (make test-all) fails for it.
func (r *rig) settled(t *testing.T, side gate.Side, after time.Time) {
	t.Helper()
	w := r.load.await(t, after, 3*clients)
	if w.port != r.port(side) {
		t.Fatalf("clients write on port %d, want %d (%s)", w.port, r.port(side), side)
	}
	took := w.at.Sub(after)
	t.Logf("clients waited for %s", took.Round(time.Millisecond))
	if took > mostOrphaned && !testing.Short() {
		t.Errorf("clients waited for %s, and no longer than %s is promised", took, mostOrphaned)
	}
	r.load.check(t, r.source.Port, r.target.Port)
}

// recorded waits until the record says it in its last line.
func (r *rig) recorded(t *testing.T, what string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		all, err := ReadRecord(r.spec.Record)
		must(t, err)
		if len(all) > 0 && all[len(all)-1].What == what {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the record is %+v, want %s at its end", all, what)
		}
	}
}

// stopAt makes the watchdog stop at a moment; the first call waits for it, the second lets it go on.
func (r *rig) stopAt(t *testing.T, name string) (wait, goOn func()) {
	t.Helper()
	must(t, os.WriteFile(breakpoint(r.spec), []byte(name), 0o600))
	wait = func() {
		t.Helper()
		for end := time.Now().Add(patience); !exists(reached(r.spec)); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the watchdog did not get to %q", name)
			}
		}
	}
	return wait, func() { must(t, os.Remove(breakpoint(r.spec))) }
}

// brief is what the short form has: both ways that end well, and the controller gone right before the decision and right after it.
var brief = []string{"commit", "release", "late", "controller stopped while held", "commands commit", "controller killed when drained", "controller killed when renamed", "both killed when drained"}

// TestWatchdog runs everything that needs servers on one pair of them, each test with a
// database and a pooler of its own.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	source, target := pgtest.Start(t, 17, pgtest.Options{Settings: map[string]string{"max_connections": "400"}}), pgtest.Start(t, 17, pgtest.Options{Settings: map[string]string{"max_connections": "400"}})
	run := func(name string, test func(*testing.T, *rig)) {
		database := strings.NewReplacer(" ", "_", ",", "", "'", "", "/", "_").Replace(name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && !slices.Contains(brief, name) {
				t.Skip("left to the long form")
			}
			test(t, newRig(t, source, target, database))
		})
	}
	run("commit", commits)
	run("release", releases)
	run("a transaction outlasts the hold", outlasts)
	run("late", late)
	run("controller killed before the hold", killedBefore)
	run("controller killed while held", killedHeld)
	run("controller stopped while held", stoppedHeld)
	run("watchdog stopped while held", watchdogStopped)
	run("controller stopped with the target open", openedTarget)
	run("controller stopped and watchdog killed", bothStopped)
	run("watchdog stopped until it is late", lateByStop)
	run("nothing can be staged", notReady)
	run("the pooler that decides is killed while held", func(t *testing.T, r *rig) { poolerKilled(t, r, true) })
	run("another pooler is killed while held", func(t *testing.T, r *rig) { poolerKilled(t, r, false) })
	run("the console falls silent while held", cutOff)
	run("the console falls silent, controller killed", cutOffAndKilled)
	run("commands commit", hooksCommit)
	run("commands, controller killed while held", hooksControllerKilled)
	for _, at := range []string{"paused", "drained", "renamed", "reloaded", "resumed"} {
		side := gate.Source
		if at != "paused" && at != "drained" {
			side = gate.Target
		}
		run("controller killed when "+at, func(t *testing.T, r *rig) { controllerKilled(t, r, at, side) })
		run("watchdog killed when "+at, func(t *testing.T, r *rig) { watchdogGone(t, r, at, side, syscall.SIGKILL) })
		run("controller stopped when "+at, func(t *testing.T, r *rig) { controllerStopped(t, r, at, side) })
		run("watchdog stopped when "+at, func(t *testing.T, r *rig) { watchdogGone(t, r, at, side, syscall.SIGSTOP) })
		run("both killed when "+at, func(t *testing.T, r *rig) { bothKilled(t, r, at, side) })
	}
}

// ask asks for what brings the watchdog to a moment.
func (r *rig) ask(t *testing.T, c *controller, at string) {
	t.Helper()
	if at == "paused" || at == "drained" {
		c.ask("hold 10s")
		return
	}
	c.want("hold 10s", "ok")
	c.want("sql "+r.fence(closeFence), "ok")
	c.ask("commit")
}

func controllerKilled(t *testing.T, r *rig, at string, side gate.Side) {
	wait, goOn := r.stopAt(t, at)
	c := startController(t, r.spec)
	r.ask(t, c, at)
	wait()
	c.killGroup()
	died := time.Now()
	goOn()
	r.settled(t, side, died)
	r.recorded(t, map[gate.Side]string{gate.Source: Released, gate.Target: Committed}[side])
}

// controllerStopped stops the controller, which is alive and comes back when it has been given up.
func controllerStopped(t *testing.T, r *rig, at string, side gate.Side) {
	wait, goOn := r.stopAt(t, at)
	c := startController(t, r.spec)
	r.ask(t, c, at)
	wait()
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGSTOP))
	stopped := time.Now()
	goOn()
	r.settled(t, side, stopped)
	r.recorded(t, map[gate.Side]string{gate.Source: Released, gate.Target: Committed}[side])
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGCONT))
	if side == gate.Target {
		c.wantNext("ok")
		return
	}
	c.wantNext("ok") // it was held, before it was stopped
	c.powerless(t, r)
}

// powerless shows that a controller which was given up can neither close the one server nor open the other.
func (c *controller) powerless(t *testing.T, r *rig) {
	t.Helper()
	if c.ask("target " + r.fence(openTarget)); !strings.HasPrefix(c.read(), "failed") {
		t.Error("a controller come back to life opened the target")
	}
	if c.ask("sql " + r.fence(closeFence)); !strings.HasPrefix(c.read(), "failed") {
		t.Error("a controller come back to life closed the source")
	}
	c.want("commit", "released")
	if r.targetOpen(t) {
		t.Error("the target is open")
	}
	r.settled(t, gate.Source, time.Now())
}

// bothStopped leaves a controller that is stopped, and kills its watchdog: whoever settles
// must take all that it could act with from it.
func bothStopped(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	c.want("hold 10s", "ok")
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGSTOP))
	must(t, syscall.Kill(c.watchdog, syscall.SIGKILL))
	began := time.Now()
	side, err := Settle(t.Context(), r.spec)
	if err != nil || side != gate.Source {
		t.Errorf("settled on the %s, %v", side, err)
	}
	r.settled(t, gate.Source, began)
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGCONT))
	c.powerless(t, r)
}

// openedTarget has opened the target when it is stopped, just before the decision.
func openedTarget(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	c.want("hold 10s", "ok")
	c.want("sql "+r.fence(closeFence), "ok")
	c.want("target "+r.fence(openTarget), "ok")
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGSTOP))
	r.settled(t, gate.Source, time.Now())
	r.recorded(t, Released)
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGCONT))
	c.powerless(t, r)
}

func watchdogGone(t *testing.T, r *rig, at string, side gate.Side, signal syscall.Signal) {
	wait, _ := r.stopAt(t, at)
	c := startController(t, r.spec)
	r.ask(t, c, at)
	wait()
	must(t, syscall.Kill(c.watchdog, signal))
	died := time.Now()
	want := map[gate.Side]string{gate.Source: "released", gate.Target: "ok"}[side]
	if got := c.read(); got != want {
		t.Errorf("the controller says %q, want %q", got, want)
	}
	r.settled(t, side, died)
	r.recorded(t, Settled)
	if side == gate.Source {
		c.want("commit", "released")
		c.want("hold 1s", "released")
	}
}

func bothKilled(t *testing.T, r *rig, at string, side gate.Side) {
	wait, _ := r.stopAt(t, at)
	c := startController(t, r.spec)
	r.ask(t, c, at)
	wait()
	c.killGroup()
	must(t, syscall.Kill(c.watchdog, syscall.SIGKILL))
	began := time.Now()
	got, err := Settle(t.Context(), r.spec)
	must(t, err)
	if got != side {
		t.Errorf("settled on the %s, want %s", got, side)
	}
	r.settled(t, side, began)
	again, err := Settle(t.Context(), r.spec)
	if err != nil || again != side {
		t.Errorf("settled again on the %s, %v", again, err)
	}
	r.settled(t, side, time.Now())
}

func commits(t *testing.T, r *rig) {
	w, err := Start(t.Context(), os.Args[0], r.spec)
	must(t, err)
	defer w.Close()
	r.load.await(t, time.Now(), clients)
	must(t, w.Hold(t.Context(), 10*time.Second))
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		must(t, w.cmd.Process.Signal(s))
	}
	must(t, w.Commit())
	committed := time.Now()
	must(t, w.Commit())
	if err := w.Release(); err == nil {
		t.Error("clients on the target were released")
	}
	if err := w.Hold(t.Context(), time.Second); err == nil || errors.Is(err, ErrReleased) {
		t.Errorf("a second hold gave %v", err)
	}
	r.settled(t, gate.Target, committed)
	var names []string
	for _, m := range w.Marks() {
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "asked rested paused drained renamed reloaded resumed" {
		t.Errorf("marks are %q", got)
	}
	must(t, w.Close())
	r.recorded(t, Committed)
	if side, err := Settle(t.Context(), r.spec); err != nil || side != gate.Target {
		t.Errorf("settled on the %s, %v", side, err)
	}
}

func releases(t *testing.T, r *rig) {
	w, err := Start(t.Context(), os.Args[0], r.spec)
	must(t, err)
	defer w.Close()
	must(t, w.Release())
	if err := w.Commit(); err == nil {
		t.Error("committed without a hold")
	}
	must(t, w.Hold(t.Context(), 10*time.Second))
	r.source.Exec(t, "postgres", r.fence(closeFence))
	must(t, w.Release())
	must(t, w.Release())
	r.settled(t, gate.Source, time.Now())
	if err := w.Commit(); !errors.Is(err, ErrReleased) {
		t.Errorf("a commit after the release gave %v", err)
	}
	must(t, w.Hold(t.Context(), 10*time.Second))
	must(t, w.Commit())
	r.settled(t, gate.Target, time.Now())
}

func outlasts(t *testing.T, r *rig) {
	w, err := Start(t.Context(), os.Args[0], r.spec)
	must(t, err)
	defer w.Close()
	client := r.bouncer.Connect(t, r.database)
	_, err = client.Exec(t.Context(), "BEGIN")
	must(t, err)
	if err := w.Hold(t.Context(), 100*time.Millisecond); !errors.Is(err, ErrReleased) || !strings.Contains(err.Error(), errLate.Error()) {
		t.Errorf("the hold gave %v", err)
	}
	r.settled(t, gate.Source, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.Hold(ctx, time.Minute); !errors.Is(err, ErrReleased) {
		t.Errorf("the hold given up gave %v", err)
	}
	r.settled(t, gate.Source, time.Now())
	_, err = client.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, w.Hold(t.Context(), 10*time.Second))
	must(t, w.Commit())
	r.settled(t, gate.Target, time.Now())
}

// late asks to commit when the time is over.
func late(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	over := time.Now().Add(3 * time.Second) // nobody has gone: clients are held for as long as was asked for
	c.want("hold 3s", "ok")
	c.want("sql "+r.fence(closeFence), "ok")
	r.settled(t, gate.Source, over)
	c.want("commit", "released")
	if c.ask("sql SELECT 1"); !strings.HasPrefix(c.read(), "failed") {
		t.Error("the controller kept its session on the source")
	}
	r.settled(t, gate.Source, time.Now())
}

func killedBefore(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	c.killGroup()
	r.settled(t, gate.Source, time.Now())
	r.recorded(t, Ready)
}

func killedHeld(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	c.want("hold 10s", "ok")
	c.want("sql "+r.fence(closeFence), "ok")
	c.killGroup()
	r.settled(t, gate.Source, time.Now())
	r.recorded(t, Released)
}

// stoppedHeld stops the controller: it is alive, but silent, and tries to go on later.
func stoppedHeld(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	c.want("hold 10s", "ok")
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGSTOP))
	r.settled(t, gate.Source, time.Now())
	r.recorded(t, Released)
	must(t, syscall.Kill(c.cmd.Process.Pid, syscall.SIGCONT))
	c.powerless(t, r)
}

// watchdogStopped stops the watchdog: the controller kills it and releases the clients itself.
func watchdogStopped(t *testing.T, r *rig) {
	c := startController(t, r.spec)
	c.want("hold 10s", "ok")
	c.want("sql "+r.fence(closeFence), "ok")
	must(t, syscall.Kill(c.watchdog, syscall.SIGSTOP))
	r.settled(t, gate.Source, time.Now())
	c.want("commit", "released")
	r.recorded(t, Settled)
}

// lateByStop speaks the protocol by hand: a commit that waited in the pipe while the
// watchdog was stopped is refused, although no timer had a chance to fire before.
func lateByStop(t *testing.T, r *rig) {
	in, out := startRaw(t)
	send := func(v any) { must(t, in.Encode(v)) }
	answer := func() (a reply) {
		must(t, out.Decode(&a))
		return a
	}
	send(r.spec)
	if a := answer(); a.N != 1 || a.State != idle || a.Error != "" {
		t.Fatalf("not ready: %+v", a)
	}
	send(request{N: 2, Do: doHold, WithinMS: 3000})
	if a := answer(); a.N != 2 || a.State != held {
		t.Fatalf("not held: %+v", a)
	}
	over := time.Now().Add(3 * time.Second)
	pid := in.pid
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	send(request{N: 3, Do: doCommit})
	time.Sleep(time.Until(over))
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	if a := answer(); a.N != 3 || a.State != released || a.Error == "" {
		t.Errorf("a late commit gave %+v", a)
	}
	r.settled(t, gate.Source, time.Now())
}

func notReady(t *testing.T, r *rig) {
	for name, change := range map[string]func(*Spec){
		"no pooler":   func(s *Spec) { s.Poolers = nil },
		"no entry":    func(s *Spec) { s.From.Port = 1 },
		"no source":   func(s *Spec) { s.Source.Conninfo = "host=127.0.0.1 port=1" },
		"no log":      func(s *Spec) { s.Log = "/nowhere/log" },
		"no record":   func(s *Spec) { s.Record = "/nowhere/record" },
		"no program":  nil,
		"no password": func(s *Spec) { s.Poolers[0].Admin = r.bouncer.PgBouncer.DSN("pgbouncer", pgtest.Superuser) },
	} {
		spec, self := r.spec, os.Args[0]
		spec.Poolers = append([]gate.Pooler(nil), spec.Poolers...)
		if change == nil {
			self = "/nowhere/lull"
		} else {
			change(&spec)
		}
		if w, err := Start(t.Context(), self, spec); err == nil {
			w.Close()
			t.Errorf("%s: it started", name)
		} else if name == "no entry" && hint.Of(err) == "" {
			t.Errorf("%s: no hint with %v", name, err)
		}
	}
	r.settled(t, gate.Source, time.Now())
}
