package hooks

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

var (
	oldServer = gate.Addr{Host: "10.0.0.1", Port: 5432}
	newServer = gate.Addr{Host: "10.0.0.2", Port: 5433}
	source    = gate.Position{Side: gate.Source}
	held      = gate.Position{Side: gate.Source, Held: true}
	target    = gate.Position{Side: gate.Target}
)

// bench is the state of the gate in testdata.
type bench struct{ dir string }

func newBench(t *testing.T) bench {
	t.Helper()
	b := bench{t.TempDir()}
	b.write(t, "points", oldServer.Host+":"+strconv.Itoa(oldServer.Port)+"\n")
	return b
}

func (b bench) file(name string) string { return filepath.Join(b.dir, name) }

func (b bench) write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.WriteFile(b.file(name), []byte(text), 0o600))
}

// trouble says how a command is to go wrong; "" heals it.
func (b bench) trouble(t *testing.T, h hook, what string) { b.write(t, string(h), what) }

func (b bench) gate(t *testing.T, from, to gate.Addr, within time.Duration) *Gate {
	t.Helper()
	g, err := New(b.pooler(t, within), from, to)
	must(t, err)
	t.Cleanup(g.Close)
	return g
}

func (b bench) pooler(t *testing.T, within time.Duration) gate.Pooler {
	t.Helper()
	script, err := filepath.Abs("testdata/gate")
	must(t, err)
	call := func(h hook) []string { return []string{"env", "STATE=" + b.dir, script, string(h)} }
	return gate.Pooler{Name: "lb", Kind: gate.HookGate, Hooks: gate.Hooks{
		Hold: call(hold), Repoint: call(repoint), Resume: call(resume), Where: call(where), Dir: b.dir, Lock: b.file("lock"),
		Within: gate.HooksDeadline{Hold: within, Repoint: within, Resume: within, Where: patient},
	}}
}

// Of what is meant to end by itself, and of what is meant to be killed.
const (
	patient = time.Minute
	hasty   = 8 * time.Second
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func at(t *testing.T, g *Gate, want gate.Position) {
	t.Helper()
	got, err := g.Where(t.Context())
	must(t, err)
	if got != want {
		t.Fatalf("clients are at %+v, want %+v", got, want)
	}
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.gate(t, oldServer, newServer, patient)
	var did []string
	g.Trace = func(name string) { did = append(did, name) }
	must(t, g.Release(t.Context()))
	did = nil
	must(t, g.Stage(t.Context()))
	at(t, g, source)
	must(t, g.Hold(t.Context()))
	at(t, g, held)
	must(t, g.Commit(t.Context()))
	at(t, g, target)
	if want := []string{"asked", "drained", "repointed", "resumed"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
	must(t, g.Commit(t.Context()))
	if err := g.Release(t.Context()); err == nil {
		t.Error("clients that are on the target were released to the source")
	}
	if err := g.Stage(t.Context()); err == nil || hint.Of(err) == "" {
		t.Errorf("stage gave %v", err)
	}

	back := b.gate(t, newServer, oldServer, patient)
	must(t, back.Stage(t.Context()))
	must(t, back.Hold(t.Context()))
	must(t, back.Release(t.Context()))
	must(t, back.Release(t.Context()))
	at(t, back, source)
	must(t, back.Hold(t.Context()))
	must(t, back.Commit(t.Context()))
	at(t, g, source)
}

func TestCommandsAreToldTheServers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.gate(t, oldServer, newServer, patient)
	must(t, g.Hold(t.Context()))
	must(t, g.Commit(t.Context()))
	said, err := os.ReadFile(b.file("env.repoint"))
	must(t, err)
	got := map[string]string{}
	for line := range strings.Lines(string(said)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[key] = value
	}
	if ms, err := strconv.Atoi(got["LULL_WITHIN_MS"]); err != nil || ms < 1 || ms > int(patient.Milliseconds()) {
		t.Errorf("LULL_WITHIN_MS is %q", got["LULL_WITHIN_MS"])
	}
	delete(got, "LULL_WITHIN_MS")
	want := map[string]string{
		"LULL_HOOK": "repoint", "LULL_POOLER": "lb", "LULL_SIDE": "target", "LULL_HOST": "10.0.0.2", "LULL_PORT": "5433",
		"LULL_FROM_HOST": "10.0.0.1", "LULL_FROM_PORT": "5432", "LULL_TO_HOST": "10.0.0.2", "LULL_TO_PORT": "5433",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestHoldThatFails has the hold command go wrong in every way. The clients go on, and a
// new try, with the command healed, works.
func TestHoldThatFails(t *testing.T) {
	t.Parallel()
	for what, within := range map[string]time.Duration{"refuse": patient, "act-refuse": patient, "lie": patient, "hang": hasty, "act-hang": hasty} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && what != "act-hang" {
				t.Skip("left to the long form")
			}
			b := newBench(t)
			b.trouble(t, hold, what)
			if err := b.gate(t, oldServer, newServer, within).Hold(t.Context()); err == nil {
				t.Fatal("it held")
			} else if within == hasty && !errors.Is(err, errLimit) {
				t.Errorf("hold gave %v", err)
			}
			b.trouble(t, hold, "")
			g := b.gate(t, oldServer, newServer, patient)
			at(t, g, source)
			must(t, g.Hold(t.Context()))
			must(t, g.Commit(t.Context()))
			at(t, g, target)
		})
	}
}

func TestTheHoldsBudgetEndsTheCommand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trouble(t, hold, "hang")
	g := b.gate(t, oldServer, newServer, patient)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // when it runs, with what it has started
		for b.child() == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if err := g.Hold(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("hold gave %v", err)
	}
	at(t, g, source)
	b.ended(t)
}

// child is the process that a command left in the background, or 0.
func (b bench) child() int {
	said, _ := os.ReadFile(b.file("child")) // not there yet is the same
	line, _, whole := strings.Cut(string(said), "\n")
	if pid, err := strconv.Atoi(line); err == nil && whole {
		return pid
	}
	return 0
}

// ended waits for the end of that process, which was killed.
func (b bench) ended(t *testing.T) {
	t.Helper()
	pid := b.child()
	if pid == 0 {
		t.Fatal("it did not start")
	}
	for end := time.Now().Add(patient); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d still runs", pid)
		}
	}
}

// TestNothingIsLeftRunning has a command that ends well and leaves a process behind.
func TestNothingIsLeftRunning(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trouble(t, hold, "leave")
	g := b.gate(t, oldServer, newServer, patient)
	must(t, g.Hold(t.Context()))
	b.ended(t)
	must(t, g.Commit(t.Context()))
}

// TestChangesThatFail has repoint and resume go wrong. Where says what became of it.
func TestChangesThatFail(t *testing.T) {
	t.Parallel()
	type outcome struct {
		ok bool
		at gate.Position
	}
	heldAtTarget := gate.Position{Side: gate.Target, Held: true}
	for name, c := range map[string]struct {
		hook    hook
		trouble string
		want    outcome
	}{
		"repoint refused":              {repoint, "refuse", outcome{false, held}},
		"repoint done and refused":     {repoint, "act-refuse", outcome{true, target}},
		"repoint not done and agreed":  {repoint, "lie", outcome{false, held}},
		"repoint killed before acting": {repoint, "hang", outcome{false, held}},
		"repoint killed after acting":  {repoint, "act-hang", outcome{true, target}},
		"resume refused":               {resume, "refuse", outcome{false, heldAtTarget}},
		"resume done and refused":      {resume, "act-refuse", outcome{true, target}},
		"resume not done and agreed":   {resume, "lie", outcome{false, heldAtTarget}},
		"resume killed after acting":   {resume, "act-hang", outcome{true, target}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && c.trouble != "lie" {
				t.Skip("left to the long form")
			}
			b := newBench(t)
			within := patient
			if strings.HasSuffix(c.trouble, "hang") {
				within = hasty
			}
			g := b.gate(t, oldServer, newServer, within)
			must(t, g.Hold(t.Context()))
			b.trouble(t, c.hook, c.trouble)
			if err := g.Commit(t.Context()); (err == nil) != c.want.ok {
				t.Fatalf("commit gave %v", err)
			}
			at(t, g, c.want.at)
			b.trouble(t, c.hook, "")
			next := b.gate(t, oldServer, newServer, patient) // knows nothing of it
			if c.want.at == held {
				must(t, next.Release(t.Context()))
				at(t, next, source)
				return
			}
			must(t, next.Commit(t.Context()))
			at(t, next, target)
		})
	}
}

// TestReleaseOfHeldClientsPointsThemAtTheSource is what settling finds: nobody decided, but the
// commands had begun to point elsewhere when they were cut off.
func TestReleaseOfHeldClientsPointsThemAtTheSource(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.gate(t, oldServer, newServer, patient)
	must(t, g.Hold(t.Context()))
	b.write(t, "points", "10.0.0.2:5433\n")
	must(t, b.gate(t, oldServer, newServer, patient).Release(t.Context()))
	at(t, g, source)
}

func TestSomebodyElsesHoldIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, "held", "")
	g := b.gate(t, oldServer, newServer, patient)
	if err := g.Hold(t.Context()); !errors.Is(err, gate.ErrForeignHold) || hint.Of(err) == "" {
		t.Fatalf("hold gave %v", err)
	}
	must(t, g.Release(t.Context()))
	at(t, g, held)
}

func TestAHoldThatIsGoneIsNoticed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.gate(t, oldServer, newServer, patient)
	must(t, g.Hold(t.Context()))
	must(t, os.Remove(b.file("held")))
	if err := g.Commit(t.Context()); !errors.Is(err, gate.ErrNotHeld) {
		t.Fatalf("commit gave %v", err)
	}
	at(t, g, source)
	must(t, g.Follow(t.Context()))
	at(t, g, target)
}

func TestAnAnswerThatCannotBeReadStopsEverything(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.gate(t, oldServer, newServer, patient)
	b.trouble(t, where, "mumble")
	for name, do := range map[string]func(context.Context) error{"stage": g.Stage, "hold": g.Hold, "commit": g.Commit, "release": g.Release} {
		if err := do(t.Context()); err == nil || hint.Of(err) == "" {
			t.Errorf("%s gave %v", name, err)
		}
	}
	b.trouble(t, where, "")
	at(t, g, source)
}

// TestOrphan kills a holder, but not its command, while that is about to hold. Found
// free and let go, the clients must not be held by it afterwards.
func TestOrphan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.trouble(t, hold, "hang")
	cmd := exec.Command(os.Args[0], "-test.run=^TestMain$")
	cmd.Env = append(os.Environ(), "HOOKS_TEST_HOLDS="+b.dir)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	for end := time.Now().Add(patient); b.child() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the command did not start")
		}
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	g := b.gate(t, oldServer, newServer, patient)
	must(t, g.Release(t.Context()))
	b.ended(t)
	at(t, g, source)
	b.trouble(t, hold, "")
	must(t, g.Hold(t.Context()))
	must(t, g.Commit(t.Context()))
}

func TestMain(m *testing.M) {
	dir := os.Getenv("HOOKS_TEST_HOLDS")
	if dir == "" {
		os.Exit(m.Run())
	}
	t := &testing.T{}
	g, err := New(bench{dir}.pooler(t, time.Minute), oldServer, newServer)
	if err == nil {
		err = g.Hold(context.Background())
	}
	_, _ = os.Stderr.WriteString("the holder was not killed: " + err.Error() + "\n")
	os.Exit(1)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, "plain", "no program\n")
	for name, c := range map[string]struct {
		spoil func(*gate.Pooler)
		want  []string // findings, with ! for one that blocks
	}{
		"nothing":      {func(*gate.Pooler) {}, nil},
		"not there":    {func(p *gate.Pooler) { p.Hooks.Hold = []string{"./nowhere"} }, []string{"!" + HookProgram}},
		"not on PATH":  {func(p *gate.Pooler) { p.Hooks.Where = []string{"no-such-program-anywhere"} }, []string{"!" + HookProgram}},
		"no program":   {func(p *gate.Pooler) { p.Hooks.Resume = []string{"./plain"} }, []string{"!" + HookProgram}},
		"no answer":    {func(p *gate.Pooler) { p.Hooks.Where = []string{"false"} }, []string{"!" + HookWhere}},
		"other answer": {func(p *gate.Pooler) { p.Hooks.Where = []string{"echo", "source"} }, []string{"!" + HookWhere}},
		"held":         {func(p *gate.Pooler) { p.Hooks.Where = []string{"echo", "source", "held"} }, []string{"!" + HookHeld}},
		"at target":    {func(p *gate.Pooler) { p.Hooks.Where = []string{"echo", "target", "open"} }, []string{"!" + HookTarget}},
		"long hold":    {func(p *gate.Pooler) { p.Hooks.Within.Hold = time.Hour }, []string{HookBudget}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := b.pooler(t, hasty)
			c.spoil(&p)
			g, err := New(p, oldServer, newServer)
			must(t, err)
			var got []string
			for _, f := range g.Check(t.Context(), time.Minute) {
				id := f.ID
				if f.Blocks {
					id = "!" + id
				}
				got = append(got, id)
				if f.Text == "" || f.Hint == "" {
					t.Errorf("found without words: %+v", f)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"source open", "target held\n", " source\theld ", "", "source", "target open now", "SOURCE open"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parsePosition(s)
		if err != nil {
			return
		}
		if !slices.Contains([]gate.Side{gate.Source, gate.Target}, at.Side) {
			t.Errorf("%q is %+v", s, at)
		}
		if again, err := parsePosition(strings.ReplaceAll(words(at), ",", "")); err != nil || again != at {
			t.Errorf("%q is %+v, and then %+v, %v", s, at, again, err)
		}
	})
}
