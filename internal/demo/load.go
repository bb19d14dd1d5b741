package demo

import (
	"bytes"
	"context"
	_ "embed" // the workload
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

//go:embed workload.sql
var workloadSQL []byte

//go:embed reads.sql
var readsSQL []byte

// Load is a running pgbench: the application's clients, through the pooler. Four in five of
// its transactions are pgbench's own, the others the shop's.
type Load struct {
	cmd        *exec.Cmd
	log        string
	said       *os.File
	statements []int // in a transaction of each script
	ended      chan struct{}
	err        error // how it ended
}

const builtin = "tpcb-like"

// LoadSpec is how much load.
type LoadSpec struct {
	Rate    int // transactions a second
	Clients int
	Reads   bool // half of the transactions only read: by indexes, over joins, and from indexes alone
}

// StartLoad returns when the load has run for a second.
func (g *Ground) StartLoad(ctx context.Context, spec LoadSpec) (*Load, error) {
	dir := filepath.Join(g.Servers, "load")
	if err := g.Tools.Owner.MkdirAll(dir); err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "workload.sql")
	if err := g.Tools.Owner.WriteFile(script, workloadSQL); err != nil {
		return nil, err
	}
	own, err := g.builtinStatements(ctx)
	if err != nil {
		return nil, err
	}
	l := &Load{statements: []int{own, countStatements(workloadSQL)}, ended: make(chan struct{})}
	var more []string
	if spec.Reads {
		reads := filepath.Join(dir, "reads.sql")
		if err := g.Tools.Owner.WriteFile(reads, readsSQL); err != nil {
			return nil, err
		}
		l.statements, more = append(l.statements, countStatements(readsSQL)), []string{"--file", reads + "@5"}
	}
	const aDay = "86400" // Stop ends it
	// It must outlive the context, so that Stop gets its report also after Ctrl-C.
	args := []string{"--no-vacuum", "--rate", strconv.Itoa(spec.Rate), "--client", strconv.Itoa(spec.Clients), "--time", aDay,
		"--log", "--log-prefix", filepath.Join(dir, "pgbench"), "--progress", "1", "--failures-detailed", "--verbose-errors",
		"--builtin", builtin + "@4", "--file", script + "@1"}
	l.cmd, err = g.pgbench(context.WithoutCancel(ctx), g.Pooler.Port, append(args, more...)...)
	if err != nil {
		return nil, err
	}
	if err := l.start(filepath.Join(g.Dir, "logs", "load.log")); err != nil {
		return nil, err
	}
	l.log = filepath.Join(dir, fmt.Sprintf("pgbench.%d", l.cmd.Process.Pid))
	err = l.underWay(ctx)
	return l, err
}

func (l *Load) start(output string) (err error) {
	if l.said, err = os.Create(output); err != nil {
		return fmt.Errorf("start the load: %w", err)
	}
	l.cmd.Stdout, l.cmd.Stderr = l.said, l.said
	// In a group of its own: Ctrl-C is for the demo, which then asks for the report.
	l.cmd.SysProcAttr.Setpgid = true
	if err := l.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the load: %w", err), l.said.Close())
	}
	go func() { defer close(l.ended); l.err = l.cmd.Wait() }()
	return nil
}

// underWay waits for the first line of progress, which speaks of a whole second.
func (l *Load) underWay(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := os.ReadFile(l.said.Name())
		if err != nil {
			return fmt.Errorf("start the load: %w", err)
		}
		if bytes.Contains(said, []byte("progress: ")) {
			return nil
		}
		select {
		case <-ctx.Done():
			l.kill()
			return ctx.Err()
		case <-l.ended:
			return fmt.Errorf("start the load: pgbench ended: %w: %s", l.err, bytes.TrimSpace(said))
		case <-tick.C:
		}
	}
}

func (l *Load) kill() {
	_ = l.cmd.Process.Kill() // gone already is as good
	<-l.ended
}

// Stop ends the load as its time's end would (SIGALRM is how pgbench itself learns of that:
// src/bin/pgbench/pgbench.c, setalarm), so that every transaction that began is in its log.
func (l *Load) Stop(ctx context.Context) (LoadResult, error) {
	defer l.said.Close()
	if err := l.cmd.Process.Signal(syscall.SIGALRM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return LoadResult{}, fmt.Errorf("stop the load: %w", err)
	}
	select {
	case <-l.ended:
	case <-ctx.Done():
		l.kill()
		return LoadResult{}, hint.Errorf("look at logs/load.log", "stop the load: its clients still wait for the database")
	}
	return l.result()
}

// clientsAborted is pgbench's exit code for errors during the run (manual, "Exit Status").
const clientsAborted = 2

func (l *Load) result() (LoadResult, error) {
	said, err := os.ReadFile(l.said.Name())
	if err != nil {
		return LoadResult{}, fmt.Errorf("read what the load said: %w", err)
	}
	out := LoadResult{Errors: loadErrors(said)}
	var exit *exec.ExitError
	if l.err != nil && (!errors.As(l.err, &exit) || exit.ExitCode() != clientsAborted) {
		return out, fmt.Errorf("run the load: pgbench: %w: %s", l.err, strings.Join(out.Errors, " / "))
	}
	f, err := os.Open(l.log)
	if err != nil {
		return out, fmt.Errorf("read the load's log: %w", err)
	}
	defer f.Close()
	if out.Transactions, err = decodeLoadLog(f); err != nil {
		return out, err
	}
	err = out.count(l.statements)
	return out, err
}

// builtinStatements counts what pgbench itself sends in one transaction.
func (g *Ground) builtinStatements(ctx context.Context) (int, error) {
	out, err := g.Tools.Command(ctx, "pgbench", "--show-script", builtin).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("ask pgbench for its script: %w", err)
	}
	return countStatements(out), nil
}

// countStatements counts the SQL commands of a script: each ends in ; or \gset at a line's end.
func countStatements(script []byte) (n int) {
	for line := range bytes.Lines(script) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte(`\`)) || bytes.HasPrefix(line, []byte("--")) {
			continue
		}
		if bytes.HasSuffix(line, []byte(";")) || bytes.HasSuffix(line, []byte(`\gset`)) {
			n++
		}
	}
	return n
}
