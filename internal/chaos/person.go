package chaos

import (
	"context"
	"fmt"
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

// again types the same command, which must come to its end: nothing is wrong any more.
func (t *trial) again(ctx context.Context) (string, error) {
	if err := t.start(ctx, "run"); err != nil {
		return "", err
	}
	return t.finish(ctx)
}

// ends waits for the end of a life, and looks whether clients can work after it.
func (t *trial) ends(ctx context.Context) (outcome, error) {
	end, err := t.life.wait()
	if err != nil {
		return end, err
	}
	if end.asked != "" {
		t.asked = append(t.asked, end.asked)
		if t.f.strike == nil && !movedOn(end.asked) {
			return end, fmt.Errorf("nothing was wrong but a kill, and it needs a person: %s", end.asked)
		}
	}
	if t.life.ahead.Abs() > t.ahead.Abs() {
		t.ahead = t.life.ahead
	}
	if t.heal != nil && t.f.hurts(t.c.Place) {
		return end, nil // it is the fault itself that keeps them from it
	}
	return end, t.w.serves(ctx, t.resumesWithin())
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
		if end.done && t.f.stays {
			return completed, nil
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
	t.note("taken away")
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
		if movedOn(end.asked) {
			return t.complete(ctx)
		}
	}
	return "", fmt.Errorf("it can neither be carried on nor aborted: %s", strings.Join(t.asked, " | "))
}

// movedOn says that an abort was refused because clients are on the new server.
func movedOn(asked string) bool {
	return strings.Contains(asked, "point of no return") || strings.Contains(asked, "cannot be taken back by aborting")
}

func (t *trial) complete(ctx context.Context) (string, error) {
	return completed, t.oneLife(ctx, "run")
}
