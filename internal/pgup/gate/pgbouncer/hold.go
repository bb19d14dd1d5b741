package pgbouncer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// errLogin says that PAUSE would have cut off a login, or did.
var errLogin = errors.New("a server login was under way")

// Hold pauses all databases: PAUSE of a single one can stall its clients for
// server_login_retry. It trusts SHOW SERVERS, not the answer to PAUSE, which does not
// count connections that are being cancelled.
func (g *Gate) Hold(ctx context.Context) error {
	g.did("asked")
	g.main.hurry, g.pauser.hurry = g.brief, g.brief
	if err := g.unchanged(); err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), g.main.open(ctx), g.pauser.open(ctx)); err != nil {
		return err
	}
	if err := g.pauseAtRest(ctx); err != nil {
		return fmt.Errorf("pause the pooler: %w", err)
	}
	g.did("paused")
	if err := g.empty(ctx); err != nil {
		return errors.Join(fmt.Errorf("pause the pooler: %w", err), g.giveUp(ctx))
	}
	g.did("drained")
	return nil
}

// pauseAtRest pauses at a moment at which nobody logs in at a server. PAUSE cuts such a
// login off, which counts as a failed one, and until the pool's next login has worked
// every client that comes along is thrown out (src/objects.c, check_fast_fail).
func (g *Gate) pauseAtRest(ctx context.Context) error {
	for {
		if err := g.rest(ctx); err != nil {
			return errors.Join(err, g.unlimit(ctx))
		}
		g.did("rested")
		err := g.pause(ctx)
		g.foreign = errors.Is(err, gate.ErrForeignHold)
		switch {
		case err == nil:
			return nil
		case g.foreign, answered(err):
			return errors.Join(err, g.unlimit(ctx))
		}
		// The shorter the pause was, the more servers are still there to carry on with.
		if back := g.giveUp(ctx); back != nil || !errors.Is(err, errLogin) {
			return errors.Join(err, back)
		}
	}
}

// hopeless is how long a login may take before it counts as one that will not work: the
// clients of its pool wait for a server that does not answer, pause or no pause.
const hopeless = 500 * time.Millisecond

// rest waits until no login is under way, but for hopeless ones. A database that has a
// connection may not open any more meanwhile, or a busy pooler would never be at rest.
func (g *Gate) rest(ctx context.Context) error {
	if err := g.setLimit(ctx, "1"); err != nil {
		return err
	}
	g.hopeless = nil
	var always map[pool]bool // pools that had a login under way whenever we looked
	for began := time.Now(); ; {
		rows, err := g.main.run(ctx, "SHOW POOLS")
		if err != nil {
			return fmt.Errorf("ask the pooler for its pools: %w", err)
		}
		busy := logins(rows)
		always = both(always, busy)
		if time.Since(began) > hopeless {
			g.hopeless = always
		}
		if !g.matters(busy) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errLogin, ctx.Err())
		case <-time.After(200 * time.Microsecond):
		}
	}
}

func (g *Gate) setLimit(ctx context.Context, n string) error {
	if _, err := g.main.run(ctx, "SET max_db_connections = '"+n+"'"); err != nil {
		return fmt.Errorf("limit the pooler's server connections: %w", err)
	}
	return nil
}

// unlimit takes back what rest set. A process that did not see the setting before it was
// changed has the pooler read its file.
func (g *Gate) unlimit(ctx context.Context) error {
	if g.limit != "" {
		return g.setLimit(ctx, g.limit)
	}
	return g.reload(ctx)
}

// pause gives PAUSE together with the question whether anybody logs in: PgBouncer takes
// both from one read, so nothing can come between.
func (g *Gate) pause(ctx context.Context) error {
	rows, err := g.ask(ctx)
	if err == nil && g.matters(logins(rows)) {
		g.pauser.drop()
		return errLogin
	}
	if err == nil {
		err = g.drain(ctx)
	}
	if !answered(err) {
		if err != nil {
			g.pauser.drop()
		}
		return err
	}
	if held, looked := g.main.paused(ctx); looked == nil && held {
		return hint.Wrap(gate.ErrForeignHold, "find out who paused the pooler; RESUME in its admin console ends that")
	}
	return err
}

// ask sends both, and gives the pools.
func (g *Gate) ask(ctx context.Context) ([]row, error) {
	soon, cancel := context.WithTimeout(ctx, g.brief)
	defer cancel()
	rows, err := g.pauser.pair(soon, "SHOW POOLS", "PAUSE")
	if err != nil && !answered(err) && soon.Err() != nil && ctx.Err() == nil {
		g.loose, g.main.silent = true, time.Now() // clients wait: the other connection is not tried first
		err = fmt.Errorf("%w: %w", errSilent, err)
	}
	return rows, err
}

// stillThere is how often the console is asked for a sign of life while nothing else is.
const stillThere = 100 * time.Millisecond

// drain waits for the answer to PAUSE, which comes when the last transaction has ended. That
// may take all the time there is, so the other console tells whether the pooler still answers.
func (g *Gate) drain(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		for sleep(ctx, stillThere) {
			if _, err := g.main.run(ctx, "SHOW VERSION"); errors.Is(err, errSilent) {
				stop(err)
			}
		}
	})
	_, err := g.pauser.answer(ctx)
	stop(nil)
	asking.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		g.loose = true
		return cause
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// pool is what PgBouncer keeps server connections for.
type pool struct{ database, user string }

// logins are the pools with a login under way.
func logins(pools []row) map[pool]bool {
	out := map[pool]bool{}
	for _, r := range pools {
		if r["sv_login"] != "0" {
			out[pool{r["database"], r["user"]}] = true
		}
	}
	return out
}

// matters says whether any of the logins is not hopeless.
func (g *Gate) matters(logins map[pool]bool) bool {
	for p := range logins {
		if !g.hopeless[p] {
			return true
		}
	}
	return false
}

// both is what two sets share; nil stands for everything.
func both(x, y map[pool]bool) map[pool]bool {
	if x == nil {
		return y
	}
	maps.DeleteFunc(x, func(p pool, _ bool) bool { return !y[p] })
	return x
}

func (g *Gate) empty(ctx context.Context) error {
	for {
		rows, err := g.main.run(ctx, "SHOW SERVERS")
		if err != nil || len(rows) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d server connections to end: %w", len(rows), ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// giveUp takes back a PAUSE that may still be on its way: a RESUME that finds nothing
// to resume may have been faster than the PAUSE, so it is given until it hits.
func (g *Gate) giveUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for wait := time.Millisecond; ; wait *= 2 {
		was, err := g.main.resume(ctx)
		if err != nil {
			return g.orSignal(ctx, gate.Source, fmt.Errorf("resume the pooler: %w", err))
		}
		if was {
			g.resumed, g.loose = time.Now(), false
			return g.unlimit(ctx)
		}
		select {
		case <-ctx.Done():
			g.loose = false
			return g.unlimit(ctx) // it never came
		case <-time.After(wait):
		}
	}
}

// unchanged refuses to replace a file that somebody edited since it was staged.
func (g *Gate) unchanged() error {
	if g.new == nil {
		return errors.New("the pooler's new configuration has not been staged")
	}
	now, err := g.file.read()
	if err != nil {
		return err
	}
	if !bytes.Equal(now, g.old) {
		return hint.Errorf("run the same command again", "%s was changed meanwhile", g.file.path)
	}
	return nil
}
