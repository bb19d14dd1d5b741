package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
	trace   string // a file for the names of the journal's writes

	mu    sync.Mutex
	jump  time.Duration // of lull's clock
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

func (l *life) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
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
	if t.c.Fault == killReturn {
		return rolledBack, t.dieInReturn(ctx)
	}
	switch t.random.IntN(4) {
	case 0:
		return rolledBack, t.oneLife(ctx, "rollback")
	case 1:
		return finished, t.oneLife(ctx, "finish")
	}
	return ended, nil
}

// oneLife is a command with nothing in its way.
func (t *trial) oneLife(ctx context.Context, verb string) error {
	if err := t.start(ctx, verb); err != nil {
		return err
	}
	end, err := t.ends(ctx)
	if err == nil && !end.done {
		err = fmt.Errorf("lull %s stopped with nothing in its way: %s", verb, end.asked)
	}
	return err
}

func (t *trial) dieInReturn(ctx context.Context) error {
	if err := t.start(ctx, "rollback"); err != nil {
		return err
	}
	if t.life.reach(t.c.Place, t.inPlace(t.c.Place)) && !t.life.over() {
		t.life.kill()
		t.strikes++
	}
	if end, err := t.ends(ctx); err != nil || end.done {
		return err
	}
	return t.oneLife(ctx, "rollback")
}

func (t *trial) untilItEnds(ctx context.Context) (ended string, err error) {
	switch t.c.Fault {
	case killAtWrite:
		return t.dieAtWrite(ctx)
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
		env = append(env, "LULL_CHAOS_WRITES="+t.trace)
	}
	t.lives++
	t.life, err = t.w.begin(ctx, verb, env...)
	return err
}

func (t *trial) dieAtWrite(ctx context.Context) (string, error) {
	for _, when := range []string{"before", "after"} {
		if err := t.start(ctx, "run", "LULL_CHAOS_KILL="+when+" "+t.c.Place); err != nil {
			return "", err
		}
		t.life.mortal = true
		end, err := t.ends(ctx)
		if err != nil || end.done {
			return completed, err
		}
		if !end.killed {
			return "", fmt.Errorf("with nothing wrong but a kill %s the write it stopped: %s", when, end.asked)
		}
		t.strikes++
	}
	return t.again(ctx)
}

// again types the same command, which must come to its end: nothing is wrong any more.
func (t *trial) again(ctx context.Context) (string, error) {
	if err := t.start(ctx, "run"); err != nil {
		return "", err
	}
	return t.finish(ctx)
}

func (t *trial) dieAtRandom(ctx context.Context) (string, error) {
	for range 1 + t.random.IntN(2) {
		place := places[t.random.IntN(len(places))]
		wait := t.inPlace(place)
		t.note(fmt.Sprintf("%s in %s", wait.Round(time.Millisecond), place))
		if err := t.start(ctx, "run"); err != nil {
			return "", err
		}
		if t.life.reach(place, wait) {
			t.life.kill()
			t.strikes++
		}
		if end, err := t.ends(ctx); err != nil || end.done {
			return completed, err
		}
	}
	return t.again(ctx)
}

func (t *trial) dieInAbort(ctx context.Context) (string, error) {
	if err := t.start(ctx, "run"); err != nil {
		return "", err
	}
	if t.life.reach(t.c.Place, t.inPlace(t.c.Place)) {
		t.life.kill()
	}
	if end, err := t.ends(ctx); err != nil || end.done {
		return completed, err
	}
	if err := t.start(ctx, "abort"); err != nil {
		return "", err
	}
	if sleep(ctx, t.upTo(2*time.Second)); !t.life.over() {
		t.life.kill()
		t.strikes++
	}
	if end, err := t.ends(ctx); err != nil || end.done {
		return aborted, err
	}
	return t.abort(ctx)
}

// ends waits for the end of a life, and looks whether clients can work after it.
func (t *trial) ends(ctx context.Context) (outcome, error) {
	end, err := t.life.wait()
	if err != nil {
		return end, err
	}
	if end.asked != "" {
		t.asked = append(t.asked, end.asked)
	}
	if t.jump != 0 && (t.life.ahead-t.jump).Abs() > 2*time.Second && t.lives > 1 {
		return end, fmt.Errorf("this shows nothing: lull's clock is %s ahead, not %s", t.life.ahead, t.jump)
	}
	if t.heal != nil && t.f.hurts(t.c.Place) {
		return end, nil // it is the fault itself that keeps them from it
	}
	return end, t.w.serves(ctx)
}

// resumesWithin is how soon clients must be able to write once nothing is done any more.
const resumesWithin = 8 * time.Second

// serves looks that a client of each database can write through the pooler.
func (w *world) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, resumesWithin)
	defer cancel()
	for _, db := range databases {
		var failed error
		for {
			if failed = execute(ctx, w.through(db), "INSERT INTO visit VALUES (2, 'served')"); failed == nil {
				break
			}
			if !sleep(ctx, 100*time.Millisecond) {
				return fmt.Errorf("clients of %s cannot write %s after the end of lull: %w", db, resumesWithin, failed)
			}
		}
	}
	return nil
}

// most is how often a person types the same command before it is given up.
const most = 4

// finish goes on as a person would: the same command again, what is in the way taken away at
// once or later, and an abort when that does not help.
func (t *trial) finish(ctx context.Context) (string, error) {
	patient := t.random.IntN(3) // 0: takes it away at once; 1: after another try; 2: gives up instead
	for n := 1; ; n++ {
		end, err := t.ends(ctx)
		if err != nil {
			return "", err
		}
		if end.done {
			return completed, t.healed(ctx)
		}
		if end.asked != "" && (n > most || patient == 2 && n > 1) {
			return t.abort(ctx)
		}
		if patient == 0 || n > 1 && patient == 1 {
			if err := t.healed(ctx); err != nil {
				return "", err
			}
		}
		if err := t.start(ctx, "run"); err != nil {
			return "", err
		}
	}
}

func (t *trial) healed(ctx context.Context) error {
	if t.heal == nil {
		return nil
	}
	heal := t.heal
	t.heal = nil
	if err := heal(ctx); err != nil {
		return fmt.Errorf("take the fault away: %w", err)
	}
	return nil
}

// abort gives the maintenance up. Once clients have moved it is refused, and the run goes on.
func (t *trial) abort(ctx context.Context) (string, error) {
	for range most {
		if err := t.start(ctx, "abort"); err != nil {
			return "", err
		}
		end, err := t.ends(ctx)
		if err != nil {
			return "", err
		}
		if err := t.healed(ctx); err != nil {
			return "", err
		}
		if end.done {
			return aborted, nil
		}
		if strings.Contains(end.asked, "point of no return") || strings.Contains(end.asked, "cannot be taken back by aborting") {
			return t.complete(ctx)
		}
	}
	return "", fmt.Errorf("it can neither be carried on nor aborted: %s", strings.Join(t.asked, " | "))
}

func (t *trial) complete(ctx context.Context) (string, error) {
	return completed, t.oneLife(ctx, "run")
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

// verify looks at everything that must hold after any case.
func (t *trial) verify(ctx context.Context, ended string, before map[string]string) (lost int, err error) {
	var problems []error
	if err := t.w.serves(ctx); err != nil {
		problems = append(problems, err)
	}
	t.beside.Wait()
	for _, query := range t.kept {
		if found, err := column(ctx, t.w.through("app"), query); err != nil || len(found) == 0 {
			lost++
			problems = append(problems, fmt.Errorf("what was acknowledged is not there: %s: %v", query, err))
		}
	}
	gone, more := t.w.clients.verify(ctx, t.f.hurts(t.c.Place))
	problems = append(problems, more...)
	problems = append(problems, t.w.verifySides(ctx, ended))
	if ended == aborted || ended == rolledBack {
		problems = append(problems, t.w.verifyAsFound(ctx, ended, before))
	}
	return lost + gone, errors.Join(problems...)
}

// log keeps what is needed to understand a failure.
func (t *trial) log(err error) {
	text := fmt.Sprintf("case %s, seed %d\nnotes: %s\nasked: %s\n\n%v\n", t.c, t.c.Seed, strings.Join(t.notes, "; "), strings.Join(t.asked, "\n       "), err)
	_ = os.WriteFile(t.w.dir+"/failure.txt", []byte(text), 0o600)
	for name, file := range map[string]string{"source.log": t.w.source.Data + ".log", "pooler.log": t.w.pooler.LogFile(), "target.log": t.w.onTargetDisk(t.w.target.Data + ".server.log")} {
		if b, err := os.ReadFile(file); err == nil {
			_ = os.WriteFile(t.w.dir+"/"+name, b, 0o600)
		}
	}
}
