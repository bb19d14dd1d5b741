package pgbouncer

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

func together(t *testing.T, p rig) {
	one, two := p.bouncer(t, pgtest.BouncerOptions{}), p.bouncer(t, pgtest.BouncerOptions{})
	clients := []*pgx.Conn{one.Connect(t, "postgres"), two.Connect(t, "postgres")}
	both := gate.All(open(t, one, p.source, p.target), open(t, two, p.source, p.target))
	must(t, both.Stage(soon(t, time.Minute)))
	_, err := clients[1].Exec(t.Context(), "BEGIN")
	must(t, err)
	if err := both.Hold(soon(t, 100*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("hold gave %v", err)
	}
	if got := where(t, clients[0]); got != p.source.Port {
		t.Errorf("a client of the first pooler is on port %d", got)
	}
	_, err = clients[1].Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, both.Hold(soon(t, time.Minute)))
	must(t, both.Commit(soon(t, time.Minute)))
	for i, c := range clients {
		if got := where(t, c); got != p.target.Port {
			t.Errorf("client %d is on port %d", i, got)
		}
	}
	if at, err := both.Where(t.Context()); err != nil || at != (gate.Position{Side: gate.Target}) {
		t.Errorf("both are at %+v, %v", at, err)
	}
}

// several is two poolers behind one gate. The first one decides.
type several struct {
	rig
	poolers [2]*pgtest.Bouncer
	both    gate.Gate
}

func (p rig) several(t *testing.T) several {
	t.Helper()
	s := several{rig: p, poolers: [2]*pgtest.Bouncer{p.bouncer(t, pgtest.BouncerOptions{}), p.bouncer(t, pgtest.BouncerOptions{})}}
	s.both = s.open(t)
	must(t, s.both.Stage(soon(t, time.Minute)))
	return s
}

// open is the gate of a process that knows nothing of what another has done.
func (s several) open(t *testing.T) gate.Gate {
	t.Helper()
	return gate.All(open(t, s.poolers[0], s.source, s.target), open(t, s.poolers[1], s.source, s.target))
}

func (s several) kill(t *testing.T, i int) {
	t.Helper()
	pid := pidIn(t, s.poolers[i].Dir+"/pgbouncer.pid")
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	// Until its parent has asked how it ended, PgBouncer takes it for one that runs.
	for end := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the pooler outlived kill -9")
		}
	}
}

func (s several) restart(t *testing.T, i int) { must(t, s.poolers[i].Spawn(soon(t, time.Minute))) }

// lands connects a new client and looks where it comes out.
func (s several) lands(t *testing.T, i int, at *pgtest.Server) {
	t.Helper()
	if got := where(t, s.poolers[i].Connect(t, "postgres")); got != at.Port {
		t.Errorf("a new client of pooler %d is on port %d, want %d", i, got, at.Port)
	}
}

func (s several) at(t *testing.T, want gate.Position) {
	t.Helper()
	if at, err := s.both.Where(soon(t, time.Minute)); err != nil || at != want {
		t.Fatalf("both are at %+v, %v, want %+v", at, err, want)
	}
}

func followerKilled(t *testing.T, p rig) {
	s := p.several(t)
	client := s.poolers[0].Connect(t, "postgres")
	must(t, s.both.Hold(soon(t, time.Minute)))
	s.kill(t, 1)
	must(t, s.both.Commit(soon(t, time.Minute)))
	s.at(t, gate.Position{Side: gate.Target})
	if got := where(t, client); got != p.target.Port {
		t.Errorf("the client of the living pooler is on port %d", got)
	}
	s.restart(t, 1)
	s.lands(t, 1, p.target)
}

func followerKilledReleased(t *testing.T, p rig) {
	s := p.several(t)
	client := s.poolers[0].Connect(t, "postgres")
	must(t, s.both.Hold(soon(t, time.Minute)))
	s.kill(t, 1)
	must(t, s.both.Release(soon(t, time.Minute)))
	s.at(t, gate.Position{Side: gate.Source})
	if got := where(t, client); got != p.source.Port {
		t.Errorf("the client of the living pooler is on port %d", got)
	}
	s.restart(t, 1)
	s.lands(t, 1, p.source)
}

func deciderKilled(t *testing.T, p rig) {
	s := p.several(t)
	client := s.poolers[1].Connect(t, "postgres")
	must(t, s.both.Hold(soon(t, time.Minute)))
	s.kill(t, 0)
	if err := s.both.Commit(soon(t, time.Minute)); !errors.Is(err, gate.ErrNotHeld) {
		t.Fatalf("commit gave %v", err)
	}
	s.at(t, gate.Position{Side: gate.Source, Held: true})
	must(t, s.both.Release(soon(t, time.Minute)))
	s.at(t, gate.Position{Side: gate.Source})
	if got := where(t, client); got != p.source.Port {
		t.Errorf("the client of the living pooler is on port %d", got)
	}
	s.restart(t, 0)
	s.lands(t, 0, p.source)
}

// followerStopped has a pooler that is there and says nothing: nobody can tell whether it
// holds. Its clients go on when it answers again, and those of the other before that.
func followerStopped(t *testing.T, p rig) {
	s := p.several(t)
	first, second := s.poolers[0].Connect(t, "postgres"), s.poolers[1].Connect(t, "postgres")
	must(t, s.both.Hold(soon(t, time.Minute)))
	pid := pidIn(t, s.poolers[1].Dir+"/pgbouncer.pid")
	signal(t, pid, syscall.SIGSTOP)
	if at, err := s.both.Where(t.Context()); !errors.Is(err, gate.ErrPartly) || at != (gate.Position{Side: gate.Source, Held: true}) {
		t.Fatalf("both are at %+v, %v", at, err)
	}
	if err := s.both.Release(t.Context()); err == nil {
		t.Error("a pooler that does not answer was released")
	}
	if got := where(t, first); got != p.source.Port {
		t.Errorf("the client of the pooler that answers is on port %d", got)
	}
	signal(t, pid, syscall.SIGCONT)
	insist(t, func() error { return s.both.Release(t.Context()) })
	if got := where(t, second); got != p.source.Port {
		t.Errorf("the client of the other one is on port %d", got)
	}
}

// killedWhileDraining has one pooler held already, and one that waits for a transaction.
func killedWhileDraining(t *testing.T, p rig) {
	s := p.several(t)
	client, busy := s.poolers[0].Connect(t, "postgres"), s.poolers[1].Connect(t, "postgres")
	_, err := busy.Exec(t.Context(), "BEGIN")
	must(t, err)
	held := make(chan error, 1)
	go func() { held <- s.both.Hold(soon(t, time.Minute)) }()
	first, second := open(t, s.poolers[0], p.source, p.target), open(t, s.poolers[1], p.source, p.target)
	for _, g := range []*Gate{first, second} {
		awaitHeld(t, g)
	}
	s.kill(t, 1)
	if err := <-held; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("hold gave %v", err)
	}
	at(t, first, gate.Position{Side: gate.Source})
	if got := where(t, client); got != p.source.Port {
		t.Errorf("the client of the living pooler is on port %d", got)
	}
}

func awaitHeld(t *testing.T, g *Gate) {
	t.Helper()
	for ctx := soon(t, time.Minute); ; time.Sleep(time.Millisecond) {
		got, err := g.Where(ctx)
		must(t, err)
		must(t, ctx.Err())
		if got.Held {
			return
		}
	}
}

// followerRestarted is what an init system makes of a kill: the pooler is back, open, at
// the source, when the decision falls.
func followerRestarted(t *testing.T, p rig) {
	s := p.several(t)
	must(t, s.both.Hold(soon(t, time.Minute)))
	s.kill(t, 1)
	s.restart(t, 1)
	must(t, s.both.Commit(soon(t, time.Minute)))
	s.at(t, gate.Position{Side: gate.Target})
	s.lands(t, 0, p.target)
	s.lands(t, 1, p.target)
}

// halfCommit ends after the first pooler has moved. Who completes it has staged nothing.
func halfCommit(t *testing.T, p rig) {
	s := p.several(t)
	client := s.poolers[1].Connect(t, "postgres")
	must(t, s.both.Hold(soon(t, time.Minute)))
	first := open(t, s.poolers[0], p.source, p.target)
	first.old, first.new = s.staged(t)
	must(t, first.Commit(soon(t, time.Minute)))
	next := s.open(t)
	if at, err := next.Where(soon(t, time.Minute)); err != nil || at != (gate.Position{Side: gate.Target, Held: true}) {
		t.Fatalf("both are at %+v, %v", at, err)
	}
	must(t, next.Commit(soon(t, time.Minute)))
	s.at(t, gate.Position{Side: gate.Target})
	if got := where(t, client); got != p.target.Port {
		t.Errorf("the client of the second pooler is on port %d", got)
	}
}

// staged is the first pooler's file before and after the switch.
func (s several) staged(t *testing.T) (before, after []byte) {
	t.Helper()
	before, err := os.ReadFile(s.poolers[0].Config())
	must(t, err)
	after, err = os.ReadFile(s.poolers[0].Config() + ".lull")
	must(t, err)
	return before, after
}

// abandonedDraining kills nothing: the connection that asked for the PAUSE is cut while
// a transaction still runs. A second PAUSE would be told "already paused", drained or not.
func abandonedDraining(t *testing.T, p rig) {
	b := p.bouncer(t, pgtest.BouncerOptions{})
	busy := b.Connect(t, "postgres")
	_, err := busy.Exec(t.Context(), "BEGIN")
	must(t, err)
	dead, err := newConsole(b.DSN("pgbouncer"))
	must(t, err)
	must(t, dead.open(t.Context()))
	asked := make(chan error, 1)
	go func() {
		_, err := dead.ask(soon(t, time.Minute), "PAUSE")
		asked <- err
	}()
	g := open(t, b, p.source, p.target)
	awaitHeld(t, g)
	must(t, dead.conn.Conn().Close())
	if err := <-asked; err == nil {
		t.Fatal("the pause was answered although a transaction runs")
	}
	at(t, g, gate.Position{Side: gate.Source, Held: true})
	if found := g.Check(t.Context(), time.Second); !slices.ContainsFunc(found, func(f gate.Finding) bool { return f.ID == PoolerPaused && f.Blocks }) {
		t.Error("the check does not find the pause")
	}
	must(t, g.Stage(soon(t, time.Minute)))
	if err := g.Hold(soon(t, time.Minute)); !errors.Is(err, gate.ErrForeignHold) || hint.Of(err) == "" {
		t.Fatalf("hold gave %v", err)
	}
	_, err = busy.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, open(t, b, p.source, p.target).Release(soon(t, time.Minute)))
	if got := where(t, busy); got != p.source.Port {
		t.Errorf("the client is on port %d", got)
	}
}

// secure is a pooler that takes TLS only, and how to reach its console.
func (p rig) secure(t *testing.T) (b *pgtest.Bouncer, admin string) {
	t.Helper()
	dir, err := p.source.Owner.TempDir()
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	certificate(t, p.source, dir)
	b = p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{
		"client_tls_sslmode": "require", "client_tls_key_file": filepath.Join(dir, "key"), "client_tls_cert_file": filepath.Join(dir, "crt"),
	}})
	return b, fmt.Sprintf("host=localhost port=%d user=%s password=%s dbname=pgbouncer sslmode=verify-full sslrootcert=%s", b.Port, pgtest.Superuser, b.Password, filepath.Join(dir, "crt"))
}

// certificate makes one for localhost that vouches for itself.
func certificate(t *testing.T, s *pgtest.Server, dir string) {
	t.Helper()
	signed, private := pgtest.Certificate(t, x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign})
	must(t, s.Owner.WriteFile(filepath.Join(dir, "crt"), signed))
	must(t, s.Owner.WriteFile(filepath.Join(dir, "key"), private))
}

// socketAndTLS reaches one console by a socket and the other by TLS, both with SCRAM.
func socketAndTLS(t *testing.T, p rig) {
	dir, err := p.source.Owner.TempDir()
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	plain := p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{"unix_socket_dir": dir}})
	secure, admin := p.secure(t)
	socket := fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=pgbouncer", dir, plain.Port, pgtest.Superuser, plain.Password)
	clients := []*pgx.Conn{plain.Connect(t, "postgres"), secure.Connect(t, "postgres")}
	make := func(from, to *pgtest.Server) gate.Gate {
		a, err := New(gate.Pooler{Name: "socket", Admin: socket, Config: plain.Config()}, addr(from), addr(to))
		must(t, err)
		b, err := New(gate.Pooler{Name: "tls", Admin: admin, Config: secure.Config()}, addr(from), addr(to))
		must(t, err)
		for _, g := range []*Gate{a, b} {
			g.brief = patience
			if found := g.Check(t.Context(), time.Second); len(found) > 0 {
				t.Errorf("found %+v", found)
			}
		}
		g := gate.All(a, b)
		t.Cleanup(g.Close)
		return g
	}
	both := make(p.source, p.target)
	must(t, both.Stage(soon(t, time.Minute)))
	_, err = clients[1].Exec(t.Context(), "BEGIN")
	must(t, err)
	if err := both.Hold(soon(t, 100*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("hold gave %v", err)
	}
	if got := where(t, clients[0]); got != p.source.Port {
		t.Errorf("the client of the pooler that could have held is on port %d", got)
	}
	_, err = clients[1].Exec(t.Context(), "COMMIT")
	must(t, err)
	for _, to := range []*pgtest.Server{p.target, p.source} {
		must(t, both.Hold(soon(t, time.Minute)))
		must(t, both.Commit(soon(t, time.Minute)))
		for i, c := range clients {
			if got := where(t, c); got != to.Port {
				t.Errorf("client %d is on port %d, want %d", i, got, to.Port)
			}
		}
		if to == p.target {
			both = make(p.target, p.source)
			must(t, both.Stage(soon(t, time.Minute)))
		}
	}
}

func tlsFindings(t *testing.T, p rig) {
	secure, admin := p.secure(t)
	for name, admin := range map[string]string{
		"without TLS":         secure.DSN("pgbouncer") + " sslmode=disable",
		"by another name":     admin + " host=127.0.0.1",
		"with a wrong secret": admin + " password=wrong",
	} {
		g, err := New(gate.Pooler{Name: "tls", Admin: admin, Config: secure.Config()}, addr(p.source), addr(p.target))
		must(t, err)
		t.Cleanup(g.Close)
		found := g.Check(t.Context(), time.Second)
		if !slices.ContainsFunc(found, func(f gate.Finding) bool { return f.ID == PoolerLogin && f.Blocks && f.Hint != "" }) {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}
