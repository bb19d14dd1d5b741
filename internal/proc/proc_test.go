package proc

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func sh(script string) Cmd { return Cmd{Name: "sh", Args: []string{"/bin/sh", "-c", script}} }

func TestRunGivesTheOutputOfAProgram(t *testing.T) {
	t.Parallel()
	c := sh("cat; echo $WHAT; pwd")
	c.Stdin, c.Env, c.Dir = []byte("in\n"), []string{"WHAT=env", "PATH=/usr/bin:/bin"}, "/"
	out, err := Run(t.Context(), c)
	if err != nil || string(out) != "in\nenv\n/\n" {
		t.Fatalf("got %q, %v", out, err)
	}
}

func TestAFailureSaysWhatTheProgramSaid(t *testing.T) {
	t.Parallel()
	c := sh(`echo "no use of https://me:secret@example.com/x"; printf 'gone:\033[31m really\n\n' >&2; exit 3`)
	c.Merge = true
	_, err := Run(t.Context(), c)
	var e *Error
	if !errors.As(err, &e) || e.Code != 3 {
		t.Fatalf("got %v", err)
	}
	if want := "sh: exit status 3: no use of https://example.com/x / gone:[31m really"; err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
}

func TestOnlyTheEndOfALongComplaintIsKept(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), sh(`i=0; while [ $i -lt 500 ]; do echo "line number $i of many" >&2; i=$((i+1)); done; exit 1`))
	if err == nil || len(err.Error()) > maxTail+200 || !strings.HasSuffix(err.Error(), "line number 499 of many") {
		t.Errorf("got %v", err)
	}
	if first, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "sh: exit status 1: "), " / "); !strings.HasPrefix(first, "line number ") {
		t.Errorf("begins with half a line: %q", first)
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), Cmd{Name: "nosuch", Args: []string{"no-such-program-anywhere"}})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestTheEndOfTheContextEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	var group int
	c := sh("sleep 1000 & sleep 1000")
	c.Began = func(g int) error { group = g; cancel(stop); return nil }
	if _, err := Run(ctx, c); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	for end := time.Now().Add(10 * time.Second); Alive(group); time.Sleep(time.Millisecond) {
		if time.Now().After(end) { // what is dead and not reaped by init yet can run no more
			t.Fatalf("group %d still runs", group)
		}
	}
}

func TestNothingStartsAfterTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, sh("true")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnErrorOfBeganEndsTheProgram(t *testing.T) {
	t.Parallel()
	no := errors.New("cannot write it down")
	c := sh("sleep 1000")
	c.Began = func(int) error { return no }
	if _, err := Run(t.Context(), c); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
}

func TestThereIsNoTerminalToAskOn(t *testing.T) {
	t.Parallel()
	if _, err := Run(t.Context(), sh("exec 3</dev/tty")); err == nil {
		t.Error("the program has a terminal")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"fatal: 'https://u:p@ss@host/x.git' not found": "fatal: 'https://host/x.git' not found",
		"ssh://git@host:22/x":                          "ssh://host:22/x",
		"https://host/a@b":                             "https://host/a@b",
		"mail me@example.com":                          "mail me@example.com",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%q gave %q, want %q", in, got, want)
		}
	}
}
