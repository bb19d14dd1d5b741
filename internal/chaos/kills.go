package chaos

import (
	"context"
	"strings"
	"time"
)

// ofReturn begins the names of the writes that a rollback makes.
const ofReturn = "rollback: "

// write is the name of the journal's write that the case is about.
func (c Case) write() string { return strings.TrimPrefix(c.Place, ofReturn) }

// back says that the case is one of the way back.
func (c Case) back() bool { return c.Fault == killReturn || strings.HasPrefix(c.Place, ofReturn) }

// killLull is kill -9 of the command that works.
func killLull(_ context.Context, t *trial) (func(context.Context) error, error) {
	if !t.life.over() {
		t.life.kill()
		t.row.Strikes++
	}
	return nil, nil
}

// dieInAbort gives a maintenance up that was killed, and has the abort killed too.
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
	// At its last write at the latest: how long it takes depends on the machine.
	if _, err := t.startMortal(ctx, "abort", "before start undone"); err != nil {
		return "", err
	}
	if sleep(ctx, t.upTo(2*time.Second)); !t.life.over() {
		t.life.kill()
	}
	end, err := t.ends(ctx)
	if err != nil || end.done {
		return aborted, err
	}
	if end.killed {
		t.row.Strikes++
	}
	return t.abort(ctx)
}
