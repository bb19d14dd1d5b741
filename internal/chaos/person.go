package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

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

// ends waits for the end of a life, and looks whether clients can work after it.
func (t *trial) ends(ctx context.Context) (outcome, error) {
	end, err := t.life.wait()
	if err != nil {
		return end, err
	}
	if end.asked != "" {
		t.row.Asked = append(t.row.Asked, end.asked)
		if t.f.kills && !movedOn(end.asked) {
			return end, fmt.Errorf("nothing was wrong but a kill, and it needs a person: %s", end.asked)
		}
	}
	if t.life.ahead.Abs() > t.ahead.Abs() {
		t.ahead = t.life.ahead
	}
	if len(t.heals) > 0 && t.hurts() {
		return end, nil // it is the fault itself that keeps them from it
	}
	return end, t.w.serves(ctx, t.resumesWithin())
}

// most is how often a person types the same command before it is given up.
const most = 4

// finish goes on as a person would until the maintenance has come to its end.
func (t *trial) finish(ctx context.Context) (ended string, err error) {
	for n := 1; err == nil && ended == ""; n++ {
		ended, err = t.carryOn(ctx, n)
	}
	return ended, err
}

// carryOn waits for the end of a life, the nth in this place, and does what a person would do then: the same command
// again, what is in the way taken away at once or later, and an abort when that does not help. It says how
// the maintenance ended, if it did.
func (t *trial) carryOn(ctx context.Context, n int) (ended string, err error) {
	end, err := t.ends(ctx)
	switch {
	case err != nil:
		return "", err
	case end.done && t.verb == "rollback":
		return rolledBack, t.healed(ctx)
	case end.done && t.f.stays:
		return completed, nil
	case end.done:
		return completed, t.healed(ctx)
	case end.asked != "" && (n > most || t.patient == givesUp && n > 1):
		return t.abort(ctx)
	}
	if t.patient == takesAway || t.patient == triesFirst && n > 1 {
		if err := t.healed(ctx); err != nil {
			return "", err
		}
	}
	return "", t.start(ctx, t.verb)
}

// healed takes away what is in the way. What came later goes first.
func (t *trial) healed(ctx context.Context) error {
	heals := t.heals
	t.heals = nil
	for _, heal := range slices.Backward(heals) {
		t.note("taken away")
		if err := heal(ctx); err != nil {
			return fmt.Errorf("take the fault away: %w", err)
		}
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
		if movedOn(end.asked) {
			return t.complete(ctx)
		}
	}
	return "", fmt.Errorf("it can neither be carried on nor aborted: %s", strings.Join(t.row.Asked, " | "))
}

// movedOn says that an abort was refused because clients are on the new server.
func movedOn(asked string) bool {
	return strings.Contains(asked, "point of no return") || strings.Contains(asked, "cannot be taken back by aborting")
}

func (t *trial) complete(ctx context.Context) (string, error) {
	return completed, t.oneLife(ctx, "run")
}
