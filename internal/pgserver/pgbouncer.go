package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// PgBouncer is a pooler on this machine whose files all lie in one folder.
type PgBouncer struct {
	Program string
	Owner   Owner
	Dir     string // absolute
	Port    int
}

// Pooling is what a pooler's configuration says.
type Pooling struct {
	Databases map[string]string // name, and how to reach it: "host=... port=..."
	Users     map[string]string // name and password; the first by name may administer unless Settings says otherwise
	Settings  map[string]string // over the ordinary ones
}

// Config is the path of its configuration file.
func (b PgBouncer) Config() string { return b.file("pgbouncer.ini") }

// LogFile is the path of its log.
func (b PgBouncer) LogFile() string { return b.file("pgbouncer.log") }

func (b PgBouncer) file(name string) string { return filepath.Join(b.Dir, name) }
func (b PgBouncer) pidFile() string         { return b.file("pgbouncer.pid") }

// Configure writes the configuration and the users' file.
func (b PgBouncer) Configure(p Pooling) error {
	if err := b.Owner.MkdirAll(b.Dir); err != nil {
		return err
	}
	if err := b.Owner.WriteFile(b.file("users.txt"), p.users()); err != nil {
		return err
	}
	return b.Owner.WriteFile(b.Config(), p.ini(b.ordinary(p)))
}

func (b PgBouncer) ordinary(p Pooling) map[string]string {
	users := slices.Sorted(maps.Keys(p.Users))
	return map[string]string{
		"listen_addr": "127.0.0.1", "listen_port": strconv.Itoa(b.Port), "unix_socket_dir": "",
		"auth_type": "scram-sha-256", "auth_file": b.file("users.txt"), "admin_users": strings.Join(users[:min(1, len(users))], ","),
		"logfile": b.LogFile(), "pidfile": b.pidFile(),
		"pool_mode": "transaction", "max_client_conn": "200", "default_pool_size": "20",
		"ignore_startup_parameters": "extra_float_digits",
	}
}

func (p Pooling) ini(settings map[string]string) []byte {
	maps.Copy(settings, p.Settings)
	var out strings.Builder
	section := func(name string, values map[string]string) {
		fmt.Fprintf(&out, "[%s]\n", name)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(&out, "%s = %s\n", key, values[key])
		}
		out.WriteByte('\n')
	}
	section("databases", p.Databases)
	section("pgbouncer", settings)
	return []byte(out.String())
}

// users is PgBouncer's authentication file (manual, "Authentication file format").
func (p Pooling) users() []byte {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.Users)) {
		out.WriteString(quote(name) + " " + quote(p.Users[name]) + "\n")
	}
	return []byte(out.String())
}

// DSN is how to reach a database through the pooler, without a password.
func (b PgBouncer) DSN(database, user string) string { return dsn(b.Port, database, user) }

// Start starts the pooler and returns when it listens. It goes on running when this process ends.
func (b PgBouncer) Start(ctx context.Context) error {
	mark := size(b.LogFile())
	out, err := command(ctx, b.Owner, b.Program, "--daemon", b.Config()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("start PgBouncer: %w: %s", err, lastLines(out))
	}
	// It takes its port and writes its pid after it has gone to the background,
	// and when it cannot, its log is the only one to tell.
	const soon = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	gaveUp := false
	err = await(ctx, nil, func() bool {
		gaveUp = b.gaveUp(mark)
		return gaveUp || b.listens()
	})
	if gaveUp {
		err = errEnded
	}
	return explain(err, "start PgBouncer", b.LogFile(), mark)
}

func (b PgBouncer) gaveUp(mark int64) bool {
	said, err := os.ReadFile(b.LogFile())
	return err == nil && bytes.Contains(said[min(mark, int64(len(said))):], []byte(" FATAL "))
}

// Spawn starts the pooler as a child of this process that ends when this process does.
func (b PgBouncer) Spawn(ctx context.Context) error {
	// What it says before it has opened its log goes here too.
	output := b.file("pgbouncer.out")
	mark := size(output)
	cmd := command(context.WithoutCancel(ctx), b.Owner, b.Program, b.Config())
	err := spawn(ctx, cmd, b.Owner, output, b.listens)
	return explain(err, "start PgBouncer", output, mark)
}

// listens says that this pooler, and not somebody else on its port, takes connections.
func (b PgBouncer) listens() bool {
	if !b.Running() {
		return false
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port)))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return b.Running()
}

// Running says whether the pooler's process is there.
func (b PgBouncer) Running() bool { return alive(pidIn(b.pidFile())) }

// Stop ends the pooler at once, whoever is connected, and returns when it has ended.
// One that does not run is no error.
func (b PgBouncer) Stop(ctx context.Context) error {
	pid := pidIn(b.pidFile())
	if !alive(pid) {
		return nil
	}
	// SIGTERM waits for clients since 1.23; SIGQUIT never does.
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop PgBouncer: %w", err)
	}
	if err := await(ctx, nil, func() bool { return !alive(pid) }); err != nil {
		return fmt.Errorf("wait for PgBouncer to end: %w", err)
	}
	if err := os.Remove(b.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the pid file of PgBouncer: %w", err)
	}
	return nil
}

// alive says whether the process runs. One that has ended and that nobody has asked about still
// has its number, and in a container there may be nobody to ask.
func alive(pid int) bool {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
