package pgtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
)

// HAProxy is the example of the manual, docs/examples/haproxy, at work before one server.
type HAProxy struct {
	Dir  string // of the example's files
	Port int    // that clients connect to
	stop func()
}

// Edits are what an operator changes in a file of the example: the whole line that begins so.
type Edits map[string]string

// StartHAProxy starts one until the test ends. The edits are those of gate.conf.
func StartHAProxy(t testing.TB, s *Server, conf Edits) *HAProxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "lull") // short: a socket's path may have 100 bytes or so
	check(t, err)
	t.Cleanup(func() { remove(t, dir) })
	ports, err := pgserver.FreePorts(1)
	check(t, err)
	h := &HAProxy{Dir: dir, Port: ports[0], stop: func() {}}
	in, err := pgserver.Find(17) // for psql
	check(t, err)
	h.copy(t, "haproxy.cfg", Edits{
		"    stats socket ": "    stats socket " + h.File("admin.sock") + " mode 600 level admin",
		"    bind ":         "    bind 127.0.0.1:" + strconv.Itoa(h.Port),
	})
	h.copy(t, "database.cfg", Edits{"    server ": "    server postgres 127.0.0.1:" + strconv.Itoa(s.Port)})
	all := Edits{"socket=": "socket=" + h.File("admin.sock"), "file=": "file=" + h.File("database.cfg"), "export PGPASSFILE": "PATH=" + in.Bin + ":$PATH"}
	for k, v := range conf {
		all[k] = v
	}
	h.copy(t, "gate.conf", all)
	for _, script := range []string{"haproxy.sh", "haproxy-gate", "pgbouncer-gate"} {
		h.copy(t, script, nil)
	}
	h.Start(t)
	return h
}

// File is the path of one of its files.
func (h *HAProxy) File(name string) string { return filepath.Join(h.Dir, name) }

func (h *HAProxy) copy(t testing.TB, name string, change Edits) {
	t.Helper()
	path := filepath.Join(module(t), "docs", "examples", "haproxy", name)
	b, err := os.ReadFile(path)
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	for begins, line := range change {
		re := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(begins) + ".*$")
		if !re.Match(b) {
			t.Fatalf("the example's %s has no line that begins with %q", name, begins)
		}
		b = re.ReplaceAllLiteral(b, []byte(line))
	}
	check(t, os.WriteFile(h.File(name), b, info.Mode()))
}

// module is the folder of go.mod: a test runs in the folder of its package.
func module(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	check(t, err)
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("the example is in the repository, and this test does not run there")
	return ""
}

// Start starts it once more after Stop, and returns when it takes connections.
func (h *HAProxy) Start(t testing.TB) {
	t.Helper()
	program, err := pgserver.FindHAProxy()
	if err != nil {
		t.Fatalf("%v\nIn a checkout: make setup.", err)
	}
	cmd := exec.Command(program, "-db", "-f", h.File("haproxy.cfg"), "-f", h.File("database.cfg"))
	cmd.Stderr = os.Stderr
	check(t, cmd.Start())
	h.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	t.Cleanup(h.stop)
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("unix", h.File("admin.sock"))
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("HAProxy does not start: %v", err)
		}
	}
}

// Stop kills it.
func (h *HAProxy) Stop() { h.stop() }
