package pgup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// hold is one try at the switch with everything opened, prepared and warm before any
// client waits. Inside the hold there is no process to start, no connection to open
// and no file to write but WAL and the pooler's configuration.
type hold struct {
	u      *Upgrade
	fence  cluster.Fence
	dog    *watchdog.Watchdog
	source *pgx.Conn            // closes and opens the fence of the source
	target *pgx.Conn            // opens the fence of the target
	src    map[string]*pgx.Conn // by database
	dst    map[string]*pgx.Conn
	seqs   map[string]*cluster.Sequences
}

// timing are the moments of a hold by Lull's clock.
type timing struct {
	asked, drained, fenced, seen, resumed time.Time
}

func (t timing) hold() time.Duration { return t.resumed.Sub(t.asked) }

func (t timing) figures(try int, h *hold) maint.Figures {
	return maint.Figures{
		"hold_ms": ms(t.hold()), "drain_ms": ms(t.drained.Sub(t.asked)), "fence_ms": ms(t.fenced.Sub(t.drained)),
		"marker_ms": ms(t.seen.Sub(t.fenced)), "resume_ms": ms(t.resumed.Sub(t.seen)),
		"sequences": float64(h.sequenceCount()), "tries": float64(try), "held_at_unix_ms": float64(t.asked.UnixMilli()),
	}
}

// newHold opens and prepares everything. When it returns, the watchdog is ready as well.
func (u *Upgrade) newHold(ctx context.Context, fence cluster.Fence) (h *hold, err error) {
	h = &hold{u: u, fence: fence, src: map[string]*pgx.Conn{}, dst: map[string]*pgx.Conn{}, seqs: map[string]*cluster.Sequences{}}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	if err := h.rehearse(ctx); err != nil {
		return nil, err
	}
	spec, err := u.watchdogSpec(fence)
	if err != nil {
		return nil, err
	}
	spec.Source.Sessions = h.sessions()
	h.dog, err = watchdog.Start(ctx, u.Self, spec)
	return h, err
}

func (h *hold) close() {
	if h.dog != nil {
		_ = h.dog.Close() // it ends by itself when the pipe does
	}
	for _, c := range []*pgx.Conn{h.source, h.target} {
		if c != nil {
			c.Close(context.Background())
		}
	}
	for _, conns := range []map[string]*pgx.Conn{h.src, h.dst} {
		for _, c := range conns {
			c.Close(context.Background())
		}
	}
}

func (h *hold) connect(ctx context.Context) (err error) {
	if h.source, err = h.u.Source.Connect(ctx, ""); err != nil {
		return err
	}
	if h.target, err = h.u.target.Connect(ctx, ""); err != nil {
		return err
	}
	for _, db := range h.u.inv.Databases {
		if err := h.connectDatabase(ctx, db.Name); err != nil {
			return fmt.Errorf("database %s: %w", db.Name, err)
		}
	}
	return nil
}

func (h *hold) connectDatabase(ctx context.Context, name string) error {
	src, err := h.u.Source.Connect(ctx, name)
	if err != nil {
		return err
	}
	h.src[name] = src
	dst, err := h.u.target.Connect(ctx, name)
	if err != nil {
		return err
	}
	h.dst[name] = dst
	// Durable all the same: the target is flushed by the opening of its fence, before the decision.
	if _, err := dst.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare the target's session: %w", err)
	}
	if err := cluster.PrepareMarker(ctx, src, dst); err != nil {
		return err
	}
	h.seqs[name], err = cluster.PrepareSequences(ctx, src, dst)
	return err
}

// sessions are those on the source. The watchdog ends them before it lets the clients go
// by itself: a controller that was only stopped cannot act any more when it wakes up.
func (h *hold) sessions() []uint32 {
	pids := []uint32{h.source.PgConn().PID()}
	for _, c := range h.src {
		pids = append(pids, c.PgConn().PID())
	}
	return pids
}

// rehearse makes every round trip of the hold once, without holding anyone: plans and
// catalogs are then in the caches of all the sessions involved.
func (h *hold) rehearse(ctx context.Context) error {
	if err := h.carry(ctx); err != nil {
		return err
	}
	return h.fence.Rehearse(ctx, h.source, h.target)
}

// do holds the clients, moves them, and tells how long it took. An error that is
// errBackOnSource means that they are where they were, with nothing lost.
func (h *hold) do(ctx context.Context) (t timing, err error) {
	held, cancel := context.WithTimeout(ctx, h.u.HoldBudget)
	defer cancel()
	t.asked = time.Now()
	if err := h.dog.Hold(held, h.u.HoldBudget); err != nil {
		return t, h.back(ctx, err)
	}
	t.drained = time.Now()
	if err := h.closeFence(held); err != nil {
		return t, h.back(ctx, err)
	}
	t.fenced = time.Now()
	if err := h.carry(held); err != nil {
		return t, h.back(ctx, err)
	}
	if err := h.openTarget(held); err != nil {
		return t, h.back(ctx, err)
	}
	t.seen = time.Now()
	// The watchdog's word is the decision: back before it, forward after it, whoever is left to do it.
	if err := h.dog.Commit(); err != nil {
		if errors.Is(err, watchdog.ErrReleased) {
			return t, h.back(ctx, err)
		}
		return t, hint.Wrap(fmt.Errorf("send the clients to the new server: %w", err), "run the same command again: it looks where the clients are and carries on")
	}
	t.resumed = time.Now()
	return t, nil
}

// closeFence shuts the source and makes sure that nobody is left who could write.
func (h *hold) closeFence(ctx context.Context) error {
	if _, err := h.source.Exec(ctx, h.fence.CloseSQL()); err != nil {
		return fmt.Errorf("close the old server to all others: %w", err)
	}
	return h.fence.AwaitEmpty(ctx, h.source)
}

// carry brings the last changes and the sequences over, in all databases at once, and
// the two side by side: nothing writes any more, so neither waits for the other.
func (h *hold) carry(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, db := range h.u.inv.Databases {
		group.Go(func() error {
			src, dst, slot, token := h.src[db.Name], h.dst[db.Name], h.u.slot(db), rand.Text()
			if err := cluster.PutMarker(ctx, src, slot, token); err != nil {
				return err
			}
			if err := h.seqs[db.Name].Carry(ctx, src, dst); err != nil {
				return err
			}
			return cluster.AwaitMarker(ctx, dst, slot, token)
		})
	}
	return group.Wait()
}

// openTarget lets clients into the target. Its commit waits for the disk, and with it
// everything that the target has applied is on disk before any client is sent there.
func (h *hold) openTarget(ctx context.Context) error {
	return h.fence.Open(ctx, h.target)
}

// back returns the clients to the source, its fence open, and closes the target again. The cause is kept.
func (h *hold) back(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := errors.Join(h.dog.Release(), h.closeTarget(ctx)); err != nil {
		return hint.Wrap(errors.Join(cause, fmt.Errorf("return the clients to the old server: %w", err)), "run the same command again: it looks where the clients are and carries on")
	}
	return fmt.Errorf("%w: %w", errBackOnSource, cause)
}

func (h *hold) closeTarget(ctx context.Context) error {
	_, err := h.target.Exec(ctx, h.fence.CloseSQL())
	if err != nil {
		return fmt.Errorf("close the target: %w", err)
	}
	return nil
}

func (h *hold) sequenceCount() (n int) {
	for _, s := range h.seqs {
		n += s.Len()
	}
	return n
}

// awaitGoodMoment waits until no transaction on the source is older than the limit and
// the target is close behind: the drain takes as long as the longest transaction, and
// everybody else waits behind it.
func (h *hold) awaitGoodMoment(ctx context.Context) error {
	const oldest, patience = 100 * time.Millisecond, 5 * time.Second
	for began := time.Now(); ; {
		age, active, err := cluster.OpenTransactions(ctx, h.source)
		if err != nil {
			return err
		}
		lag, streaming, err := h.u.lagOn(ctx, h.source)
		if err != nil {
			return err
		}
		few := active == 0 || time.Since(began) > patience // a busy server may never be without any
		if few && age < oldest && lag < 256<<10 && streaming == len(h.u.inv.Databases) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a good moment: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}
