package runtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Fault is how a write of the journal fails.
type Fault string

// The faults of a durable write.
const (
	NotPersisted Fault = "failed, not persisted"
	Persisted    Fault = "failed, but persisted"
	LeaseTaken   Fault = "lease taken"
)

// Faults lists them all.
var Faults = []Fault{NotPersisted, Persisted, LeaseTaken}

// ErrInjected is the error of a write that was made to fail.
var ErrInjected = errors.New("injected fault")

// faulty is a journal whose nth write fails. From then on its run counts as dead:
// whatever that run still does is kept in after.
type faulty struct {
	run.Journal
	fault Fault
	nth   int // 0 = never

	mu     sync.Mutex
	writes int
	dead   bool
	did    []string // what steps did, in order
	after  []string // what was done after the fault
}

// fails counts a write and says whether it is the one that fails.
func (f *faulty) fails(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		f.after = append(f.after, what)
		return true
	}
	f.writes++
	f.dead = f.writes == f.nth
	return f.dead
}

// does keeps what a step is asked for.
func (f *faulty) does(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, what)
	if f.dead {
		f.after = append(f.after, what)
	}
}

// Acquire implements run.Journal.
func (f *faulty) Acquire(ctx context.Context, id maint.ID) (run.Lease, error) {
	if !f.fails("acquire") {
		return f.Journal.Acquire(ctx, id)
	}
	switch f.fault {
	case LeaseTaken:
		return run.Lease{}, run.ErrLeaseHeld
	case Persisted:
		lease, err := f.Journal.Acquire(ctx, id)
		if err == nil {
			err = f.Release(ctx, lease) // its process is gone
		}
		return run.Lease{}, errors.Join(ErrInjected, err)
	}
	return run.Lease{}, ErrInjected
}

// Commit implements run.Journal.
func (f *faulty) Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error {
	if !f.fails(fmt.Sprintf("commit %s %s", cp.Step, cp.Status)) {
		return f.Journal.Commit(ctx, lease, cp, facts...)
	}
	switch f.fault {
	case LeaseTaken:
		return run.ErrLeaseLost
	case Persisted:
		return errors.Join(ErrInjected, f.Journal.Commit(ctx, lease, cp, facts...))
	}
	return ErrInjected
}

// watched tells f of every call of a step.
type watched struct {
	run.Step
	f *faulty
}

func (w watched) Observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	w.f.does("observe " + w.Name())
	return w.Step.Observe(ctx, rec)
}

func (w watched) Apply(ctx context.Context, rec run.Recorder) error {
	w.f.does("apply " + w.Name())
	return w.Step.Apply(ctx, rec)
}

func (w watched) Undo(ctx context.Context, rec run.Recorder) error {
	w.f.does("undo " + w.Name())
	return w.Step.Undo(ctx, rec)
}

func watch(items []run.Item, f *faulty) []run.Item {
	out := make([]run.Item, len(items))
	for i, it := range items {
		it.Step = watched{Step: it.Step, f: f}
		out[i] = it
	}
	return out
}
