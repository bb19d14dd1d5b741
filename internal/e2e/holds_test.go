package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/ledger"
	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// mostOrphaned is how long clients may be held once their holder has been killed. It is a matter
// of the machine too, so only the long form of the tests (make test-kill) fails for it.
const mostOrphaned = 2 * time.Second

// How much longer than otherwise a client's statement may take while clients are held: that of the longest hold, when
// the machine has nothing else to do, and less than PgBouncer's server_login_retry in any case.
const (
	mayWaitAlone = 2500 * time.Millisecond
	mayWait      = 10 * time.Second
)

// hold is a while in which clients were held.
type hold struct {
	from, to time.Time
	orphaned time.Time // when the run was killed; zero when it was not
}

func (g *ground) watchRecord() string {
	return filepath.Join(g.dir, "lull.db.work", "lull_"+strings.ReplaceAll(id, "-", "_")+".watchdog.jsonl")
}

func (g *ground) watched(t *testing.T) []watchdog.Event {
	t.Helper()
	events, err := watchdog.ReadRecord(g.watchRecord())
	must(t, err)
	return events
}

// holds reads the watchdogs' record.
func (g *ground) holds(t *testing.T) (out []hold) {
	t.Helper()
	var h hold
	for _, e := range g.watched(t) {
		if h.from.IsZero() && len(e.Marks) > 0 {
			h.from = e.Marks[0].At
		}
		switch e.What {
		case watchdog.Committed, watchdog.Released, watchdog.Settled:
			if h.to = e.At; !h.from.IsZero() {
				h.orphaned = g.killedWithin(h)
				out = append(out, h)
			}
			h = hold{}
		case watchdog.Stuck:
			t.Errorf("a hold could not be ended: %+v", e)
		}
	}
	if !h.from.IsZero() {
		t.Error("a hold has no end")
	}
	return out
}

func (g *ground) killedWithin(h hold) (at time.Time) {
	for _, k := range g.kills {
		if k.After(h.from) && k.Before(h.to) {
			at = k
		}
	}
	return at
}

// verifyHolds looks that clients did not stay held when their holder was killed.
func (g *ground) verifyHolds(t *testing.T) {
	t.Helper()
	orphaned := 0
	for _, h := range g.holds(t) {
		if h.orphaned.IsZero() {
			t.Logf("clients were held for %s", h.to.Sub(h.from).Round(time.Millisecond))
			continue
		}
		orphaned++
		t.Logf("clients were held for %s, and %s of that after the run was killed", h.to.Sub(h.from).Round(time.Millisecond), h.to.Sub(h.orphaned).Round(time.Millisecond))
		if h.to.Sub(h.orphaned) > mostOrphaned && *long {
			t.Errorf("clients were held for %s after the run was killed", h.to.Sub(h.orphaned))
		}
	}
	if orphaned == 0 {
		t.Error("no run was killed while it held clients: this shows too little")
	}
}

// verifyWaits looks at what the clients' longest statements took while they were held. What
// they take otherwise tells how busy the machine is.
func (g *ground) verifyWaits(t *testing.T, db string, s ledger.Summary) {
	t.Helper()
	var waited, otherwise time.Duration
	for _, m := range s.LongestMoments {
		took := time.Duration(m.Millis * float64(time.Millisecond))
		if g.overlapsHold(t, m.At, m.At.Add(took)) {
			waited = max(waited, took)
		} else {
			otherwise = max(otherwise, took)
		}
	}
	t.Logf("%s: %d commits; the longest statement took %s while clients were held, and %s otherwise", db, s.Acked, waited.Round(time.Millisecond), otherwise.Round(time.Millisecond))
	if waited > g.mayWait+otherwise {
		t.Errorf("a client of %s waited %s", db, waited)
	}
}

func (g *ground) overlapsHold(t *testing.T, from, to time.Time) bool {
	t.Helper()
	for _, h := range g.holds(t) {
		if from.Before(h.to) && to.After(h.from) {
			return true
		}
	}
	return false
}
