package pgup

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// What holds when the plan does not say.
const (
	defaultTries    = 5
	defaultOldest   = time.Second
	defaultPatience = 5 * time.Minute
	longestGap      = time.Minute // between two tries
)

func (s Spec) tries() int              { return cmp.Or(s.HoldTries, defaultTries) }
func (s Spec) oldest() time.Duration   { return cmp.Or(s.OldestTransaction, defaultOldest) }
func (s Spec) patience() time.Duration { return cmp.Or(s.HoldPatience, defaultPatience) }

// settling is for how long nothing but a moment without any transaction will do.
const settling = 5 * time.Second

// tolerated is how old an open transaction may be after a while of waiting for a better
// moment: a busy server may never be without any, and the longer the wait, the more of a
// hold is worth it, up to what the plan allows.
func tolerated(waited, oldest time.Duration) time.Duration {
	if waited <= settling {
		return 0
	}
	return min(waited/50, oldest)
}

// moment is what a look for a good one found.
type moment struct {
	rates   rates
	quiet   bool // no transaction is open at all
	blocker cluster.Blocker
	reason  string // why a hold must not begin; empty when it may
	remedy  string
}

// awaitGoodMoment waits until a marker travels fast, and then for a moment in which no
// client has a transaction open: the drain takes as long as the longest one, and everybody
// else waits behind it. It tells what it waits for, and gives up after the plan's patience.
func (h *hold) awaitGoodMoment(ctx context.Context, rec run.Recorder, try int) error {
	told, foretold := "", false
	for began := time.Now(); ; {
		waited := time.Since(began)
		m, err := h.look(ctx)
		if err != nil {
			return err
		}
		if m.reason == "" && m.rates.Marker < 8*time.Millisecond+waited/50 && (m.quiet || m.rates.Oldest <= tolerated(waited, h.u.oldest())) {
			h.rates, h.waited = m.rates, waited
			if foretold {
				return nil
			}
			foretold = true // it goes on the record before the hold, and that takes a moment
			f := predict(m.rates)
			if err := rec.Note(ctx, f.text(try, m.rates, h.u.HoldBudget), f.figures(try, h.u.HoldBudget)); err != nil {
				return err
			}
			continue
		}
		if waited > h.u.patience() {
			return h.noMoment(m)
		}
		if m.reason != "" {
			rec.Progress(run.Progress{Text: "waiting: " + m.reason, Public: "Waiting for a good moment"})
			if who := fmt.Sprint(m.blocker.PID, m.remedy); who != told {
				told = who
				if err := rec.Note(ctx, fmt.Sprintf("Try %d waits: %s.", try, m.reason), nil); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a good moment: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (h *hold) noMoment(m moment) error {
	if m.reason == "" {
		m.reason = fmt.Sprintf("a marker takes %.0f ms to the other server, and the oldest open transaction is %.0f ms old", ms(m.rates.Marker), ms(m.rates.Oldest))
		m.remedy = "choose a quieter time"
	}
	return hint.Errorf(m.remedy+"; or raise hold_patience in the plan. Then run the same command again", "there was no good moment for the switch in %s: %s", h.u.patience(), m.reason)
}

// look measures what a hold would be like now.
func (h *hold) look(ctx context.Context) (m moment, err error) {
	m.rates = h.rates
	sent := time.Now()
	if _, err := h.markers(ctx); err != nil {
		return m, err
	}
	m.rates.Marker, m.rates.Deltas = time.Since(sent), h.deltas.predicted
	open, err := h.quietest(ctx)
	if err != nil {
		return m, err
	}
	m.quiet, m.blocker, m.rates.Oldest = open.N == 0, open.Oldest, open.Oldest.Age
	f := predict(m.rates)
	switch {
	case open.Prepared != "":
		m.reason = "a prepared transaction is open: " + open.Prepared
		m.remedy = "COMMIT PREPARED or ROLLBACK PREPARED it"
	case m.rates.Oldest > h.u.oldest():
		m.reason = open.Oldest.String()
		m.remedy = fmt.Sprintf("let it end, or end it on that server: SELECT pg_terminate_backend(%d); or raise oldest_transaction in the plan", open.Oldest.PID)
	case f.hold() > h.u.HoldBudget:
		m.reason = fmt.Sprintf("clients would be held for %.0f ms, and the plan allows %s: most of it for %s", ms(f.hold()), h.u.HoldBudget, f.longest())
		m.remedy = "raise hold_budget in the plan"
	}
	return m, nil
}

// quietest looks for some milliseconds and returns at once when no transaction is open.
func (h *hold) quietest(ctx context.Context) (open cluster.Transactions, err error) {
	for until := time.Now().Add(50 * time.Millisecond); time.Now().Before(until); {
		open, err = cluster.OpenTransactions(ctx, h.from)
		if err != nil || open.N == 0 || open.Prepared != "" {
			break
		}
	}
	return open, err
}
