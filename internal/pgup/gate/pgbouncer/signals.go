package pgbouncer

import (
	"cmp"
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

	"github.com/lullhq/lull/internal/pgup/gate"
)

// orSignal lets clients go past a console that is silent: they wait, and the pooler itself is
// well as a rule. The error stays, so that whoever asked looks again until the console says
// how it is. Clients go where the file says, so it must say the side that is meant.
func (g *Gate) orSignal(ctx context.Context, side gate.Side, err error) error {
	if !errors.Is(err, errSilent) || time.Since(g.signaled) < hush {
		return err
	}
	if at, looked := g.fileSide(ctx); looked != nil || at != side {
		return errors.Join(err, looked)
	}
	pid, failed := process(cmp.Or(g.pidfile, g.pidfileWritten()))
	if failed == nil {
		failed = resumeProcess(pid)
	}
	if failed != nil {
		return errors.Join(err, fmt.Errorf("resume the pooler by a signal: %w", failed))
	}
	g.signaled = time.Now()
	g.did("signaled")
	return err
}

// pidfileWritten is for a process that never had an answer from the pooler.
func (g *Gate) pidfileWritten() string {
	b, err := g.file.read()
	if err != nil {
		return ""
	}
	settings, err := scanINI(b)
	at := slices.IndexFunc(settings, func(s setting) bool { return s.section == "pgbouncer" && s.key == "pidfile" })
	if err != nil || at < 0 {
		return ""
	}
	return settings[at].value.of(b)
}

// resumeProcess has the pooler read its file, with which the limit of Hold ends, and let
// clients go (pgbouncer(1), "Signals"). libevent hands over what has come together in the
// order of the numbers, so the file is read first (signal.c, evsig_cb).
func resumeProcess(pid int) error {
	return errors.Join(syscall.Kill(pid, syscall.SIGHUP), syscall.Kill(pid, syscall.SIGUSR2))
}

// process is the pooler's, by its pidfile. A number in it may be of another container, or of
// a process that has ended, and these signals end a program that does not expect them: so it
// must have the pooler's name, which only Linux tells without running a program.
func process(pidfile string) (int, error) {
	if !filepath.IsAbs(pidfile) {
		return 0, fmt.Errorf("its pidfile is %q, which is no absolute path", pidfile)
	}
	b, err := os.ReadFile(pidfile)
	if err != nil {
		return 0, fmt.Errorf("read the pooler's pidfile: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s says %q, which is no process", pidfile, b)
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return 0, fmt.Errorf("find process %d of %s: %w", pid, pidfile, err)
	}
	if is := strings.TrimSpace(string(name)); is != "pgbouncer" {
		return 0, fmt.Errorf("process %d of %s is %s", pid, pidfile, is)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		return 0, fmt.Errorf("signal process %d of %s: %w", pid, pidfile, err)
	}
	return pid, nil
}
