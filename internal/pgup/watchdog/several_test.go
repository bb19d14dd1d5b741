package watchdog

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// second puts another pooler into the spec, before or behind the one that the load goes through.
func (r *rig) second(t *testing.T, first bool) *pgtest.Bouncer {
	t.Helper()
	b := pgtest.StartBouncer(t, r.source, pgtest.BouncerOptions{}, r.database)
	p := gate.Pooler{Name: "second", Admin: b.DSN("pgbouncer"), Config: b.Config()}
	if first {
		r.spec.Poolers = append([]gate.Pooler{p}, r.spec.Poolers...)
	} else {
		r.spec.Poolers = append(r.spec.Poolers, p)
	}
	return b
}

func kill(t *testing.T, b *pgtest.Bouncer) {
	t.Helper()
	said, err := os.ReadFile(filepath.Join(b.Dir, "pgbouncer.pid"))
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(said)))
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
}

// poolerKilled kills one of two poolers while both are held. If it is the one that
// decides, the clients of the other go back, and forward otherwise.
func poolerKilled(t *testing.T, r *rig, decider bool) {
	other := r.second(t, decider)
	w, err := Start(t.Context(), os.Args[0], r.spec)
	must(t, err)
	defer w.Close()
	must(t, w.Hold(t.Context(), 10*time.Second))
	kill(t, other)
	asked, side := time.Now(), gate.Target
	err = w.Commit()
	if decider {
		side = gate.Source
		if err == nil {
			t.Error("a killed pooler has decided")
		}
		must(t, w.Release())
	} else {
		must(t, err)
	}
	r.settled(t, side, asked)
	must(t, other.Spawn(t.Context()))
	var port int
	must(t, other.Connect(t, r.database).QueryRow(t.Context(), "SELECT inet_server_port()").Scan(&port))
	if port != r.port(side) {
		t.Errorf("the killed pooler came back at port %d, want %d", port, r.port(side))
	}
}

// withHooks has a gate of commands beside the pooler: its state is in files.
func (r *rig) withHooks(t *testing.T) (where func() string) {
	t.Helper()
	dir := t.TempDir()
	script, err := filepath.Abs("../gate/hooks/testdata/gate")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "points"), []byte(r.spec.From.String()+"\n"), 0o600))
	call := func(hook string) []string { return []string{"env", "STATE=" + dir, script, hook} }
	const within = 20 * time.Second
	r.spec.Poolers = append(r.spec.Poolers, gate.Pooler{Name: "lb", Kind: gate.HookGate, Hooks: gate.Hooks{
		Hold: call("hold"), Repoint: call("repoint"), Resume: call("resume"), Where: call("where"), Dir: dir, Lock: filepath.Join(dir, "lock"),
		Within: gate.HooksDeadline{Hold: within, Repoint: within, Resume: within, Where: within},
	}})
	return func() string {
		points, err := os.ReadFile(filepath.Join(dir, "points"))
		must(t, err)
		_, err = os.Stat(filepath.Join(dir, "held"))
		return fmt.Sprintf("%s held=%t", strings.TrimSpace(string(points)), err == nil)
	}
}

func hooksCommit(t *testing.T, r *rig) {
	where := r.withHooks(t)
	w, err := Start(t.Context(), os.Args[0], r.spec)
	must(t, err)
	defer w.Close()
	must(t, w.Hold(t.Context(), 20*time.Second))
	if got, want := where(), r.spec.From.String()+" held=true"; got != want {
		t.Errorf("the commands' gate is at %s, want %s", got, want)
	}
	must(t, w.Commit())
	r.settled(t, gate.Target, time.Now())
	if got, want := where(), r.spec.To.String()+" held=false"; got != want {
		t.Errorf("the commands' gate is at %s, want %s", got, want)
	}
}

func hooksControllerKilled(t *testing.T, r *rig) {
	where := r.withHooks(t)
	c := startController(t, r.spec)
	c.want("hold 20s", "ok")
	c.kill()
	r.recorded(t, Released)
	r.settled(t, gate.Source, time.Now())
	if got, want := where(), r.spec.From.String()+" held=false"; got != want {
		t.Errorf("the commands' gate is at %s, want %s", got, want)
	}
}
