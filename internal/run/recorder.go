package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// noMemo is what an undone step has kept: nothing, as if it had never run.
var noMemo = []byte("null")

// recorder is the Recorder of one attempt. All of it is safe for several goroutines.
type recorder struct {
	a *attempt

	mu      sync.Mutex
	memo    []byte
	phase   string // part of the keys of notes: a look is not the attempt it follows
	working bool   // inside Apply or Undo
	notes   int
	sampled time.Time
	waiting *Progress // sample that came too soon after the one before it
}

// open begins Apply or Undo, in which the step may keep control state.
func (r *recorder) open(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working, r.phase, r.notes = true, phase, 0
}

// Memo implements Recorder.
func (r *recorder) Memo(v any) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.memo) == 0 || bytes.Equal(r.memo, noMemo) {
		return false, nil
	}
	if err := json.Unmarshal(r.memo, v); err != nil {
		return false, fmt.Errorf("read the memo of %s: %w", r.a.name, err)
	}
	return true, nil
}

// Keep implements Recorder.
func (r *recorder) Keep(_ context.Context, v any) error {
	memo, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep the memo of %s: %w", r.a.name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.working {
		return fmt.Errorf("keep the memo of %s: a step that is only looking changes nothing", r.a.name)
	}
	cp := r.a.cp
	cp.Memo = memo
	if err := r.a.commit(cp); err != nil {
		return err
	}
	r.memo = memo
	return nil
}

// Note implements Recorder.
func (r *recorder) Note(_ context.Context, text string, figures maint.Figures) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes++
	e := maint.Noted{Step: r.a.name, Text: text, Figures: figures}
	return r.a.commit(Checkpoint{}, r.a.fact(fmt.Sprintf("%snote/%d", r.phase, r.notes), e))
}

// Say implements Recorder.
func (r *recorder) Say(_ context.Context, key string, e maint.Event) error {
	if key == "" {
		return errors.New("say " + e.Kind() + ": a key is needed, or it would be said again after a crash")
	}
	draft := r.a.fact("", e)
	draft.Key = key
	return r.a.commit(Checkpoint{}, draft)
}

// Progress implements Recorder.
func (r *recorder) Progress(p Progress) {
	p.Step, p.At = r.a.name, r.a.now()
	if p.Title == "" {
		p.Title = r.a.it.Title
	}
	r.a.tell.progressed(p)
	r.a.pace.sampled(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sampled.IsZero() && p.At.Sub(r.sampled) < gaugeInterval {
		r.waiting = &p
		return
	}
	r.sample(p)
}

// flush sends the last sample of a step, so that the ring does not end at 97 %.
func (r *recorder) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting != nil {
		r.sample(*r.waiting)
	}
}

func (r *recorder) sample(p Progress) {
	r.sampled, r.waiting = p.At, nil
	if r.a.Gauge != nil {
		r.a.Gauge.Sample(r.a.ctx, r.a.lease.Maintenance, p)
	}
}

// teller passes events to a Watcher one at a time; without one it is silent.
type teller struct {
	mu    sync.Mutex
	watch Watcher
}

func (t *teller) recorded(at time.Time, e maint.Event) {
	t.send(func(w Watcher) { w.Recorded(at, e) })
}

func (t *teller) confirmed(it Item, seen Observation) {
	t.send(func(w Watcher) { w.Confirmed(it, seen) })
}

func (t *teller) progressed(p Progress) {
	t.send(func(w Watcher) { w.Progressed(p) })
}

func (t *teller) send(f func(Watcher)) {
	if t.watch == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t.watch)
}
