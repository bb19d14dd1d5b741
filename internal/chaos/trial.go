package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// trial is one case as it happens.
type trial struct {
	c       Case
	f       fault
	w       *world
	random  *rand.Rand
	life    *life
	heal    func(context.Context) error // takes the fault away; nil when there is nothing to take
	strikes int                         // what was really harmed
	lives   int
	beside  sync.WaitGroup
	trace   string // files for the names of the journal's writes begin so

	mu    sync.Mutex
	jump  time.Duration // of lull's clock, as it was made
	ahead time.Duration // of the same, as it was seen
	kept  []string      // queries that must find something where the clients are in the end
	notes []string
	asked []string // what lull wanted of a person

	stubborn *pgx.Conn // a session on the source that does not end when it is told to
}

func (t *trial) upTo(d time.Duration) time.Duration { return time.Duration(t.random.Int64N(int64(d))) }

// keep adds a query that must find something in database app in the end: it was acknowledged.
func (t *trial) keep(query string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, query)
}

func (t *trial) forget(query string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = slices.DeleteFunc(t.kept, func(q string) bool { return q == query })
}

func (t *trial) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, text)
}

// typical is how long there is something to be hit in the middle of a place.
var typical = map[string]time.Duration{
	baseBackup: 800 * time.Millisecond, recovery: time.Second, pgUpgrade: 6 * time.Second, targetStart: time.Second, held: 60 * time.Millisecond,
}

func (t *trial) inPlace(place string) time.Duration {
	if d, ok := typical[place]; ok {
		return t.upTo(d)
	}
	return t.upTo(300 * time.Millisecond)
}

// How a maintenance may end.
const (
	completed  = "completed"
	aborted    = "aborted"
	rolledBack = "rolled back"
	finished   = "finished"
)

// live is the case itself: a run, the fault in it, and then whatever a person would type until
// the maintenance has come to an end. What is completed goes back, or gives that up, now and then.
func (t *trial) live(ctx context.Context) (ended string, err error) {
	defer t.beside.Wait()
	if err := t.says(ctx, "schedule"); err != nil {
		return "", err
	}
	if ended, err = t.untilItEnds(ctx); err != nil || ended != completed {
		return ended, err
	}
	switch write, back := strings.CutPrefix(t.c.Place, ofReturn); {
	case t.c.Fault == killReturn:
		return rolledBack, t.dieInReturn(ctx)
	case t.c.Fault == killAtWrite && back:
		_, err := t.dieAtWrite(ctx, "rollback", write)
		return rolledBack, err
	case t.c.Fault == nothing:
		return rolledBack, t.oneLife(ctx, "rollback")
	}
	switch t.random.IntN(4) {
	case 0:
		return rolledBack, t.oneLife(ctx, "rollback")
	case 1:
		return finished, t.oneLife(ctx, "finish")
	}
	return ended, nil
}

func (t *trial) untilItEnds(ctx context.Context) (ended string, err error) {
	switch t.c.Fault {
	case killAtWrite:
		if !strings.HasPrefix(t.c.Place, ofReturn) {
			return t.dieAtWrite(ctx, "run", t.c.Place)
		}
	case killAtRandom:
		return t.dieAtRandom(ctx)
	case killAbort:
		return t.dieInAbort(ctx)
	}
	if t.f.strike == nil {
		return t.again(ctx)
	}
	if t.c.Place == held && t.random.IntN(2) == 0 {
		if err := t.makeHoldLast(ctx); err != nil {
			return "", err
		}
	}
	wait := t.inPlace(t.c.Place)
	if err := t.start(ctx, "run"); err != nil {
		return "", err
	}
	if !t.life.reach(t.c.Place, wait) {
		t.release()
		return t.finish(ctx)
	}
	if t.heal, err = t.f.strike(ctx, t); err != nil {
		return "", fmt.Errorf("%s: %w", t.f.title, err)
	}
	t.release()
	return t.finish(ctx)
}

// says types a command that must do what it says.
func (t *trial) says(ctx context.Context, verb string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if out, err := t.w.command(ctx, verb, "plan.yaml").CombinedOutput(); err != nil {
		return fmt.Errorf("lull %s: %w: %s", verb, err, out)
	}
	return nil
}

func (t *trial) start(ctx context.Context, verb string, env ...string) (err error) {
	if t.f.clock {
		env = append(env, "LULL_CHAOS_CLOCK="+t.w.clockFile())
	}
	if t.trace != "" {
		env = append(env, "LULL_CHAOS_WRITES="+t.trace+"."+verb)
	}
	t.lives++
	t.life, err = t.w.begin(ctx, verb, env...)
	return err
}

// makeHoldLast opens a session past the pooler whose process is stopped: a hold waits for it
// until its budget is over, so that the fault lies inside of it for certain.
func (t *trial) makeHoldLast(ctx context.Context) (err error) {
	if t.stubborn, err = pgx.Connect(ctx, t.w.past(t.w.source.Port, "app")); err != nil {
		return err
	}
	return syscall.Kill(int(t.stubborn.PgConn().PID()), syscall.SIGSTOP)
}

// release lets that session go on, to its end.
func (t *trial) release() {
	if t.stubborn == nil {
		return
	}
	_ = syscall.Kill(int(t.stubborn.PgConn().PID()), syscall.SIGCONT) // its server may be gone
	t.stubborn.Close(context.Background())
	t.stubborn = nil
}
