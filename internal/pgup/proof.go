package pgup

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// proof is what was seen during a hold that shows that nothing was lost: who was inside when
// the fence closed, that nobody was left, and that the last transactions of that server are
// the markers, which the other one has.
type proof struct {
	writers *cluster.Writers
	stamps  []cluster.Stamp
	last    cluster.Look
}

// openWithProof opens the server that clients go to, and looks a last time at the one they
// leave meanwhile. Autovacuum takes transaction ids, too, so what was not alone is made once
// more, with new markers.
func (h *hold) openWithProof(ctx context.Context) error {
	open := h.openOther
	for {
		var clear bool
		group, side := errgroup.WithContext(ctx)
		group.Go(func() error { return open(side) })
		group.Go(func() (err error) {
			h.proof.last, clear, err = h.proof.writers.Last(side, h.from, h.proof.stamps)
			return err
		})
		if err := group.Wait(); err != nil {
			return err
		}
		if clear {
			return h.proof.crossCheck()
		}
		open = func(context.Context) error { return nil }
		if err := h.carry(ctx); err != nil {
			return err
		}
	}
}

// crossCheck compares positions in the WAL, which know nothing of transaction ids: each
// marker's commit came after it was written and before the end, and the other server is there.
func (p proof) crossCheck() error {
	for _, s := range p.stamps {
		if s.Reached <= s.Written || s.Reached > p.last.Insert {
			return fmt.Errorf("a marker was written after %s and seen when the other server had applied up to %s, with the end at %s: it did not come by this way",
				position(s.Written), position(s.Reached), position(p.last.Insert))
		}
	}
	return nil
}

// position writes a place in the WAL as PostgreSQL does.
func position(at int64) string { return fmt.Sprintf("%X/%X", uint64(at)>>32, uint32(at)) }

// fenced is the proof for the record.
func (h *hold) fenced(step string) maint.Fenced {
	p := h.proof
	f := maint.Fenced{Step: step, Refused: h.way.fence.Superusers, Left: p.last.Sessions, Writing: p.last.Writing, Prepared: p.last.Prepared,
		Next: p.last.Next, End: position(p.last.Insert)}
	for i, s := range p.stamps {
		f.Markers = append(f.Markers, maint.FenceMarker{Database: h.lanes[i].db.Name, Transaction: s.XID, Written: position(s.Written), Reached: position(s.Reached)})
	}
	if p.writers != nil {
		f.Ended = together(p.writers.Ended)
	}
	return f
}

// together counts sessions by who they were.
func together(sessions []cluster.Session) (out []maint.EndedSessions) {
	at := map[[3]string]int{}
	for _, s := range sessions {
		who := [3]string{s.Role, s.Application, s.Database}
		i, known := at[who]
		if !known {
			i, at[who] = len(out), len(out)
			out = append(out, maint.EndedSessions{Role: s.Role, Application: s.Application, Database: s.Database})
		}
		out[i].Sessions++
		if s.InTransaction {
			out[i].InTransaction++
		}
		if s.Writing {
			out[i].Writing++
		}
	}
	return out
}
