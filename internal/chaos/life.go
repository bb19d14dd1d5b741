package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// How long one life may take, and how long of that it may say nothing. None should: this tells
// a run that hangs from a slow one, also on a machine that is busy with other things.
const (
	patience = 20 * time.Minute
	silence  = 4 * time.Minute
)

// fact is a line of what a run prints, as far as it matters here.
type fact struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Event struct {
		Step string `json:"step"`
	} `json:"event"`
}

// life is one lull run, or lull abort, from its start to its end or its death.
type life struct {
	w      *world
	ctx    context.Context
	cmd    *exec.Cmd
	cancel context.CancelFunc
	mortal bool         // it was told to end itself at a write
	said   bytes.Buffer // standard error
	facts  chan fact
	unread *fact // seen by somebody who did not wait for it
	ended  chan struct{}
	exit   error
	ahead  time.Duration // by how much its clock differed from ours at the most
	killed bool
}

// begin starts one. What it prints is kept beside lull.yaml.
func (w *world) begin(ctx context.Context, verb string, env ...string) (*life, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	l := &life{w: w, ctx: ctx, cancel: cancel, cmd: w.command(ctx, verb, "plan.yaml", "--json"), facts: make(chan fact, 4096), ended: make(chan struct{})}
	l.cmd.Env = append(l.cmd.Env, env...)
	l.cmd.Stderr = &l.said
	l.cmd.WaitDelay = 5 * time.Second
	log, err := os.OpenFile(filepath.Join(w.dir, "lull.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		cancel()
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err == nil {
		fmt.Fprintf(log, "--- lull %s, %s\n", verb, strings.Join(env, " "))
		err = l.cmd.Start()
	}
	if err != nil {
		cancel()
		log.Close()
		return nil, fmt.Errorf("start lull %s: %w", verb, err)
	}
	read := make(chan struct{})
	var sources sync.WaitGroup
	sources.Go(func() { l.watch(read) })
	quiet := time.AfterFunc(silence, cancel)
	go func() {
		defer log.Close()
		defer quiet.Stop()
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			quiet.Reset(silence)
			fmt.Fprintf(log, "%s\n", lines.Bytes())
			var f fact
			if json.Unmarshal(lines.Bytes(), &f) == nil { // a line may be torn by a kill
				if ahead := time.Until(f.At); ahead.Abs() > l.ahead.Abs() {
					l.ahead = ahead
				}
				l.tell(f)
			}
		}
		close(read)
		sources.Wait()
		l.exit = l.cmd.Wait()
		fmt.Fprintf(log, "%s--- %v\n", l.said.Bytes(), l.exit)
		close(l.ended)
		close(l.facts)
	}()
	return l, nil
}

// tell never blocks the run: whoever has stopped listening has seen enough.
func (l *life) tell(f fact) {
	select {
	case l.facts <- f:
	default:
	}
}

// record is where the watchdogs of the switch, or those of the way back, write.
func (l *life) record() string {
	name := "lull_" + strings.ReplaceAll(id, "-", "_")
	if l.cmd.Args[len(l.cmd.Args)-3] == "rollback" {
		name += ".back"
	}
	return filepath.Join(l.w.dir, "lull.db.work", name+".watchdog.jsonl")
}

// watched is what they have written down so far.
func (l *life) watched() []watchdog.Event {
	events, _ := watchdog.ReadRecord(l.record())
	return events
}

// watch adds a fact that the run itself does not print: that clients are held now.
func (l *life) watch(end <-chan struct{}) {
	size := func() int64 {
		if at, err := os.Stat(l.record()); err == nil {
			return at.Size()
		}
		return 0
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	known := size()
	for seen := len(l.watched()); ; {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		now := size()
		if now == known { // most looks end here: the record is read only when it has changed
			continue
		}
		known = now
		events := l.watched()
		for _, e := range events[min(seen, len(events)):] {
			if e.What == watchdog.Held {
				l.tell(fact{Kind: held})
			}
		}
		seen = max(seen, len(events))
	}
}

// reach returns when a place has begun and the wait is over, or the place is. It is false
// when the run has ended or passed the place before.
func (l *life) reach(place string, wait time.Duration) bool {
	for f, more := l.next(); more; f, more = l.next() {
		switch {
		case (place == held || place == backHeld) && f.Kind == held, f.Kind == "step_started" && f.Event.Step == place:
			return l.lasts(f, wait)
		case f.Kind == "step_started" && slices.Index(order, f.Event.Step) > slices.Index(order, place):
			l.unread = &f
			return false
		}
	}
	return false
}

func (l *life) next() (f fact, more bool) {
	if l.unread != nil {
		f, l.unread = *l.unread, nil
		return f, true
	}
	f, more = <-l.facts
	return f, more
}

// lasts waits in a place, but not longer than it lasts.
func (l *life) lasts(at fact, wait time.Duration) bool {
	over := time.After(wait)
	for {
		select {
		case <-over:
			return true
		case f, more := <-l.facts:
			if !more {
				return at.Kind == held // all that held clients has ended, and yet the moment was there
			}
			if f.Kind == held || f.Kind == "step_started" { // for whoever waits for that
				l.unread = &f
				return true
			}
			if f.Event.Step == at.Event.Step && (f.Kind == "step_finished" || f.Kind == "step_failed") {
				return true
			}
		}
	}
}

// kill is kill -9 of the run alone: what it has started is left to itself.
func (l *life) kill() {
	l.killed = true
	_ = l.cmd.Process.Kill() // gone already is as good
	<-l.ended
}

func (l *life) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// outcome is how a life ended.
type outcome struct {
	killed bool
	done   bool
	asked  string // what it wants of a person
}

// wait gives the outcome. An end that leaves a person without knowing what to do is an error.
func (l *life) wait() (outcome, error) {
	defer l.cancel()
	<-l.ended
	said := l.said.String()
	switch code := l.cmd.ProcessState.ExitCode(); {
	case strings.Contains(said, "panic:") || strings.Contains(said, "goroutine "):
		return outcome{}, fmt.Errorf("lull crashed: %.2000s", said)
	case code == 0:
		return outcome{done: true}, nil
	case code == -1 || code == 128+9: // the second is how nsenter tells of it
		if l.killed || l.mortal && l.ctx.Err() == nil {
			return outcome{killed: true}, nil
		}
		return outcome{}, fmt.Errorf("lull hung: it did not end within %s, or said nothing for %s. It said: %s", patience, silence, said)
	}
	asked, problem := question(said)
	return outcome{asked: asked}, problem
}

// question takes apart what lull says when it needs a person: what is wrong, and what to type
// next. One without the other is of no help.
func question(said string) (string, error) {
	what, next, _ := strings.Cut(said, "\nnext: ")
	what, isError := strings.CutPrefix(what, "error:")
	what, next = strings.TrimSpace(what), strings.TrimSpace(next)
	if !isError || what == "" || next == "" {
		return "", fmt.Errorf("lull stopped without saying what is wrong and what to do: %q", said)
	}
	return what + " -> " + next, nil
}
