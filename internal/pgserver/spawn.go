package pgserver

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Spawn starts the server as Start does, but as a child of this process that ends when
// this process does: for servers that are thrown away.
func (s Server) Spawn(ctx context.Context, settings map[string]string) error {
	mark := s.logEnd()
	cmd := s.Command(context.WithoutCancel(ctx), "postgres", append([]string{"-D", s.Data}, s.arguments(settings)...)...)
	return s.started(spawn(ctx, cmd, s.Owner, s.log(), func() bool { return s.answers(cmd.Process.Pid) }), mark)
}

// answers reads the status that the server itself keeps on the eighth line of its pid file,
// as pg_ctl does (src/bin/pg_ctl/pg_ctl.c, wait_for_postmaster_start).
func (s Server) answers(pid int) bool {
	b, err := os.ReadFile(s.pidFile())
	if err != nil {
		return false
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 8 || lines[0] != strconv.Itoa(pid) {
		return false
	}
	status := strings.TrimSpace(lines[7])
	return status == "ready" || status == "standby"
}

var errEnded = errors.New("the program ended")

// spawn starts a server that logs to a file and waits until it is ready.
func spawn(ctx context.Context, cmd *exec.Cmd, owner Owner, log string, ready func() bool) error {
	tetherServer(cmd.SysProcAttr)
	out, err := owner.open(log, os.O_APPEND)
	if err != nil {
		return err
	}
	defer out.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // how it ended is in the log
	if err := await(ctx, ended, ready); err != nil {
		_ = cmd.Process.Kill()
		<-ended
		return err
	}
	return nil
}

func await(ctx context.Context, ended <-chan struct{}, ready func() bool) error {
	const pause = 5 * time.Millisecond
	for !ready() {
		select {
		case <-ended:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

// pidIn reads a pid file; 0 when there is none.
func pidIn(file string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil {
		return 0
	}
	return pid
}
