package pgserver

import (
	"context"
	"os"
	"testing"
	"time"
)

// What initdb and pg_upgrade leave when they are killed: a server process of no server, a
// server, and both at once. Another folder's are left alone, also when its name begins alike.
func TestHalt(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("there is no /proc to find processes in")
	}
	s, other := copied(t), copied(t)
	next := other
	next.Data = s.Data + ".other"
	if err := os.Rename(other.Data, next.Data); err != nil {
		t.Fatal(err)
	}
	if err := next.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := next.Stop(context.Background(), "immediate"); err != nil {
			t.Error(err)
		}
	})
	for name, leave := range map[string]func(){
		"nothing":     func() {},
		"its process": func() { orphan(t, s) },
		"a server": func() {
			if err := s.Start(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		leave()
		if err := s.Halt(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if programs, servers := atWork(s.Data, []Install{s.Install}); len(programs)+len(servers) > 0 {
			t.Errorf("%s: %v and %v are left", name, programs, servers)
		}
	}
	if running, err := next.Running(t.Context()); err != nil || !running {
		t.Errorf("the server beside it was stopped: %v", err)
	}
}

// Whoever is killed between making the pid file and writing it leaves an empty one, which PostgreSQL takes for a server that starts.
func TestEmptyPidFile(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("there is no /proc to find processes in")
	}
	s := copied(t)
	empty := func() {
		if err := os.WriteFile(s.pidFile(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty()
	if running, err := s.Running(t.Context()); err != nil || running {
		t.Errorf("with what a killed one has left: %v, %v", running, err)
	}
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(s.pidFile())
	if err != nil {
		t.Fatal(err)
	}
	empty() // a server is at work there, so it is one that is about to write it
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Running(ctx); err == nil || !s.pidFileEmpty() {
		t.Errorf("while somebody may be about to write it: %v; still there: %v", err, s.pidFileEmpty())
	}
	if err := os.WriteFile(s.pidFile(), written, 0o600); err != nil {
		t.Fatal(err)
	}
}

// orphan starts what initdb does, and waits until it has taken the folder.
func orphan(t *testing.T, s Server) {
	t.Helper()
	cmd := s.Command(t.Context(), "postgres", "--single", "-D", s.Data, "postgres")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() { in.Close() })
	err = await(t.Context(), nil, func() bool {
		_, err := os.Stat(s.pidFile())
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
