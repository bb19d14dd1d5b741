package pgserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Server is a PostgreSQL server on this machine.
type Server struct {
	Install
	Data      string // its data folder, absolute
	Port      int
	SocketDir string // "" leaves it to the server's configuration
	LogFile   string // "" is the data folder's name with .log
}

// InitOptions are how a new data folder is to be.
type InitOptions struct {
	Superuser string
	Password  string // with one, all connections need it; without, all are trusted
	Encoding  string // "" is UTF8
	Locale    string // "" is C.UTF-8
	Checksums bool
	WALSegMB  int      // 0 is the version's default
	Args      []string // more for initdb
}

// Init makes the data folder.
func (s Server) Init(ctx context.Context, o InitOptions) error {
	if err := s.Owner.MkdirAll(filepath.Dir(s.Data)); err != nil {
		return err
	}
	args := append([]string{"--pgdata", s.Data, "--username", o.Superuser,
		"--encoding", or(o.Encoding, "UTF8"), "--locale", or(o.Locale, "C.UTF-8")}, s.initArgs(o)...)
	if o.Password != "" {
		dir, err := s.Owner.TempDir()
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		file := filepath.Join(dir, "password")
		if err := s.Owner.WriteFile(file, []byte(o.Password+"\n")); err != nil {
			return err
		}
		args = append(args, "--auth", "scram-sha-256", "--pwfile", file)
	} else {
		args = append(args, "--auth", "trust")
	}
	if out, err := s.Command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("make data folder %s with initdb: %w: %s", s.Data, err, lastLines(out))
	}
	return nil
}

func (s Server) initArgs(o InitOptions) []string {
	var args []string
	switch {
	case o.Checksums:
		args = append(args, "--data-checksums")
	case s.Major >= 18: // on by default since 18
		args = append(args, "--no-data-checksums")
	}
	if o.WALSegMB > 0 {
		args = append(args, "--wal-segsize", strconv.Itoa(o.WALSegMB))
	}
	return append(args, o.Args...)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Start starts the server and returns when it answers, a standby when it can be read. It goes
// on running when this process ends. The settings hold until the next start.
func (s Server) Start(ctx context.Context, settings map[string]string) error {
	mark := s.logEnd()
	var options []string
	for _, arg := range s.arguments(settings) {
		options = append(options, shellQuote(arg))
	}
	cmd := s.Command(ctx, "pg_ctl", "start", "--wait", "--silent", "--timeout", seconds(ctx, startTimeout),
		"--pgdata", s.Data, "--log", s.log(), "--options", strings.Join(options, " "))
	return s.started(cmd.Run(), mark)
}

// Long, because a start includes recovery. Whoever has less time says so in the context.
const startTimeout, stopTimeout = 30 * time.Minute, 5 * time.Minute

// seconds is the time that pg_ctl may wait.
func seconds(ctx context.Context, most time.Duration) string {
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline))
	}
	return strconv.Itoa(max(1, int(most.Seconds())))
}

// arguments are those of the server itself.
func (s Server) arguments(settings map[string]string) []string {
	args := []string{"-p", strconv.Itoa(s.Port)}
	if s.SocketDir != "" {
		args = append(args, "-k", s.SocketDir)
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Stop ends the server and returns when it has ended. The mode is one of pg_ctl's:
// fast or immediate. A server that does not run is no error.
func (s Server) Stop(ctx context.Context, mode string) error {
	running, err := s.Running(ctx)
	if err != nil || !running {
		return err
	}
	out, err := s.Command(ctx, "pg_ctl", "stop", "--wait", "--silent", "--mode", mode, "--timeout", seconds(ctx, stopTimeout), "--pgdata", s.Data).CombinedOutput()
	if err == nil {
		return nil
	}
	if running, again := s.Running(ctx); again == nil && !running {
		return nil // it ended while it was asked to
	}
	return fmt.Errorf("stop the server in %s: %w: %s", s.Data, err, lastLines(out))
}

// Exit codes of pg_ctl status (manual, pg_ctl).
const notRunning, noDataFolder = 3, 4

// Running says whether a server runs on the data folder. What was killed while it wrote its pid file has left
// an empty one, beside which no server starts (src/backend/utils/init/miscinit.c, CreateLockFile): it is removed.
func (s Server) Running(ctx context.Context) (bool, error) {
	for {
		running, err := s.status(ctx)
		if err == nil || !s.pidFileEmpty() {
			return running, err
		}
		if err := s.dropEmptyPidFile(); err != nil {
			return false, err
		}
		select { // removed, or somebody is about to write it
		case <-ctx.Done():
			return false, err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s Server) status(ctx context.Context) (bool, error) {
	out, err := s.Command(ctx, "pg_ctl", "status", "--pgdata", s.Data).CombinedOutput()
	if err == nil {
		return true, nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch exit.ExitCode() {
		case notRunning:
			return false, nil
		case noDataFolder:
			if _, err := os.Stat(filepath.Join(s.Data, "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
				return false, nil
			}
		}
	}
	return false, fmt.Errorf("ask whether a server runs in %s: %w: %s", s.Data, err, lastLines(out))
}

// DSN is how to reach a database over the loopback address, without a password.
func (s Server) DSN(database, user string) string { return dsn(s.Port, database, user) }

func dsn(port int, database, user string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s", port, dsnQuote(user), dsnQuote(database))
}

var dsnEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// dsnQuote makes a value of a connection string (manual, "Keyword/Value Connection Strings").
func dsnQuote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n'\\=") {
		return s
	}
	return "'" + dsnEscapes.Replace(s) + "'"
}
