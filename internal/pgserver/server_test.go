package pgserver

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

func folder(t *testing.T, o Owner) string {
	t.Helper()
	dir, err := o.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func port(t *testing.T) int {
	t.Helper()
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return ports[0]
}

const secret = `a "quoted" word`

var madeIn string

// made is a folder with data of version 17 in it, made once and copied by the tests that do not care
// how it was made.
var made = sync.OnceValues(func() (string, error) {
	in, err := Find(17)
	if err != nil {
		return "", err
	}
	dir, err := in.Owner.TempDir()
	if err != nil {
		return "", err
	}
	madeIn = dir
	s := Server{Install: in, Data: filepath.Join(dir, "data")}
	return dir, s.Init(context.Background(), InitOptions{Superuser: "lull", Password: secret, Args: []string{"--no-sync"}})
})

// copied is a server of version 17 that asks for a password and has not been started.
func copied(t *testing.T) Server {
	t.Helper()
	from, err := made()
	if err != nil {
		t.Fatalf("%v: %s", err, hint.Of(err))
	}
	in, err := Find(17)
	if err != nil {
		t.Fatal(err)
	}
	s := place(t, in)
	if out, err := exec.Command("cp", "-a", filepath.Join(from, "data"), s.Data).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
	return s
}

// place picks a folder and a port. Whatever runs there is stopped when the test ends.
func place(t *testing.T, in Install) Server {
	t.Helper()
	dir := folder(t, in.Owner)
	s := Server{Install: in, Data: filepath.Join(dir, "data"), SocketDir: dir, Port: port(t)}
	t.Cleanup(func() {
		if err := s.Stop(context.Background(), "immediate"); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask runs a query with the installation's own psql.
func (s Server) ask(t *testing.T, query string) string {
	t.Helper()
	cmd := s.Command(t.Context(), "psql", "-h", s.SocketDir, "-p", strconv.Itoa(s.Port), "-U", "lull", "-d", "postgres", "-XAtc", query)
	cmd.Env = append(cmd.Env, "PGPASSWORD="+secret)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ask %q: %v: %s", query, err, out)
	}
	return strings.TrimSpace(string(out))
}

func wantRunning(t *testing.T, s Server, want bool) {
	t.Helper()
	got, err := s.Running(t.Context())
	if err != nil || got != want {
		t.Errorf("running is %v, want %v: %v", got, want, err)
	}
}

func TestServerLife(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			t.Parallel()
			in, err := Find(major)
			if err != nil {
				t.Fatalf("%v: %s", err, hint.Of(err))
			}
			s := place(t, in)
			s.Data = filepath.Join(s.SocketDir, "made", "for", "it")
			if err := s.Init(t.Context(), InitOptions{Superuser: "lull", Checksums: true, WALSegMB: 1, Args: []string{"--no-sync"}}); err != nil {
				t.Fatal(err)
			}
			wantRunning(t, s, false)
			tricky := `it's "a" \ $HOME test`
			if err := s.Start(t.Context(), map[string]string{"cluster_name": tricky, "fsync": "off"}); err != nil {
				t.Fatal(err)
			}
			wantRunning(t, s, true)
			for query, want := range map[string]string{
				"SHOW cluster_name": tricky, "SHOW data_checksums": "on", "SHOW wal_segment_size": "1MB", "SHOW server_encoding": "UTF8", "SHOW lc_messages": "C.UTF-8",
			} {
				if got := s.ask(t, query); got != want {
					t.Errorf("%s: got %q, want %q", query, got, want)
				}
			}
			for range 2 { // the second has nothing to do
				if err := s.Stop(t.Context(), "fast"); err != nil {
					t.Fatal(err)
				}
			}
			wantRunning(t, s, false)
		})
	}
}

func TestRunningWithoutData(t *testing.T) {
	t.Parallel()
	in, err := Find(17)
	if err != nil {
		t.Fatal(err)
	}
	wantRunning(t, Server{Install: in, Data: filepath.Join(t.TempDir(), "none")}, false)
}

func TestStartPortTaken(t *testing.T) {
	t.Parallel()
	s := copied(t)
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for how, start := range map[string]func(context.Context, map[string]string) error{"start": s.Start, "spawn": s.Spawn} {
		err := start(t.Context(), map[string]string{"listen_addresses": "127.0.0.1"})
		if err == nil || !strings.Contains(err.Error(), "could not bind") || !strings.Contains(hint.Of(err), "another port") {
			t.Errorf("%s: got %v, hint %q", how, err, hint.Of(err))
		}
		wantRunning(t, s, false)
	}
}

// The error shows what the server said this time and not what it said before.
func TestStartWrongSetting(t *testing.T) {
	t.Parallel()
	s := copied(t)
	_ = s.Start(t.Context(), map[string]string{"no_such_setting": "1"})
	err := s.Start(t.Context(), map[string]string{"nor_this_one": "1"})
	if err == nil || !strings.Contains(err.Error(), "nor_this_one") || strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got %v", err)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := copied(t)
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]string{secret: "lull", "wrong": "password authentication failed"} {
		cmd := s.Command(t.Context(), "psql", "-XAtc", "SELECT current_user", "-d", s.DSN("postgres", "lull"))
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("password %q: got %s", password, out)
		}
	}
}

func TestOwnerMkdirAll(t *testing.T) {
	t.Parallel()
	owner, err := OwnerNamed("")
	if err != nil {
		t.Fatal(err)
	}
	closed := t.TempDir()
	mode := os.FileMode(0o700) // root's alone, and the owner is another
	if !owner.changes() {
		mode = 0o500
	}
	if err := os.Chmod(closed, mode); err != nil {
		t.Fatal(err)
	}
	if err := owner.MkdirAll(closed); err == nil || !strings.Contains(hint.Of(err), "another folder") {
		t.Errorf("got %v, hint %q", err, hint.Of(err))
	}
	if err := owner.MkdirAll(filepath.Join(folder(t, owner), "a", "b")); err != nil {
		t.Error(err)
	}
}

func TestFreePorts(t *testing.T) {
	t.Parallel()
	got, err := FreePorts(50)
	seen := map[int]bool{}
	for _, p := range got {
		seen[p] = true
	}
	if err != nil || len(seen) != 50 {
		t.Errorf("got %d different ports, %v", len(seen), err)
	}
}

func TestDSNQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"plain": "plain", "": "''", "a b": "'a b'", `it's \ here`: `'it\'s \\ here'`, "a=b": "'a=b'"} {
		if got := dsnQuote(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
