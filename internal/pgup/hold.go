package pgup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/watchdog"
	"github.com/lullhq/lull/internal/priority"
)

// hold is one try at the switch with everything opened, prepared and warm before any
// client waits. Inside the hold there is no process to start, no connection to open
// and no file to write but WAL and the pooler's configuration.
type hold struct {
	u      *Upgrade
	way    way
	dog    *watchdog.Watchdog
	from   *pgx.Conn     // closes and opens the fence of the server that clients are on
	to     *pgx.Conn     // opens the fence of the one they go to
	lanes  []*lane       // one a database
	deltas *deltas       // what no replication carries
	proof  proof         // what was seen in the last try
	rates  rates         // what the hold is predicted from
	waited time.Duration // for a good moment
}

// timing are the moments of a hold by Lull's clock.
type timing struct {
	asked, drained, fenced, seen, resumed time.Time
}

func (t timing) hold() time.Duration { return t.resumed.Sub(t.asked) }

func (t timing) figures(try int, h *hold) maint.Figures {
	return h.deltas.figures(maint.Figures{
		"hold_ms": ms(t.hold()), "drain_ms": ms(t.drained.Sub(t.asked)), "fence_ms": ms(t.fenced.Sub(t.drained)),
		"marker_ms": ms(t.seen.Sub(t.fenced)), "resume_ms": ms(t.resumed.Sub(t.seen)),
		"predicted_ms": ms(predict(h.rates).hold()), "hold_budget_ms": ms(h.u.HoldBudget),
		"sequences": float64(h.sequenceCount()), "tries": float64(try), "held_at_unix_ms": float64(t.asked.UnixMilli()),
		"waited_for_moment_s": h.waited.Seconds(),
	})
}

// newHold opens and prepares everything. When it returns, the watchdog is ready as well.
func (u *Upgrade) newHold(ctx context.Context, w way) (_ *hold, err error) {
	w.from.Name, _ = watchdog.NewHolder(u.ID)
	w.to.Name = w.from.Name
	h := &hold{u: u, way: w} // not a named result: a return of nil must not keep it from being closed
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	for range 2 { // the second time tells how long it takes when all is warm
		if err := h.rehearse(ctx); err != nil {
			return nil, err
		}
	}
	spec, err := u.watchdogSpec(w)
	if err != nil {
		return nil, err
	}
	spec.Holder = w.from.Name
	if h.dog, err = watchdog.Start(ctx, u.Self, spec); err != nil {
		return nil, err
	}
	h.rates.Console = h.dog.Console()
	return h, nil
}

func (h *hold) close() {
	if h.dog != nil {
		_ = h.dog.Close() // it ends by itself when the pipe does
	}
	h.deltas.close()
	conns := []*pgx.Conn{h.from, h.to}
	for _, l := range h.lanes {
		conns = append(conns, l.from, l.to, l.seqFrom, l.seqTo)
	}
	for _, c := range conns {
		if c != nil {
			c.Close(context.Background())
		}
	}
}

func (h *hold) connect(ctx context.Context) (err error) {
	if h.from, err = h.way.from.Connect(ctx, ""); err != nil {
		return err
	}
	if h.to, err = h.way.to.Connect(ctx, h.u.turnDatabase()); err != nil {
		return err
	}
	for _, db := range h.u.inv.Databases {
		l := &lane{db: db, slot: h.u.slot(db) + h.way.name, subscription: h.u.slot(db)}
		h.lanes = append(h.lanes, l)
		if err := l.open(ctx, h.way.from, h.way.to, h.u.Harden.Leave()); err != nil {
			return fmt.Errorf("database %s: %w", db.Name, err)
		}
	}
	h.deltas, err = openDeltas(ctx, h.way.from, h.way.to, h.u.inv.Databases, h.u.Unlogged)
	return err
}

// rehearse makes every round trip of the hold once, without holding anyone: plans and
// catalogs are then in the caches of all the sessions involved. It keeps how long each took.
func (h *hold) rehearse(ctx context.Context) error {
	warm := func(ctx context.Context) error { return cluster.InOne(ctx, h.to, h.way.warm) }
	open := func(ctx context.Context) error { return h.way.fence.Open(ctx, h.from) } // is open, and closed is the other one
	shut := func(ctx context.Context) error { _, err := h.way.fence.Close(ctx, h.to); return err }
	look := func(ctx context.Context) (err error) {
		if _, err := cluster.Alone(ctx, h.from, []cluster.Stamp{{}}); err != nil {
			return err
		}
		h.rates.Inside, err = h.way.fence.RehearseLook(ctx, h.from)
		return err
	}
	bring := func(ctx context.Context) error {
		if err := h.deltas.bring(ctx); err != nil {
			return err
		}
		return h.deltas.fits(h.u.HoldBudget, h.u.Unlogged)
	}
	mark := func(ctx context.Context) error { _, err := h.markers(ctx); return err }
	for _, r := range []struct {
		do   func(context.Context) error
		took *time.Duration
	}{{mark, &h.rates.Marker}, {bring, new(time.Duration)}, {h.sequences, &h.rates.Carry}, {look, &h.rates.Look}, {warm, new(time.Duration)}, {open, &h.rates.Open}, {shut, &h.rates.Close}} {
		began := time.Now()
		if err := r.do(ctx); err != nil {
			return err
		}
		*r.took = time.Since(began)
	}
	h.rates.Sequences = h.sequenceCount()
	var err error
	h.rates.Leave, err = leave(ctx, h.way.from, h.from)
	return err
}

// do holds the clients, moves them, and tells how long it took. An error that is
// errBack means that they are where they were, with nothing lost.
func (h *hold) do(ctx context.Context, step string) (t timing, err error) {
	held, cancel := context.WithTimeout(ctx, h.u.HoldBudget)
	defer cancel()
	defer priority.Raise()()
	defer h.u.unwatched()()
	t.asked = time.Now()
	if err := h.dog.Hold(held, h.u.HoldBudget); err != nil {
		return t, h.back(err)
	}
	t.drained = time.Now()
	if err := h.closeFence(held); err != nil {
		return t, h.back(err)
	}
	t.fenced = time.Now()
	if err := h.carry(held); err != nil {
		return t, h.back(err)
	}
	t.seen = time.Now()
	if err := h.openWithProof(held); err != nil {
		return t, h.back(err)
	}
	// The watchdog's word is the decision: back before it, forward after it, whoever is left to do it.
	proof, err := json.Marshal(h.fenced(step))
	if err != nil {
		return t, h.back(err)
	}
	if err := h.dog.CommitWith(proof); err != nil {
		if errors.Is(err, watchdog.ErrReleased) {
			return t, h.back(err)
		}
		return t, hint.Wrap(fmt.Errorf("send the clients to the other server: %w", err), "run the same command again: it looks where the clients are and carries on")
	}
	t.resumed = time.Now()
	return t, nil
}

// closeFence shuts the server that clients were on to new sessions, tells those inside to
// end, and keeps who they were.
func (h *hold) closeFence(ctx context.Context) (err error) {
	h.proof.writers, err = h.way.fence.Close(ctx, h.from)
	return err
}

// carry brings the last changes and the sequences over. The markers do not wait for the
// sessions to be gone, which takes longer than their way to the other server.
// So it is looked at afterwards whether anybody could have written after a marker; if so,
// nobody is there any more, and markers are sent once more.
func (h *hold) carry(ctx context.Context) error {
	for {
		var stamps []cluster.Stamp
		group, side := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			stamps, err = h.markers(side)
			return err
		})
		group.Go(func() error {
			if err := h.proof.writers.Await(side, h.from); err != nil {
				return err
			}
			return h.rest(side)
		})
		if err := group.Wait(); err != nil {
			return err
		}
		h.proof.stamps = stamps
		if alone, err := cluster.Alone(ctx, h.from, stamps); err != nil || alone {
			return err
		}
	}
}

// markers writes one in every database, and returns when all are seen on the other server.
func (h *hold) markers(ctx context.Context) ([]cluster.Stamp, error) {
	stamps := make([]cluster.Stamp, len(h.lanes))
	group, ctx := errgroup.WithContext(ctx)
	for i, l := range h.lanes {
		group.Go(func() (err error) {
			stamps[i], err = l.marker(ctx)
			return err
		})
	}
	return stamps, group.Wait()
}

// sequences carries those of all databases.
func (h *hold) sequences(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range h.lanes {
		group.Go(func() error { return l.sequences.Carry(ctx, l.seqFrom, l.seqTo) })
	}
	return group.Wait()
}

// openOther lets clients into the server they go to. Its commit waits for the disk, and with
// it everything that was applied there is on disk before any client comes.
func (h *hold) openOther(ctx context.Context) error {
	return cluster.InOne(ctx, h.to, h.way.open)
}

// back leaves the clients where they were, that server's fence open. The watchdog closes the
// other one again, and not this process: it may have been stopped for so long that others
// have carried on since, and nothing that it does on a server would be right. The cause is kept.
func (h *hold) back(cause error) error {
	if err := h.dog.Release(); err != nil {
		return hint.Wrap(errors.Join(cause, fmt.Errorf("leave the clients where they were: %w", err)), "run the same command again: it looks where the clients are and carries on")
	}
	return fmt.Errorf("%w: %w", errBack, cause)
}

func (h *hold) sequenceCount() (n int) {
	for _, l := range h.lanes {
		n += l.sequences.Len()
	}
	return n
}
