package watchdog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/gate"
)

// The test binary is also the processes that the tests kill: "watchdog", as Start
// starts it, and "controller", which does what it reads on its input, a line a command.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var run func() error
		switch os.Args[1] {
		case "watchdog":
			run = actWatchdog
		case "controller":
			run = actController
		}
		if run != nil {
			if err := run(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// breakpoint is the file that names the moment at which a watchdog is to stop. It says
// so in the file "reached" and goes on when the breakpoint is gone.
func breakpoint(spec Spec) string { return spec.Record + ".break" }
func reached(spec Spec) string    { return spec.Record + ".reached" }

func actWatchdog() error {
	deaf()
	s := newServer(os.Stdout, os.Stderr)
	open := s.gates
	s.gates = func(spec Spec) (gate.Gate, error) {
		s.marked = func(name string) {
			if want, err := os.ReadFile(breakpoint(spec)); err != nil || string(want) != name {
				return
			}
			os.WriteFile(reached(spec), []byte(name), 0o600)
			for exists(breakpoint(spec)) {
				time.Sleep(time.Millisecond)
			}
		}
		return open(spec)
	}
	return s.serve(context.Background(), os.Stdin)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func actController() error {
	var spec Spec
	b, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		return err
	}
	ctx := context.Background()
	spec.Holder, spec.Holders = NewHolder(spec.Record)
	source, err := pgx.Connect(ctx, spec.Source.Conninfo+" application_name='"+spec.Holder+"'")
	if err != nil {
		return err
	}
	target, err := pgx.Connect(ctx, spec.Target.Conninfo+" application_name='"+spec.Holder+"'")
	if err != nil {
		return err
	}
	w, err := Start(ctx, os.Args[0], spec)
	if err != nil {
		return err
	}
	fmt.Println("started", w.cmd.Process.Pid)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var err error
		switch word, rest, _ := strings.Cut(in.Text(), " "); word {
		case "hold":
			within, _ := time.ParseDuration(rest)
			err = w.Hold(ctx, within)
		case "commit":
			err = w.Commit()
		case "release":
			err = w.Release()
		case "sql":
			_, err = source.Exec(ctx, rest)
		case "target":
			_, err = target.Exec(ctx, rest)
		}
		switch {
		case err == nil:
			fmt.Println("ok")
		case errors.Is(err, ErrReleased):
			fmt.Println("released")
		default:
			fmt.Println("failed", strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	return w.Close()
}

// controller is such a process, seen from the test.
type controller struct {
	t        *testing.T
	cmd      *exec.Cmd
	in       io.Writer
	out      *bufio.Reader
	watchdog int // its process id
}

func startController(t *testing.T, spec Spec) *controller {
	t.Helper()
	b, err := json.Marshal(spec)
	must(t, err)
	file := filepath.Join(t.TempDir(), "spec")
	must(t, os.WriteFile(file, b, 0o600))
	c := &controller{t: t, cmd: exec.Command(os.Args[0], "controller", file)}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	c.cmd.Stderr = &log
	c.in, err = c.cmd.StdinPipe()
	must(t, err)
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	c.out = bufio.NewReader(out)
	must(t, c.cmd.Start())
	t.Cleanup(func() {
		c.kill()
		_ = c.cmd.Wait() // killed
		if c.watchdog != 0 {
			_ = syscall.Kill(c.watchdog, syscall.SIGKILL) // mostly gone already
		}
		if t.Failed() {
			t.Logf("controller: %s", log.Bytes())
			if b, err := os.ReadFile(spec.Log); err == nil {
				t.Logf("watchdog: %s", b)
			}
		}
	})
	if _, err := fmt.Sscanf(c.read(), "started %d", &c.watchdog); err != nil {
		t.Fatalf("the controller did not start: %v", err)
	}
	return c
}

func (c *controller) kill() { _ = syscall.Kill(c.cmd.Process.Pid, syscall.SIGKILL) }

func (c *controller) killGroup() { must(c.t, syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)) }

func (c *controller) ask(command string) {
	c.t.Helper()
	_, err := fmt.Fprintln(c.in, command)
	must(c.t, err)
}

// read waits for the next line that the controller says, and gives "" when it has ended.
func (c *controller) read() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (c *controller) want(command, answer string) {
	c.t.Helper()
	c.ask(command)
	c.wantNext(answer)
}

// startRaw starts a watchdog for a test that speaks the protocol itself.
func startRaw(t *testing.T) (in raw, out *json.Decoder) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "watchdog")
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the watchdog ended with %v", err)
		}
	})
	return raw{json.NewEncoder(stdin), cmd.Process.Pid}, json.NewDecoder(stdout)
}

type raw struct {
	*json.Encoder
	pid int
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantNext reads the answer to a command that has been asked.
func (c *controller) wantNext(answer string) {
	c.t.Helper()
	if got := c.read(); got != answer {
		c.t.Fatalf("the controller says %q, want %q", got, answer)
	}
}
