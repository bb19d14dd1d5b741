package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// The children of a test are this test binary again, told by a variable which server to start and how.
const childVariable = "LULL_TEST_START"

func TestMain(m *testing.M) {
	if what := os.Getenv(childVariable); what != "" {
		startAndWait(what)
	}
	code := m.Run()
	if madeIn != "" {
		os.RemoveAll(madeIn)
	}
	os.Exit(code)
}

func startAndWait(what string) {
	var how, data, sockets string
	var port int
	_, err := fmt.Sscan(what, &how, &data, &sockets, &port)
	in, findErr := Find(17)
	s := Server{Install: in, Data: data, SocketDir: sockets, Port: port}
	start := s.Start
	if how == "spawn" {
		start = s.Spawn
	}
	if err == nil && findErr == nil {
		err = start(context.Background(), nil)
	}
	fmt.Println("started", err, findErr)
	select {}
}

// A server that was started stays when the program that started it is killed with its whole process group.
// One that was spawned ends then.
func TestKilledStarter(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"start", "spawn"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := copied(t)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d", childVariable, how, s.Data, s.SocketDir, s.Port))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil && err != io.EOF || line != "started <nil> <nil>\n" {
				t.Errorf("the starter says %q, %v", line, err)
			}
			wantRunning(t, s, true)
			if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if how == "start" {
				if got := s.ask(t, "SELECT 'here'"); got != "here" {
					t.Errorf("got %q", got)
				}
				return
			}
			awaitEnd(t, s)
		})
	}
}

func awaitEnd(t *testing.T, s Server) {
	t.Helper()
	if !tethers {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := func() bool { running, err := s.Running(ctx); return err == nil && !running }
	if err := await(ctx, nil, ended); err != nil {
		t.Errorf("the spawned server goes on: %v", err)
	}
}
