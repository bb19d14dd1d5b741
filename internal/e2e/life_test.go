package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// patience is how long one run may take. None should: it is there so that a run that hangs is told apart from a slow one.
const patience = 30 * time.Minute

func (g *ground) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.lull, args...)
	cmd.Dir, cmd.Env = g.dir, environ()
	return cmd
}

// ask runs lull to its end and gives what it prints.
func (g *ground) ask(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var said bytes.Buffer
	cmd := g.command(ctx, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lull %s: %v\n%s%s", strings.Join(args, " "), err, out, said.Bytes())
	}
	return string(out)
}

// life is one lull run, or lull abort, from its start to its end or its death.
type life struct {
	g      *ground
	t      *testing.T
	cmd    *exec.Cmd
	said   bytes.Buffer // standard error
	facts  chan fact
	cancel context.CancelFunc
	last   []fact
}

func (g *ground) begin(t *testing.T, verb string) *life {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	l := &life{g: g, t: t, facts: make(chan fact), cancel: cancel, cmd: g.command(ctx, verb, "plan.yaml", "--json")}
	l.cmd.Stderr = &l.said
	out, err := l.cmd.StdoutPipe()
	must(t, err)
	before := len(g.watched(t))
	must(t, l.cmd.Start())
	var sources sync.WaitGroup
	read := make(chan struct{})
	sources.Go(func() {
		defer close(read)
		l.facts <- fact{Kind: begun}
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var f fact
			if json.Unmarshal(lines.Bytes(), &f) == nil { // a line may be torn by the kill
				l.facts <- f
			}
		}
	})
	sources.Go(func() { l.watch(before, read) })
	go func() { sources.Wait(); close(l.facts) }()
	return l
}

// watch adds a fact that the run itself does not print: that clients are held now.
func (l *life) watch(before int, end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case <-time.After(500 * time.Microsecond):
		}
		events, _ := watchdog.ReadRecord(l.g.watchRecord())
		for _, e := range events[min(before, len(events)):] {
			if e.What == watchdog.Held {
				f := fact{Kind: held}
				f.Event.Step = theSwitch
				l.facts <- f
			}
		}
		before = max(before, len(events))
	}
}

// until follows the run to its end, or kills it at the first of the moments that comes.
// It gives the moments that are left, and the one at which it killed.
func (l *life) until(moments []moment) (left []moment, killed *moment) {
	l.t.Helper()
	defer l.cancel()
	left = moments
	var at *moment
	var due <-chan time.Time
	step := ""
	for {
		select {
		case f, more := <-l.facts:
			if !more {
				l.ended()
				return left, nil
			}
			l.last = append(l.last, f)
			if at == nil {
				if at, left = next(left, f); at != nil {
					step, due = f.Event.Step, time.After(at.wait)
				}
			} else if f.Kind == "step_finished" && f.Event.Step == step {
				l.kill()
				return left, at
			}
		case <-due:
			l.kill()
			return left, at
		}
	}
}

// kill is kill -9 of the run alone: what it has started is left to itself.
func (l *life) kill() {
	l.t.Helper()
	must(l.t, l.cmd.Process.Kill())
	l.g.kills = append(l.g.kills, time.Now())
	for f := range l.facts {
		l.last = append(l.last, f)
	}
	_ = l.cmd.Wait() // killed, or faster than that
}

func (l *life) ended() {
	l.t.Helper()
	if err := l.cmd.Wait(); err != nil {
		l.t.Fatalf("lull %s: %v\n%s\nits last facts: %+v", strings.Join(l.cmd.Args[1:], " "), err, l.said.Bytes(), l.last[max(0, len(l.last)-12):])
	}
}
