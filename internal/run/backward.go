package run

import (
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
)

// mayReturn refuses when a step of no return is done, by the journal or by the look of things:
// a run may have ended between the effect and the write that tells of it.
func (d *drive) mayReturn(items []Item) error {
	for _, it := range items {
		cp, ok := d.points[it.Step.Name()]
		if !it.NoReturn || !ok || cp.Status == Undone {
			continue
		}
		done := cp.Status == Finished
		if !done {
			seen, err := d.attempt(it, cp).look()
			if err != nil {
				return withNext(err, "set right what is said here, then type the same command again: nothing has been taken back yet")
			}
			done = seen.Presence == Done
		}
		if done {
			return hint.Errorf("carry on with `lull run`, or go back with `lull rollback`", "abort: %s is done: %w", it.Step.Name(), ErrNoReturn)
		}
	}
	return nil
}

// takeBack brings one step to undone: look, undo. An undone step has no memo, as if it had never run.
func (d *drive) takeBack(it Item) error {
	cp, ok := d.points[it.Step.Name()]
	if !ok || cp.Status == Undone {
		return nil
	}
	a := d.attempt(it, cp)
	a.started = a.now()
	seen, err := a.look()
	if err != nil {
		return a.notUndone(err)
	}
	if seen.Presence != Absent {
		if err := a.undo(); err != nil {
			return a.notUndone(err)
		}
	}
	return a.undone()
}

// undo takes the step's word for it. Looking again would prove little: what a step
// made inside a server goes when an earlier step's Undo removes that server.
func (a *attempt) undo() error {
	a.rec.open(fmt.Sprintf("undo/%d/", a.lease.Epoch))
	err := a.it.Step.Undo(a.ctx, a.rec)
	a.rec.flush()
	if dead := a.dead(); dead != nil {
		return dead
	}
	if err != nil {
		return fmt.Errorf("undo %s: %w", a.name, err)
	}
	return nil
}

func (a *attempt) notUndone(cause error) error {
	cause = withNext(cause, "set right what is said here, then type the same command again: it takes back what is left")
	e := maint.Noted{Step: a.name, Text: "The step could not be taken back: " + cause.Error()}
	return a.end(cause, Checkpoint{}, a.fact(fmt.Sprintf("undo/%d", a.lease.Epoch), e))
}

func (a *attempt) undone() error {
	a.cp.Status, a.cp.At, a.cp.Memo = Undone, a.now(), noMemo
	if a.it.Hidden {
		return a.commit(a.cp)
	}
	return a.commit(a.cp, a.fact("undone", maint.StepUndone{Step: a.name, Title: a.it.Title, Took: a.took()}))
}
