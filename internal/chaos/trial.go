package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// trial is a journey as it happens.
type trial struct {
	journey []Case
	rows    []*Row // what becomes of each
	w       *world
	life    *life
	verb    string                        // what is typed until it is done
	heals   []func(context.Context) error // what takes the faults away
	beside  sync.WaitGroup
	trace   string // files for the names of the journal's writes begin so

	c       Case // the present one
	f       fault
	row     *Row
	random  *rand.Rand
	patient int // what a person does about what is in the way

	mu    sync.Mutex
	jump  time.Duration // of lull's clock, as it was made
	ahead time.Duration // of the same, as it was seen
	kept  []string      // queries that must find something where the clients are in the end

	stubborn *pgx.Conn // a session on the source that does not end when it is told to
}

func newTrial(journey []Case) *trial {
	t := &trial{journey: journey, verb: "run"}
	for _, c := range journey {
		t.rows = append(t.rows, &Row{Fault: c.Fault, Place: c.Place, Seed: c.Seed, Together: len(journey)})
	}
	t.face(0)
	return t
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
	t.row.Notes = append(t.row.Notes, text)
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

// live is the journey itself: a run, what goes wrong in it, and then whatever a person would type until
// the maintenance has come to an end. What is completed goes back, or gives that up, now and then.
func (t *trial) live(ctx context.Context) (ended string, err error) {
	defer t.beside.Wait()
	if err := t.says(ctx, "schedule"); err != nil {
		return "", err
	}
	if t.c.back() {
		return t.wayBack(ctx)
	}
	switch t.c.Fault {
	case nothing:
		if err := t.oneLife(ctx, "run"); err != nil {
			return "", err
		}
		return rolledBack, t.oneLife(ctx, "rollback")
	case killAtWrite:
		ended, err = completed, t.dieAtWrites(ctx, "run")
	case killAbort:
		ended, err = t.dieInAbort(ctx)
	default:
		ended, err = t.pass(ctx, "run")
	}
	if err != nil || ended != completed {
		return ended, err
	}
	switch t.random.IntN(4) {
	case 0:
		return rolledBack, t.oneLife(ctx, "rollback")
	case 1:
		return finished, t.oneLife(ctx, "finish")
	}
	return ended, nil
}

// wayBack has all of it happen to the rollback of a maintenance in which nothing went wrong.
func (t *trial) wayBack(ctx context.Context) (string, error) {
	if err := t.oneLife(ctx, "run"); err != nil {
		return "", err
	}
	if t.c.Fault == killAtWrite {
		return rolledBack, t.dieAtWrites(ctx, "rollback")
	}
	return t.pass(ctx, "rollback")
}

// says types a command that must do what it says.
func (t *trial) says(ctx context.Context, verb string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
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
	t.row.Lives++
	t.life, err = t.w.begin(ctx, verb, env...)
	return err
}

// startMortal starts a command that ends itself as if by kill -9 at the first of these moments that comes. It writes down which it was.
func (t *trial) startMortal(ctx context.Context, verb string, moments ...string) (died string, err error) {
	died = filepath.Join(t.w.dir, "died")
	if err := t.start(ctx, verb, "LULL_CHAOS_KILL="+strings.Join(moments, ";"), "LULL_CHAOS_DIED="+died); err != nil {
		return "", err
	}
	t.life.mortal = true
	return died, nil
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
