// Package proc runs other programs for those parts of lull that need one: git, an
// operator's command. A program gets no terminal to ask on, ends with its deadline,
// and leaves the end of what it said for the error.
//
// It must not know which program it runs, nor what is done with its output.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cmd is a program to run. Args[0] is the program.
type Cmd struct {
	Name  string // what errors call it; Args may hold what nobody should read
	Args  []string
	Dir   string
	Env   []string            // nil: lull's own
	User  *syscall.Credential // nil: lull's own
	Stdin []byte
	// Merge puts the standard output into the error's Output too, for programs that complain there.
	Merge bool
	// AtOnce leaves the friendly signal out: when ctx ends, the program and all that it
	// started are killed.
	AtOnce bool
	// Files are open in the program, and in what it starts, from number 3 on.
	Files []*os.File
	// Began is told of the process group, so that it can be found again. Its error ends the program.
	Began func(group int) error
}

// Error is a program that did not end well.
type Error struct {
	Name   string
	Code   int    // exit code; -1 when it did not start or was ended by a signal
	Output string // the end of what it said, without credentials
	Err    error
}

func (e *Error) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", e.Name, e.Err, e.Output)
}

// Unwrap gives the cause: context.DeadlineExceeded, exec.ErrNotFound, *exec.ExitError.
func (e *Error) Unwrap() error { return e.Err }

const (
	grace     = 5 * time.Second // from the friendly signal to the other one
	briefly   = 200 * time.Millisecond
	maxOutput = 8 << 20 // of standard output that is kept
	maxTail   = 2 << 10 // of what goes into an error
)

// ErrOutput says that a program answered more than anyone would read.
var ErrOutput = errors.New("answered more than 8 MiB")

// Run runs the program to its end and gives its standard output. When ctx ends, the
// program and all that it started get SIGTERM, and later SIGKILL.
//
// The program is in a session of its own: there is no terminal that it could ask on,
// and a Ctrl-C or a kill of lull's process group does not stop it half-way.
func Run(ctx context.Context, c Cmd) ([]byte, error) {
	out, said := &head{max: maxOutput}, &tail{max: maxTail}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.Dir, c.Env, bytes.NewReader(c.Stdin)
	cmd.Stdout, cmd.Stderr = out, said
	if c.Merge {
		cmd.Stdout = said
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: c.User}
	signal, patience := syscall.SIGTERM, grace
	if c.AtOnce {
		signal, patience = syscall.SIGKILL, briefly
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, signal) }
	cmd.WaitDelay, cmd.ExtraFiles = patience, c.Files
	err := start(cmd, c.Began)
	if err == nil {
		err = cmd.Wait()
	}
	if err == nil && out.over {
		err = ErrOutput
	}
	if err == nil {
		return out.buf.Bytes(), nil
	}
	return out.buf.Bytes(), c.failed(ctx, cmd, err, said)
}

func start(cmd *exec.Cmd, began func(int) error) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	if began == nil {
		return nil
	}
	err := began(cmd.Process.Pid)
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // ends with that signal: the error is the one of began
	}
	return err
}

func (c Cmd) failed(ctx context.Context, cmd *exec.Cmd, err error, said *tail) error {
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	if ctx.Err() != nil {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what outlived its leader
		}
		err = context.Cause(ctx)
	}
	return &Error{Name: c.Name, Code: code, Output: Redact(said.String()), Err: err}
}

// Alive says whether a process group of an earlier run still has a process in it that runs.
func Alive(group int) bool {
	return group > 1 && !errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) && !allZombies(group)
}

// allZombies tells a group whose processes have ended, and that nobody has asked about: a
// container may have no init that does. Where there is no /proc none is known to be such.
func allZombies(group int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return false
	}
	for _, path := range stats {
		b, _ := os.ReadFile(path) // gone meanwhile is as good
		_, after, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(after); len(f) > 2 && f[2] == strconv.Itoa(group) && f[0] != "Z" { // state, parent, group (proc_pid_stat(5))
			return false
		}
	}
	return true
}
