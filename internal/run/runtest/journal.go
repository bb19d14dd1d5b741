package runtest

import (
	"context"
	"sync"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Journal is a run.Journal in memory, together with its timeline. The zero value is ready.
type Journal struct {
	timeline.Memory

	mu     sync.Mutex
	states map[maint.ID]*state
}

type state struct {
	epoch  int64
	held   bool
	points map[string]run.Checkpoint
}

var _ run.Journal = (*Journal)(nil)

func (j *Journal) state(id maint.ID) *state {
	if j.states == nil {
		j.states = map[maint.ID]*state{}
	}
	if j.states[id] == nil {
		j.states[id] = &state{points: map[string]run.Checkpoint{}}
	}
	return j.states[id]
}

// Acquire implements run.Journal.
func (j *Journal) Acquire(_ context.Context, id maint.ID) (run.Lease, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.state(id)
	if s.held {
		return run.Lease{}, run.ErrLeaseHeld
	}
	s.epoch, s.held = s.epoch+1, true
	return run.Lease{Maintenance: id, Epoch: s.epoch}, nil
}

// Release implements run.Journal.
func (j *Journal) Release(_ context.Context, lease run.Lease) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s := j.state(lease.Maintenance); s.epoch == lease.Epoch {
		s.held = false
	}
	return nil
}

// Break frees the lease as if its holder were taken for dead, so that another can take it over.
func (j *Journal) Break(id maint.ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state(id).held = false
}

// Load implements run.Journal.
func (j *Journal) Load(_ context.Context, id maint.ID) (map[string]run.Checkpoint, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := map[string]run.Checkpoint{}
	for name, cp := range j.state(id).points {
		out[name] = cp
	}
	return out, nil
}

// Commit implements run.Journal.
func (j *Journal) Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.state(lease.Maintenance)
	if s.epoch == 0 || s.epoch != lease.Epoch {
		return run.ErrLeaseLost
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := j.Append(ctx, lease.Maintenance, timeline.AnyVersion, facts...); err != nil {
		return err
	}
	if cp.Step == "" {
		return nil
	}
	if cp.Memo == nil {
		cp.Memo = s.points[cp.Step].Memo
	}
	cp.At = timeline.Instant(cp.At)
	s.points[cp.Step] = cp
	return nil
}
