package pgbouncer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/faultnet"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// remote is a pooler whose console is reached through a network that can fail, while its
// clients have another way. A login that is cut off is not tried again before the test has failed.
func (p rig) remote(t *testing.T) (*pgtest.Bouncer, *Gate, *faultnet.Proxy) {
	t.Helper()
	b := p.bouncer(t, pgtest.BouncerOptions{Settings: map[string]string{"server_login_retry": "3600"}})
	network, err := faultnet.New(b.Port)
	must(t, err)
	t.Cleanup(network.Close)
	g, err := New(gate.Pooler{Name: "main", Admin: fmt.Sprintf("%s port=%d", b.DSN("pgbouncer"), network.Port()), Config: b.Config()}, addr(p.source), addr(p.target))
	must(t, err)
	t.Cleanup(g.Close)
	must(t, g.Stage(soon(t, time.Minute)))
	return b, g, network
}

// settled looks that nothing of the hold is left in the pooler.
func settled(t *testing.T, b *pgtest.Bouncer, g *Gate, side gate.Side) {
	t.Helper()
	at(t, g, gate.Position{Side: side})
	g.Close()
	for key, want := range map[string]string{"server_login_retry": "3600", "server_idle_timeout": "600", "max_db_connections": "0"} {
		configured(t, b, key, want)
	}
}

// insist asks until the console answers again: it is left alone for a while after it did not.
func insist(t *testing.T, do func() error) {
	t.Helper()
	for end := soon(t, time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if end.Err() != nil || !errors.Is(err, errSilent) {
			t.Fatal(err)
		}
	}
}

func silentWhileHeld(t *testing.T, p rig) {
	b, g, network := p.remote(t)
	client := b.Connect(t, "postgres")
	must(t, g.Hold(soon(t, time.Minute)))
	heal := network.BlackHole()
	defer heal()
	if err := g.Commit(t.Context()); !errors.Is(err, errSilent) {
		t.Fatalf("commit gave %v", err)
	}
	if err := g.Release(t.Context()); !errors.Is(err, errSilent) {
		t.Fatalf("release gave %v", err)
	}
	if got := where(t, client); got != p.source.Port {
		t.Errorf("the client is on port %d", got)
	}
	heal()
	insist(t, func() error { return g.Release(t.Context()) })
	settled(t, b, g, gate.Source)
}

func silentWhileDraining(t *testing.T, p rig) {
	b, g, network := p.remote(t)
	client, busy := b.Connect(t, "postgres"), b.Connect(t, "postgres")
	_, err := busy.Exec(t.Context(), "BEGIN")
	must(t, err)
	held := make(chan error, 1)
	go func() { held <- g.Hold(soon(t, time.Minute)) }()
	awaitHeld(t, open(t, b, p.source, p.target))
	heal := network.BlackHole()
	defer heal()
	if err := <-held; !errors.Is(err, errSilent) {
		t.Fatalf("hold gave %v", err)
	}
	if got := where(t, client); got != p.source.Port {
		t.Errorf("the client is on port %d", got)
	}
	_, err = busy.Exec(t.Context(), "COMMIT")
	must(t, err)
	heal()
	insist(t, func() error { return g.Release(t.Context()) })
	settled(t, b, g, gate.Source)
}

// silentAfterDeath is settled by a process that never had an answer from the pooler.
func silentAfterDeath(t *testing.T, p rig) {
	b, dead, network := p.remote(t)
	client := b.Connect(t, "postgres")
	must(t, dead.Hold(soon(t, time.Minute)))
	heal := network.BlackHole()
	defer heal()
	g, err := New(gate.Pooler{Name: "main", Admin: fmt.Sprintf("%s port=%d", b.DSN("pgbouncer"), network.Port()), Config: b.Config()}, addr(p.source), addr(p.target))
	must(t, err)
	t.Cleanup(g.Close)
	g.main.hurry = g.brief
	if err := g.Release(t.Context()); !errors.Is(err, errSilent) {
		t.Fatalf("release gave %v", err)
	}
	if got := where(t, client); got != p.source.Port {
		t.Errorf("the client is on port %d", got)
	}
	heal()
	insist(t, func() error { return g.Release(t.Context()) })
	settled(t, b, g, gate.Source)
}

// silentAfterDecision is cut off when the file has its new name and the pooler does not know yet.
func silentAfterDecision(t *testing.T, p rig) {
	b, g, network := p.remote(t)
	client := b.Connect(t, "postgres")
	must(t, g.Hold(soon(t, time.Minute)))
	var heal func()
	g.Trace = func(name string) {
		if name == "renamed" {
			heal = network.BlackHole()
		}
	}
	err := g.Commit(t.Context())
	if !errors.Is(err, errSilent) || heal == nil {
		t.Fatalf("commit gave %v", err)
	}
	defer heal()
	if got := where(t, client); got != p.target.Port {
		t.Errorf("the client is on port %d", got)
	}
	heal()
	insist(t, func() error { return g.Commit(t.Context()) })
	settled(t, b, g, gate.Target)
}

// nobodyToSignal is a pooler without a pidfile: clients wait until its console answers.
func nobodyToSignal(t *testing.T, p rig) {
	b, g, network := p.remote(t)
	pidfile := filepath.Join(b.Dir, "pgbouncer.pid")
	must(t, os.Rename(pidfile, pidfile+".away"))
	t.Cleanup(func() { must(t, os.Rename(pidfile+".away", pidfile)) }) // whoever stops it goes by it
	if found := g.Check(t.Context(), time.Second); !slices.ContainsFunc(found, func(f gate.Finding) bool { return f.ID == PoolerSignal && !f.Blocks && f.Hint != "" }) {
		t.Errorf("found %+v", found)
	}
	must(t, g.Hold(soon(t, time.Minute)))
	heal := network.BlackHole()
	defer heal()
	if err := g.Release(t.Context()); !errors.Is(err, errSilent) || !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("release gave %v", err)
	}
	heal()
	insist(t, func() error { return g.Release(t.Context()) })
	settled(t, b, g, gate.Source)
}

func TestProcess(t *testing.T) {
	t.Parallel()
	file, name := filepath.Join(t.TempDir(), "pid"), filepath.Base(os.Args[0])
	for said, want := range map[string]string{
		"":                               "no process",
		"1":                              "no process",
		"-1":                             "no process",
		"all":                            "no process",
		strconv.Itoa(os.Getpid()) + "\n": "is " + name[:min(15, len(name))], // somebody else's number
	} {
		must(t, os.WriteFile(file, []byte(said), 0o600))
		if pid, err := process(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %d, %v", said, pid, err)
		}
	}
	for _, path := range []string{"", "pgbouncer.pid", filepath.Join(t.TempDir(), "none")} {
		if pid, err := process(path); err == nil {
			t.Errorf("%q: %d", path, pid)
		}
	}
}
