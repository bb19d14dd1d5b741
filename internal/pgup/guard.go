package pgup

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// onSlots makes the steps such that stand on the slots: what they keep is good for one
// copy only, and the guard watches while they work.
func (u *Upgrade) onSlots(follows bool, items ...run.Item) []run.Item {
	for i := range items {
		s, ok := items[i].Step.(step)
		if !ok {
			continue
		}
		items[i].Step = u.scope(s)
		items[i] = u.guarded(follows, items[i])
	}
	return items
}

func (u *Upgrade) scope(s step) step {
	in := func(rec run.Recorder) run.Recorder { return scoped{rec, u} }
	recall, observe, apply, undo := s.recall, s.observe, s.apply, s.undo
	if recall != nil {
		s.recall = func(rec run.Recorder) error { return recall(in(rec)) }
	}
	s.observe = func(ctx context.Context, rec run.Recorder) (run.Observation, error) { return observe(ctx, in(rec)) }
	s.apply = func(ctx context.Context, rec run.Recorder) error { return apply(ctx, in(rec)) }
	if undo != nil {
		s.undo = func(ctx context.Context, rec run.Recorder) error { return undo(ctx, in(rec)) }
	}
	return s
}

// guarded lets the guard watch while the step works. Follows says that the target has to follow the source meanwhile.
func (u *Upgrade) guarded(follows bool, item run.Item) run.Item {
	s, ok := item.Step.(step)
	if !ok {
		return item
	}
	work := s.apply
	s.apply = func(ctx context.Context, rec run.Recorder) error {
		return (&guard{u: u, rec: rec, follows: follows}).during(ctx, func(ctx context.Context) error { return work(ctx, rec) })
	}
	item.Step = s
	return item
}

// guard looks at both servers once a second while a step works, and ends the step when
// something happened that the step itself would only meet as an endless wait or a
// puzzling error. For one step; its fields are its own goroutine's.
type guard struct {
	u       *Upgrade
	rec     run.Recorder
	follows bool

	source    *pgx.Conn
	since     time.Time // when the connection to the source was opened
	wal       walWatch
	followers followers
	compared  time.Time // when definitions were compared last
	differ    bool      // they differed at the last look
}

const (
	lookEvery   = time.Second
	reconnect   = 5 * time.Second // an open session may still be with a server that clients have left
	compareEach = time.Minute
	lookLimit   = 10 * time.Second
	afterwards  = 5 * time.Second // how long a step's own error waits for the guard's
)

// during runs work. Its error is the guard's where the guard found trouble.
func (g *guard) during(parent context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	g.followers, g.compared = newFollowers(g.u), time.Now()
	var trouble error
	var watching sync.WaitGroup
	watching.Go(func() {
		if trouble = g.watch(ctx); trouble != nil {
			cancel(trouble)
		}
	})
	err := work(ctx)
	cancel(nil)
	watching.Wait()
	defer g.close()
	if err != nil && trouble == nil && parent.Err() == nil {
		trouble = g.lastLook(parent)
	}
	if err != nil && trouble != nil {
		return trouble
	}
	return err
}

func (g *guard) close() {
	if g.source != nil {
		g.source.Close(context.Background())
	}
	g.followers.sessions.close()
}

// watch returns when ctx ends, or with what a person has to know.
func (g *guard) watch(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if g.u.holding.Load() {
			continue // clients wait: no work beside that
		}
		if trouble, err := g.look(ctx); err == nil && trouble != nil {
			return trouble
		}
	}
}

// unwatched keeps the guard from beginning another look until done is called.
func (u *Upgrade) unwatched() (done func()) {
	u.holding.Store(true)
	return func() { u.holding.Store(false) }
}

// lastLook asks why a step failed: a failover cuts its connections before the guard can
// see where they lead now. Without an answer, the step's own error stands.
func (g *guard) lastLook(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, afterwards)
	defer cancel()
	for g.since = (time.Time{}); ; { // by a new connection
		trouble, err := g.look(ctx)
		if trouble != nil || err == nil && g.followers.well() {
			return trouble
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery / 4):
		}
	}
}

// look tells apart what is wrong with the stream, and an error that kept it from looking.
// A source that does not answer is no trouble yet: it may be restarting.
func (g *guard) look(ctx context.Context) (trouble, err error) {
	quick, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	if trouble, err = g.lookAtSource(quick); trouble != nil || err != nil {
		g.since = time.Time{} // the next look by a new connection
		g.followers.excuse()
		return trouble, err
	}
	if !g.follows {
		return nil, nil
	}
	if trouble := g.followers.look(quick); trouble != nil {
		return trouble, nil
	}
	return g.lookAtDefinitions(ctx)
}

func (g *guard) lookAtSource(ctx context.Context) (trouble, err error) {
	if err := g.connect(ctx); err != nil {
		return nil, err
	}
	self, err := cluster.LookSelf(ctx, g.source)
	if err != nil {
		return nil, err
	}
	if trouble := g.u.movedSource(self); trouble != nil {
		return trouble, nil
	}
	kept, err := cluster.LookKept(ctx, g.source, g.u.slotNames())
	if err != nil {
		return nil, err
	}
	if trouble, err := g.budget(ctx, kept); trouble != nil || err != nil {
		return trouble, err
	}
	return g.u.lostSlot(kept), nil
}

func (g *guard) connect(ctx context.Context) (err error) {
	if g.source != nil && time.Since(g.since) < reconnect {
		return nil
	}
	if g.source != nil {
		g.source.Close(context.WithoutCancel(ctx))
		g.source = nil
	}
	if g.source, err = g.u.Source.Connect(ctx, ""); err == nil {
		g.since = time.Now()
	}
	return err
}

// lookAtDefinitions compares both sides once a minute. A difference counts when it is seen
// twice: one look may fall between a change on one side and the same on the other.
func (g *guard) lookAtDefinitions(ctx context.Context) (trouble, err error) {
	if time.Since(g.compared) < compareEach && !g.differ {
		return nil, nil
	}
	g.compared = time.Now()
	ctx, cancel := context.WithTimeout(ctx, compareEach)
	defer cancel()
	found, err := g.u.differences(ctx)
	if err != nil {
		return nil, err
	}
	seen := g.differ
	if g.differ = len(found) > 0; g.differ && seen {
		return differ(found), nil
	}
	return nil, nil
}
