package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/faultnet"
)

// Faults that are not struck from outside.
const (
	nothing      = "nothing" // goes wrong: the run that the others are measured by
	killAtWrite  = "killed-at-write"
	killAtRandom = "killed-at-random"
	killAbort    = "abort-killed"
	killReturn   = "rollback-killed"
)

// fault is one thing that goes wrong.
type fault struct {
	name, title string
	places      []string // where it can happen
	// hurts says that it lies in the clients' own way, so that statements of theirs may fail.
	hurts func(place string) bool
	disk  bool // the target has a small disk
	clock bool // lull has a clock that can jump
	stays bool // nobody takes it away any more once all is completed
	kills bool // it is lull that is killed, and nothing else is wrong
	// strike does it. What does not pass by itself is taken away by heal, as a person would.
	strike func(ctx context.Context, t *trial) (heal func(context.Context) error, err error)
}

func never(string) bool  { return false }
func always(string) bool { return true }

// clientsAt is how Lull's own role reaches the server that clients are on in this place: the
// one that the other follows.
func (t *trial) clientsAt() string {
	if slices.Contains(from(after), t.c.Place) {
		return t.w.at(t.w.target.Port, "app")
	}
	return t.w.at(t.w.source.Port, "app")
}

// moved says that clients are on the target, or may be.
func moved(place string) bool {
	return slices.Contains(from(theSwitch), place)
}

var faults = []fault{
	{name: "walsender-killed", title: "walsender killed", places: slices.Concat(between(baseBackup, recovery), from(subscription)), hurts: never, strike: killSenders},
	{name: "target-killed", title: "target killed", places: from(recovery), hurts: moved, strike: killTarget},
	{name: "source-restarted", title: "source restarted", places: places, hurts: always, strike: restartSource},
	{name: "pooler-killed", title: "PgBouncer killed and restarted", places: places, hurts: always, strike: killPooler},
	{name: "connection-cut", title: "connections cut", places: places, hurts: always, strike: cutConnections},
	{name: "black-hole", title: "connections black-holed", places: places, hurts: always, strike: blackHole},
	{name: "disk-full", title: "disk of the target full", places: from(baseBackup), hurts: moved, disk: true, strike: fillDisk},
	{name: "slot-invalidated", title: "slot invalidated", places: between(baseBackup, held), hurts: never, strike: invalidateSlots},
	{name: "long-transaction", title: "long transaction", places: []string{preflight, publication, slots, catchUp, comparison, theSwitch, held}, hurts: never, strike: holdTransaction},
	{name: "ddl", title: "DDL from another client", places: places, hurts: never, stays: true, strike: define},
	{name: "clock-jump", title: "clock jumps", places: places, hurts: never, clock: true, strike: jumpClock},
}

func faultNamed(name string) fault {
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	title := map[string]string{killAtWrite: "lull killed at a write", killAtRandom: "lull killed", killAbort: "lull abort killed", killReturn: "lull rollback killed"}
	return fault{name: name, title: title[name], hurts: never, kills: true, strike: killLull}
}

// soon waits for something that the place is about to bring.
func soon(ctx context.Context, there func() bool) bool {
	for end := time.Now().Add(5 * time.Second); !there(); {
		if time.Now().After(end) || !sleep(ctx, 5*time.Millisecond) {
			return false
		}
	}
	return true
}

// sleep returns false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

const senders = "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'walsender'"

func killSenders(ctx context.Context, t *trial) (func(context.Context) error, error) {
	for range 1 + t.random.IntN(4) {
		soon(ctx, func() bool {
			ended, err := column(ctx, t.clientsAt(), "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE backend_type = 'walsender'")
			t.row.Strikes += len(ended)
			return err != nil || len(ended) > 0 || t.life.over()
		})
		sleep(ctx, t.upTo(400*time.Millisecond))
	}
	return nil, nil
}

// killTarget ends the new server, or one process of it, which has it recover, as when memory runs out.
func killTarget(ctx context.Context, t *trial) (func(context.Context) error, error) {
	var pid int
	soon(ctx, func() bool { pid = t.w.someServer(); return pid > 0 || t.life.over() })
	if pid == 0 {
		return nil, nil
	}
	victim := pid
	if children := childrenOf(pid); len(children) > 0 && t.random.IntN(3) == 0 {
		victim = children[t.random.IntN(len(children))]
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err == nil {
		t.row.Strikes++
	}
	// Where nobody reaps at once, PostgreSQL takes what is dead for alive. People are slower than that.
	soon(ctx, func() bool { return !there(victim) })
	if moved(t.c.Place) {
		return t.w.startTarget, nil // clients are on it, so a person has started it before lull is asked again
	}
	return nil, nil
}

// someServer is a server that works where the target is built: the target, the copy, or one of pg_upgrade's.
func (w *world) someServer() int {
	files, _ := filepath.Glob(w.onTargetDisk(filepath.Join(w.spot, "*", "postmaster.pid")))
	for _, file := range files {
		b, _ := os.ReadFile(file)
		first, _, _ := strings.Cut(string(b), "\n")
		if pid, err := strconv.Atoi(strings.TrimSpace(first)); err == nil && pid > 0 && syscall.Kill(pid, 0) == nil {
			return pid
		}
	}
	return 0
}

// there says whether the system still knows the process, even when it is dead.
func there(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func childrenOf(pid int) (out []int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, word := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(word); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func restartSource(ctx context.Context, t *trial) (func(context.Context) error, error) {
	mode := []string{"fast", "immediate"}[t.random.IntN(2)]
	t.release() // a process that is stopped would hold up the end of its server
	if err := t.w.source.Stop(ctx, mode); err != nil {
		return nil, err
	}
	t.row.Strikes++
	sleep(ctx, t.upTo(1500*time.Millisecond))
	return nil, t.w.source.Spawn(ctx, nil)
}

func killPooler(ctx context.Context, t *trial) (func(context.Context) error, error) {
	b, err := os.ReadFile(filepath.Join(t.w.pooler.Dir, "pgbouncer.pid"))
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return nil, err
	}
	t.row.Strikes++
	soon(ctx, func() bool { return !there(pid) }) // PgBouncer takes one that nobody has reaped for one that runs
	sleep(ctx, t.upTo(1500*time.Millisecond))
	return nil, t.w.pooler.Spawn(ctx)
}

func cutConnections(ctx context.Context, t *trial) (func(context.Context) error, error) {
	part := 0.3 + t.random.Float64()
	for range 1 + t.random.IntN(4) {
		networks := t.someNetworks()
		soon(ctx, func() bool {
			cut := 0
			for _, p := range networks {
				cut += p.Cut(t.random, part)
			}
			t.row.Strikes += cut
			return cut > 0 || t.life.over()
		})
		sleep(ctx, t.upTo(400*time.Millisecond))
	}
	return nil, nil
}

func blackHole(ctx context.Context, t *trial) (func(context.Context) error, error) {
	lasts := 500*time.Millisecond + t.upTo(8*time.Second)
	networks := t.someNetworks()
	var heal []func()
	for _, p := range networks {
		heal = append(heal, p.BlackHole())
		t.row.Strikes++
	}
	sleep(ctx, lasts)
	for _, end := range heal {
		end()
	}
	if t.random.IntN(2) == 0 { // what hung so long is often lost in the end
		for _, p := range networks {
			p.Cut(t.random, 1)
		}
	}
	return nil, nil
}

// someNetworks is the one to the source, the one to the pooler's console, or both.
func (t *trial) someNetworks() []*faultnet.Proxy {
	both := []*faultnet.Proxy{t.w.toSource, t.w.toPooler}
	switch t.random.IntN(3) {
	case 0:
		return both[:1]
	case 1:
		return both[1:]
	}
	return both
}

func fillDisk(_ context.Context, t *trial) (func(context.Context) error, error) {
	t.row.Strikes++
	down := moved(t.c.Place) // clients are on it, or may be
	if err := t.w.disk.fill(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		err := t.w.disk.free()
		if err == nil && down {
			err = t.w.startTarget(ctx)
		}
		return err
	}, nil
}

// jumps are in seconds: what a correction of the clock makes of it, and what a wrong hand does.
var jumps = []int{-3, 3, -90, 90, -3600, 3600, 86400}

func jumpClock(_ context.Context, t *trial) (func(context.Context) error, error) {
	t.row.Strikes++
	n := jumps[t.random.IntN(len(jumps))]
	t.note(fmt.Sprintf("by %d s", n))
	if jump := time.Duration(n) * time.Second; jump.Abs() > t.jump.Abs() {
		t.jump = jump
	}
	file := t.w.clockFile()
	return nil, errors.Join(os.WriteFile(file+".new", []byte(strconv.Itoa(n)), 0o600), os.Rename(file+".new", file))
}

func (w *world) clockFile() string { return filepath.Join(w.dir, "clock") }
