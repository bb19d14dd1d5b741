package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lull types Lull's commands, as a user would.
type lull struct {
	program string
	config  string
	logs    string // folder
	out     io.Writer
}

// farewell is how long a child may take to end once it is asked to.
const farewell = 30 * time.Second

func (l lull) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.program, append([]string{"--config", l.config}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	tether(cmd.SysProcAttr)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = farewell
	return cmd
}

// show runs a command with its output for all to see.
func (l lull) show(ctx context.Context, args ...string) error {
	fmt.Fprintf(l.out, "\n$ lull %s\n", strings.Join(args, " "))
	cmd := l.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = l.out, l.out // a terminal is passed on as it is
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // it was told to end, and did
	}
	return fmt.Errorf("lull %s: %w", args[0], err)
}

// ask runs a command for its output.
func (l lull) ask(ctx context.Context, args ...string) ([]byte, error) {
	var complaint strings.Builder
	cmd := l.command(ctx, args...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("lull %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

// child is a command that goes on until it is stopped.
type child struct {
	name  string
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	err   error
}

// start runs a command in the background, its output in a log. It is in a group of its own,
// so that Ctrl-C reaches the demo first, which ends it at the right moment.
func (l lull) start(ctx context.Context, args ...string) (*child, error) {
	c := &child{name: args[0], cmd: l.command(context.WithoutCancel(ctx), args...), ended: make(chan struct{})}
	var err error
	if c.log, err = os.Create(filepath.Join(l.logs, c.name+".log")); err != nil {
		return nil, fmt.Errorf("start lull %s: %w", c.name, err)
	}
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.SysProcAttr.Setpgid = true
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start lull %s: %w", c.name, err), c.log.Close())
	}
	go func() { defer close(c.ended); c.err = c.cmd.Wait() }()
	return c, nil
}

// await returns when the child is ready; if it ends before, with what it said.
func (c *child) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.ended:
			return c.failure()
		case <-tick.C:
		}
	}
	return nil
}

func (c *child) failure() error {
	said, err := os.ReadFile(c.log.Name())
	return errors.Join(fmt.Errorf("lull %s ended: %v: %s", c.name, c.cmd.ProcessState, strings.TrimSpace(string(said))), err)
}

// stop asks the child to end and waits for it.
func (c *child) stop() error {
	defer c.log.Close()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop lull %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-time.After(farewell):
		err := c.cmd.Process.Kill()
		<-c.ended
		return errors.Join(fmt.Errorf("stop lull %s: it did not end in %s", c.name, farewell), err)
	}
}
