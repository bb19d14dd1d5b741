package store_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/run/runtest"
	"github.com/lullhq/lull/internal/timeline"
)

var seed = flag.Uint64("seed", 0, "seed of the moments at which TestKill kills; 0 = a few fixed ones")

// killed is the maintenance of these tests.
const killed maint.ID = "killed"

// gated asks before and after each write, so that its parent can kill it there.
type gated struct{ run.Journal }

func gate(what string) {
	fmt.Println(what)
	if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
		os.Exit(3) // the parent is gone
	}
}

func (g gated) Acquire(ctx context.Context, id maint.ID) (run.Lease, error) {
	gate("before acquire")
	lease, err := g.Journal.Acquire(ctx, id)
	gate("after acquire")
	return lease, err
}

func (g gated) Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error {
	gate(fmt.Sprintf("before %s %s", cp.Step, cp.Status))
	err := g.Journal.Commit(ctx, lease, cp, facts...)
	gate(fmt.Sprintf("after %s %s", cp.Step, cp.Status))
	return err
}

// runFiles is a process that carries the plan of files on.
func runFiles() int {
	dir := os.Getenv("LULL_TEST_DIR")
	s, err := openAt(context.Background(), os.Getenv("LULL_TEST_PLACE"))
	if err == nil {
		r := &run.Runner{Journal: gated{s}, Log: s, Gauge: s, Now: time.Now}
		err = r.Run(context.Background(), killed, runtest.Files(killed, dir, s))
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// testKill kills a real process with SIGKILL again and again, at a gate or a
// moment after one, until a process has come to the end. Nothing may be lost or doubled.
func testKill(t *testing.T, h home) {
	seeds := []uint64{1, 2, 3, 4, 5, 6}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	for _, n := range seeds {
		t.Run(fmt.Sprintf("seed %d", n), func(t *testing.T) {
			t.Parallel()
			dir, place := t.TempDir(), h.place(t)
			lives := 1
			for random := rand.New(rand.NewPCG(n, 0)); !live(t, process(t.Context(), "run", place, dir), random); lives++ {
			}
			t.Logf("seed %d: %d lives", n, lives)
			s := h.open(t, place)
			runtest.FilesCase(killed, dir, s, s).VerifyFinished(t, runtest.FilesSaid)
		})
	}
}

// live starts a process, kills it somewhere, and says whether it came to its end before that.
func live(t *testing.T, cmd *exec.Cmd, random *rand.Rand) bool {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if random.IntN(6) == 0 { // while it opens the store
		time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		return false
	}
	gates := bufio.NewScanner(out)
	for left := random.IntN(12); gates.Scan(); left-- {
		if left == 0 {
			killAt(t, cmd.Process, in, random)
			_ = cmd.Wait()
			return false
		}
		if _, err := in.Write([]byte("g")); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return true
}

// killAt kills a process that waits at a gate: there, or within three milliseconds after it.
func killAt(t *testing.T, p *os.Process, in io.Writer, random *rand.Rand) {
	t.Helper()
	if random.IntN(2) == 0 {
		if _, err := in.Write([]byte("g")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(3 * time.Millisecond))))
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// The lease of a process belongs to it while it lives, and to anyone once it is killed.
func testKillFreesTheLease(t *testing.T, h home) {
	place := h.place(t)
	cmd := process(t.Context(), "run", place, t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gates := bufio.NewScanner(out)
	for gates.Scan() && gates.Text() != "after acquire" {
		if _, err := in.Write([]byte("g")); err != nil {
			t.Fatal(err)
		}
	}
	s := h.open(t, place)
	if _, err := s.Acquire(t.Context(), killed); !errors.Is(err, run.ErrLeaseHeld) {
		t.Errorf("while it lives: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if _, err := s.Acquire(t.Context(), killed); err != nil {
		t.Errorf("at once after it was killed: %v", err)
	}
}

// A lock that is gone is a lease that is lost, also while nobody else has it: with a file the lock
// goes only with its process, so there the next holder's epoch tells.
func testLeaseIsLost(t *testing.T, h home) {
	place := h.place(t)
	s := h.open(t, place)
	lease, err := s.Acquire(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Break(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	if filepath.IsAbs(place) {
		if _, err := h.open(t, place).Acquire(t.Context(), "m"); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Commit(t.Context(), lease, run.Checkpoint{Step: "a", Status: run.Started}, timeline.Draft{Key: "k", Event: maint.Started{}})
	if !errors.Is(err, run.ErrLeaseLost) || len(history(t, s)) != 0 {
		t.Errorf("a commit without the lock: %v", err)
	}
	if err := s.Release(t.Context(), lease); err != nil {
		t.Error(err)
	}
	if err := s.Commit(t.Context(), lease, run.Checkpoint{}); !errors.Is(err, run.ErrLeaseLost) {
		t.Errorf("a commit after the release: %v", err)
	}
}
