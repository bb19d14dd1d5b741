package run

import (
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// next is what is to be done about an error that has no word for it: nothing, when the step
// is tried again.
func (a *attempt) next(cause error) string {
	if a.Patience == nil || a.ctx.Err() != nil || hint.Of(cause) != "" {
		return carryOn
	}
	if a.drive.failed != a.name {
		a.drive.failed, a.tries = a.name, 0
	}
	a.tries++
	if a.gap = a.Patience(cause, a.tries); a.gap > 0 {
		return fmt.Sprintf("nothing: it is tried again in %s", a.gap)
	}
	return carryOn
}

// carryOut brings one step to done: look, act, look again.
func (d *drive) carryOut(it Item) error {
	cp := d.points[it.Step.Name()]
	if cp.Status == Finished && d.superseded(it) {
		return nil
	}
	a := d.attempt(it, cp)
	seen, err := a.look()
	if err != nil {
		return a.stopped(err)
	}
	if seen.Presence != Done {
		return a.act(seen)
	}
	if cp.Status == Finished {
		d.tell.confirmed(it, seen)
		return nil
	}
	return a.foundDone(seen)
}

// superseded says that a later step has begun to take this one's effect away on purpose.
func (d *drive) superseded(it Item) bool {
	cp, ok := d.points[it.Until]
	return it.Until != "" && ok && cp.Status != Undone
}

// attempt is one step in the hands of one run.
type attempt struct {
	*drive
	it      Item
	name    string
	cp      Checkpoint // what the journal says now
	started time.Time  // zero = not started by lull
	rec     *recorder
}

func (d *drive) attempt(it Item, cp Checkpoint) *attempt {
	cp.Step = it.Step.Name()
	a := &attempt{drive: d, it: it, name: cp.Step, cp: cp, started: d.began[cp.Step]}
	a.rec = &recorder{a: a, memo: cp.Memo, phase: fmt.Sprintf("look/%d/", d.lease.Epoch)}
	return a
}

// look observes the step and turns Foreign into an error.
func (a *attempt) look() (Observation, error) {
	seen, err := a.it.Step.Observe(a.ctx, a.rec)
	if dead := a.dead(); dead != nil {
		return seen, dead
	}
	if err != nil {
		return seen, fmt.Errorf("look at %s: %w", a.name, err)
	}
	switch seen.Presence {
	case Absent, Partial, Done:
		return seen, nil
	case Foreign:
		err := fmt.Errorf("%s: %w: %s", a.name, ErrForeign, seen.Evidence)
		return seen, hint.Wrap(err, "find out whose it is; remove or rename it, then type the same command again")
	}
	return seen, fmt.Errorf("look at %s: the step answered with an unknown presence %q", a.name, seen.Presence)
}

// stopped records why nothing was tried. The checkpoint stays: nothing has changed.
func (a *attempt) stopped(cause error) error {
	cause = withNext(cause, a.next(cause))
	var e maint.Event = maint.StepFailed{
		Step: a.name, Title: a.it.Title, Attempt: a.cp.Attempt, Error: cause.Error(), Hint: hint.Of(cause),
	}
	if a.cp.Status == Finished {
		// A StepFailed here would stand for ever: when all is well next time, nothing follows it.
		e = maint.Noted{Step: a.name, Text: "The step was done, but could not be confirmed: " + cause.Error()}
	}
	return a.end(cause, Checkpoint{}, a.fact(fmt.Sprintf("look/%d", a.lease.Epoch), e))
}

// carryOn is for an error that nobody foresaw, and so has no better word: a person must
// never be left without a next step.
const carryOn = "set right what is said here, then type the same command again: it carries on where it stopped"

// withNext adds the next step to an error that has none.
func withNext(err error, next string) error {
	if hint.Of(err) != "" || errors.Is(err, ErrJournal) {
		return err
	}
	return hint.Wrap(err, next)
}

// end writes the last facts of a step that goes no further. The cause stays the error that is returned.
func (a *attempt) end(cause error, cp Checkpoint, fact timeline.Draft) error {
	if errors.Is(cause, ErrJournal) {
		return cause
	}
	if err := a.commit(cp, fact); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// foundDone journals an effect that is there already: of a run that ended before it could write so, or of somebody's hand.
func (a *attempt) foundDone(seen Observation) error {
	if a.cp.Status == "" || a.cp.Status == Undone {
		a.cp.Attempt++
	}
	return a.finish(seen)
}

func (a *attempt) act(seen Observation) error {
	if err := a.begin(seen); err != nil {
		return err
	}
	err := a.it.Step.Apply(a.ctx, a.rec)
	a.rec.flush()
	if dead := a.dead(); dead != nil {
		return dead
	}
	if err != nil {
		return a.failed(fmt.Errorf("%s: %w", a.name, err))
	}
	seen, err = a.look()
	if err == nil && seen.Presence != Done {
		err = fmt.Errorf("%s was applied, but looking again shows it %s (%s): %w", a.name, seen.Presence, seen.Evidence, ErrNotSeen)
	}
	if err != nil {
		return a.failed(err)
	}
	return a.finish(seen)
}

func (a *attempt) begin(seen Observation) error {
	var facts []timeline.Draft
	again := a.cp.Status == Finished
	a.cp.Attempt++
	a.cp.Status, a.cp.At = Started, a.now()
	if a.started.IsZero() {
		a.started = a.cp.At
	}
	if again {
		text := fmt.Sprintf("The step was done, but looking again shows it %s (%s). It is done again.", seen.Presence, seen.Evidence)
		facts = append(facts, a.fact("again", maint.Noted{Step: a.name, Text: text}))
	}
	if !a.it.Hidden {
		facts = append(facts, a.fact("started", maint.StepStarted{
			Step: a.name, Title: a.it.Title, Attempt: a.cp.Attempt, Budget: a.it.Budget,
		}))
	}
	a.rec.open("")
	return a.commit(a.point(), facts...)
}

func (a *attempt) failed(cause error) error {
	if dead := a.dead(); dead != nil {
		return dead
	}
	if a.ctx.Err() != nil {
		cause = withNext(cause, "type the same command again: it carries on where it stopped")
	}
	cause = withNext(cause, a.next(cause))
	a.cp.Status, a.cp.At = Failed, a.now()
	return a.end(cause, a.point(), a.fact("failed", maint.StepFailed{
		Step: a.name, Title: a.it.Title, Attempt: a.cp.Attempt, Took: a.took(), Error: cause.Error(), Hint: hint.Of(cause),
	}))
}

func (a *attempt) finish(seen Observation) error {
	a.cp.Status, a.cp.At = Finished, a.now()
	var facts []timeline.Draft
	if !a.it.Hidden {
		facts = append(facts, a.fact("done", maint.StepFinished{
			Step: a.name, Title: a.it.Title, Attempt: a.cp.Attempt, Took: a.took(), Budget: a.it.Budget, Evidence: seen.Evidence,
		}))
	}
	if err := a.commit(a.point(), facts...); err != nil {
		return err
	}
	a.points[a.name] = a.cp
	return nil
}

// point is the checkpoint to write: the journal keeps the memo by itself.
func (a *attempt) point() Checkpoint {
	cp := a.cp
	cp.Memo = nil
	return cp
}

// fact is keyed by step and attempt, so that a write which failed but was persisted is not doubled.
func (a *attempt) fact(what string, e maint.Event) timeline.Draft {
	return timeline.Draft{Key: fmt.Sprintf("step/%s/%d/%s", a.name, a.cp.Attempt, what), At: a.now(), Event: e}
}

func (a *attempt) took() time.Duration {
	if a.started.IsZero() {
		return 0
	}
	return max(0, a.now().Sub(a.started))
}
