package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Runner carries out plans. Gauge, Watch, Pace and Patience may be nil.
type Runner struct {
	Journal Journal
	Log     timeline.Log
	Gauge   Gauge
	Watch   Watcher
	Pace    Pace
	Now     func() time.Time
	// Patience says how long to wait before a step that ended with an error is tried again by
	// itself, the try counted from 1. 0 means that a person is needed, as does a nil Patience. An
	// error that names what a person has to do is never tried again.
	Patience func(err error, try int) time.Duration
}

// Watcher is told of everything as it happens, for a person at a terminal. Its
// methods are called one at a time and must return at once.
type Watcher interface {
	// Recorded gives an event that is on the timeline now, or was already.
	Recorded(at time.Time, e maint.Event)
	// Confirmed says that a step of an earlier run was looked at again and is still done.
	Confirmed(it Item, seen Observation)
	// Progressed gives a sample of the running step, as often as the step reports one.
	Progressed(p Progress)
}

// Conditions that a runner reports besides those of the journal.
var (
	// ErrJournal says that a write of control state failed. Whether it is written is unknown; a later run finds out.
	ErrJournal = errors.New("write the journal")
	// ErrNoReturn says that a step which cannot be taken back is done.
	ErrNoReturn = errors.New("the point of no return is passed")
	// ErrNotSeen says that a step ended without an error, and yet its effect is not there.
	ErrNotSeen = errors.New("the effect is not there")
)

const (
	commitDeadline  = 30 * time.Second // longest wait for one write of the journal
	releaseDeadline = 5 * time.Second  // longest wait for giving the lease up
	gaugeInterval   = 250 * time.Millisecond
)

// Run carries the items out in order and returns when all are done or one has
// failed. After any end, also a crash, the same call carries on.
func (r *Runner) Run(ctx context.Context, id maint.ID, items []Item) error {
	return r.drive(ctx, id, items, func(d *drive) error {
		if err := d.resumed(items); err != nil {
			return err
		}
		defer d.keepPace()()
		return d.persist(items)
	})
}

// persist goes through the items, and once more while what stopped it may pass by itself. Each
// try begins as a new run would, with what the journal says and a look at every earlier
// step: it may be one of those that is to be done again.
func (d *drive) persist(items []Item) error {
	for {
		d.gap = 0
		err := d.through(items)
		if err == nil || d.gap == 0 {
			return err
		}
		select {
		case <-d.ctx.Done():
			return hint.Wrap(err, carryOn)
		case <-time.After(d.gap):
		}
		if _, err := d.load(); err != nil {
			return err
		}
	}
}

func (d *drive) through(items []Item) error {
	for _, it := range items {
		if err := context.Cause(d.ctx); err != nil {
			return fmt.Errorf("stopped before %s: %w", it.Step.Name(), err)
		}
		if err := d.carryOut(it); err != nil {
			return err
		}
	}
	return nil
}

// Abort takes back, in reverse order, every step that has left a trace in the
// journal. It refuses before it touches anything when a step of no return is done.
func (r *Runner) Abort(ctx context.Context, id maint.ID, items []Item) error {
	return r.drive(ctx, id, items, func(d *drive) error {
		if err := d.mayReturn(items); err != nil {
			return err
		}
		for i := len(items) - 1; i >= 0; i-- {
			if err := context.Cause(d.ctx); err != nil {
				return fmt.Errorf("stopped before taking back %s: %w", items[i].Step.Name(), err)
			}
			if err := d.takeBack(items[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// drive is one run under one lease. Once a write of the journal has failed it is
// dead: ctx is cancelled, and nothing more is done or written.
type drive struct {
	*Runner
	ctx    context.Context
	cancel context.CancelCauseFunc
	lease  Lease
	points map[string]Checkpoint
	began  map[string]time.Time // first start of each step that is begun and not done
	tell   teller
	pace   paced
	failed string        // the step that ended with an error last
	tries  int           // how often it has, one after the other
	gap    time.Duration // before it is tried again; 0 = it is not

	writing sync.Mutex // a step may write from several goroutines; none may write after one has failed
	broken  error      // the failed write
}

func (r *Runner) drive(ctx context.Context, id maint.ID, items []Item, work func(*drive) error) error {
	if err := checkNames(items); err != nil {
		return err
	}
	lease, err := r.Journal.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer r.release(ctx, lease)
	d := &drive{Runner: r, lease: lease, tell: teller{watch: r.Watch}, pace: paced{pace: r.Pace}}
	d.ctx, d.cancel = context.WithCancelCause(ctx)
	defer d.cancel(nil)
	history, err := d.load()
	if err != nil {
		return err
	}
	for _, e := range history {
		d.pace.with(func(p Pace) { p.Past(e.At, e.Event) })
	}
	return work(d)
}

// release has no error to give: a lease that cannot be given up dies with its process.
func (r *Runner) release(ctx context.Context, lease Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseDeadline)
	defer cancel()
	_ = r.Journal.Release(ctx, lease)
}

func (d *drive) load() ([]timeline.Entry, error) {
	points, err := d.Journal.Load(d.ctx, d.lease.Maintenance)
	if err != nil {
		return nil, fmt.Errorf("load the journal of %s: %w", d.lease.Maintenance, err)
	}
	history, err := d.Log.History(d.ctx, d.lease.Maintenance)
	if err != nil {
		return nil, fmt.Errorf("load the timeline of %s: %w", d.lease.Maintenance, err)
	}
	if points == nil {
		points = map[string]Checkpoint{}
	}
	d.points, d.began = points, firstStarts(history)
	return history, nil
}

// firstStarts gives when each unfinished step was first started. A step that was
// cut off and resumed took the time since then: people waited that long.
func firstStarts(history []timeline.Entry) map[string]time.Time {
	began := map[string]time.Time{}
	for _, entry := range history {
		switch e := entry.Event.(type) {
		case maint.StepStarted:
			if _, ok := began[e.Step]; !ok {
				began[e.Step] = entry.At
			}
		case maint.StepFinished:
			delete(began, e.Step)
		case maint.StepUndone:
			delete(began, e.Step)
		}
	}
	return began
}

// commit writes the checkpoint and the facts. It does so also after ctx was
// cancelled: what has been done is written down, unless the drive is dead.
func (d *drive) commit(cp Checkpoint, facts ...timeline.Draft) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.broken != nil {
		return d.broken
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), commitDeadline)
	defer cancel()
	if err := d.Journal.Commit(ctx, d.lease, cp, facts...); err != nil {
		d.broken = hint.Wrap(fmt.Errorf("%w: %w", ErrJournal, err), afterFailedWrite(err))
		d.cancel(d.broken)
		return d.broken
	}
	for _, f := range facts {
		d.pace.recorded(f.At, f.Event)
		d.tell.recorded(f.At, f.Event)
	}
	return nil
}

func afterFailedWrite(err error) string {
	if errors.Is(err, ErrLeaseLost) {
		return "look at the run that took over with `lull watch`"
	}
	return "check the disk of the store, then type the same command again: it finds out what was written"
}

// dead gives the failed write that ended this drive, if there is one.
func (d *drive) dead() error {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.broken
}

func (d *drive) now() time.Time { return timeline.Instant(d.Now()) }

// resumed puts on record that an earlier run ended early. A plan that is all done is not resumed by looking at it.
func (d *drive) resumed(items []Item) error {
	begun, done := 0, 0
	for _, it := range items {
		switch cp, ok := d.points[it.Step.Name()]; {
		case !ok || cp.Status == Undone:
		case cp.Status == Finished:
			begun, done = begun+1, done+1
		default:
			begun++
		}
	}
	if begun == 0 || done == len(items) {
		return nil
	}
	text := fmt.Sprintf("The run was resumed. %d of %d steps were done.", done, len(items))
	return d.commit(Checkpoint{}, timeline.Draft{
		Key: fmt.Sprintf("resumed/%d", d.lease.Epoch), At: d.now(), Event: maint.Resumed{Epoch: d.lease.Epoch, Text: text},
	})
}

func checkNames(items []Item) error {
	seen := map[string]bool{}
	for _, it := range items {
		name := it.Step.Name()
		if name == "" || seen[name] {
			return hint.Errorf("give each step of the plan a name of its own", "check the plan: the step name %q is empty or used twice", name)
		}
		seen[name] = true
	}
	return nil
}
