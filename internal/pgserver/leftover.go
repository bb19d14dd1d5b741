package pgserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

// Halt ends everything that is at work in the data folder: what a run that was killed has
// left behind. Its programs are tethered to it, but not what these had started: initdb its
// bootstrap, pg_upgrade its servers. Those others are programs of the same and of the more installations.
//
// The programs go first, at once, or they would start what is stopped next. The server is
// stopped in the fast way, because pg_upgrade takes only a clean cluster.
func (s Server) Halt(ctx context.Context, more ...Install) error {
	if _, err := os.Stat(s.Data); os.IsNotExist(err) {
		return nil
	}
	installs := append([]Install{s.Install}, more...)
	for {
		programs, servers := atWork(s.Data, installs)
		for _, pid := range programs {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
		}
		if len(programs) == 0 {
			if err := s.Stop(ctx, "fast"); err != nil {
				return err
			}
			if len(servers) == 0 {
				return nil
			}
		}
		select { // one that was only starting has no pid file yet, and one that was killed is there for a moment
		case <-ctx.Done():
			return fmt.Errorf("wait for the processes in %s to end: %w", s.Data, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s Server) pidFile() string { return filepath.Join(s.Data, "postmaster.pid") }

func (s Server) pidFileEmpty() bool {
	info, err := os.Stat(s.pidFile())
	return err == nil && info.Size() == 0
}

// dropEmptyPidFile removes an empty pid file if nobody is at work in the data folder who could be about to write it.
func (s Server) dropEmptyPidFile() error {
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		return hint.Errorf("if no server is being started there, remove that file", "the file %s is empty", s.pidFile())
	}
	if programs, servers := atWork(s.Data, []Install{s.Install}); len(programs)+len(servers) > 0 {
		return nil
	}
	if err := os.Remove(s.pidFile()); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove what a server that was killed has left: %w", err)
	}
	return nil
}

// atWork finds the installations' processes that name the folder or work in it, servers
// apart from the rest. Where there is no /proc it finds none.
func atWork(dir string, installs []Install) (programs, servers []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		exe, _ := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		if !slices.ContainsFunc(installs, func(in Install) bool { return filepath.Dir(exe) == in.Bin }) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		switch args := strings.Split(string(line), "\x00"); {
		case cwd != dir && !names(string(line), dir):
		case filepath.Base(exe) != "postgres" || standalone(args):
			programs = append(programs, pid)
		default:
			servers = append(servers, pid)
		}
	}
	return programs, servers
}

// names tells whether the folder, and not one whose name only begins like it, is on a command line.
func names(line, dir string) bool {
	for {
		_, after, found := strings.Cut(line, dir)
		if !found {
			return false
		}
		if after == "" || strings.ContainsRune("\x00/'\" ", rune(after[0])) {
			return true
		}
		line = after
	}
}

// standalone tells a server process that initdb runs for itself, and that pg_ctl does not stop, from a server.
func standalone(args []string) bool {
	return len(args) > 1 && slices.Contains([]string{"--boot", "--single", "--check", "-C"}, args[1])
}
