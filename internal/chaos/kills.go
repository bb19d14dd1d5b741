package chaos

import (
	"context"
	"fmt"
	"time"
)

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

// ofReturn begins the names of the writes that a rollback makes.
const ofReturn = "rollback: "

// dieAtWrite is killed twice at the same write: when it is not made yet, and when nobody has been told that it is.
func (t *trial) dieAtWrite(ctx context.Context, verb, write string) (string, error) {
	for _, when := range []string{"before", "after"} {
		if err := t.start(ctx, verb, "LULL_CHAOS_KILL="+when+" "+write); err != nil {
			return "", err
		}
		t.life.mortal = true
		end, err := t.ends(ctx)
		if err != nil || end.done {
			return completed, err
		}
		t.strikes++
	}
	return completed, t.oneLife(ctx, verb)
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
