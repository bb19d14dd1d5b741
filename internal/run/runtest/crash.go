package runtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Case is a plan in a world of its own, at its beginning.
type Case struct {
	ID      maint.ID
	Items   []run.Item
	Journal run.Journal
	Log     timeline.Log
	// Finished looks at the world after every step is done.
	Finished func(t *testing.T)
	// Undone looks at the world after every step was taken back.
	Undone func(t *testing.T)
}

// Crashes runs the plan to its end once for each write and each fault, and once
// for each write with a fault in every run until one gets through. Each time the
// plan must be carried on and end as if nothing had happened.
func Crashes(t *testing.T, fresh func(t *testing.T) Case) {
	reference := fresh(t)
	writes := reference.undisturbed(t, (*run.Runner).Run)
	said := reference.Said(t)
	check := func(t *testing.T, c Case) {
		c.carryOn(t, (*run.Runner).Run)
		c.VerifyFinished(t, said)
	}
	check(t, reference)
	each(t, writes, func(t *testing.T, fault Fault, nth int) {
		c := fresh(t)
		c.disturbed(t, (*run.Runner).Run, fault, nth)
		check(t, c)
	})
	eachStart(t, writes, func(t *testing.T, first int) {
		c := fresh(t)
		for i := 0; !c.survives(t, (*run.Runner).Run, Faults[i%len(Faults)], first+i); i++ {
		}
		check(t, c)
	})
}

// Aborts does the same with taking back: of a plan that was carried out, and of
// one that had got as far as each of its writes. The plan must have no step of no return.
func Aborts(t *testing.T, fresh func(t *testing.T) Case) {
	reference := fresh(t)
	forward := reference.undisturbed(t, (*run.Runner).Run)
	backward := reference.undisturbed(t, (*run.Runner).Abort)
	check := func(t *testing.T, c Case) {
		c.carryOn(t, (*run.Runner).Abort)
		c.verifyUndone(t)
	}
	check(t, reference)
	each(t, backward, func(t *testing.T, fault Fault, nth int) {
		c := fresh(t)
		c.undisturbed(t, (*run.Runner).Run)
		c.disturbed(t, (*run.Runner).Abort, fault, nth)
		check(t, c)
	})
	eachStart(t, forward, func(t *testing.T, first int) {
		c := fresh(t)
		c.disturbed(t, (*run.Runner).Run, Faults[first%len(Faults)], first)
		for i := 0; !c.survives(t, (*run.Runner).Abort, Faults[i%len(Faults)], 1+i); i++ {
		}
		check(t, c)
	})
}

func each(t *testing.T, writes int, f func(t *testing.T, fault Fault, nth int)) {
	for _, fault := range Faults {
		for nth := 1; nth <= writes; nth++ {
			t.Run(fmt.Sprintf("write %d %s", nth, fault), func(t *testing.T) {
				t.Parallel()
				f(t, fault, nth)
			})
		}
	}
}

func eachStart(t *testing.T, writes int, f func(t *testing.T, first int)) {
	for first := 1; first <= writes; first++ {
		t.Run(fmt.Sprintf("every run from write %d", first), func(t *testing.T) {
			t.Parallel()
			f(t, first)
		})
	}
}

// way is Run or Abort.
type way func(*run.Runner, context.Context, maint.ID, []run.Item) error

// goOnce goes one way with a new Runner over a journal whose nth write fails.
func (c Case) goOnce(t *testing.T, w way, fault Fault, nth int) (*faulty, error) {
	t.Helper()
	f := &faulty{Journal: c.Journal, fault: fault, nth: nth}
	r := &run.Runner{Journal: f, Log: c.Log, Now: clock()}
	err := w(r, t.Context(), c.ID, watch(c.Items, f))
	if len(f.after) > 0 {
		t.Errorf("after write %d (%s) the run went on: %s", nth, fault, strings.Join(f.after, ", "))
	}
	return f, err
}

// undisturbed goes one way to its end and gives the number of writes.
func (c Case) undisturbed(t *testing.T, w way) int {
	t.Helper()
	f, err := c.goOnce(t, w, "", 0)
	if err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	return f.writes
}

// disturbed goes one way into the fault, and must say so.
func (c Case) disturbed(t *testing.T, w way, fault Fault, nth int) {
	t.Helper()
	if c.survives(t, w, fault, nth) {
		t.Fatalf("no error although write %d %s", nth, fault)
	}
}

// survives says whether the run had fewer writes than the fault needs.
func (c Case) survives(t *testing.T, w way, fault Fault, nth int) bool {
	t.Helper()
	f, err := c.goOnce(t, w, fault, nth)
	switch {
	case !f.dead && err != nil:
		t.Fatalf("write %d was not reached: %v", nth, err)
	case !f.dead:
		return true
	case fault == LeaseTaken && !errors.Is(err, run.ErrLeaseLost) && !errors.Is(err, run.ErrLeaseHeld),
		fault != LeaseTaken && !errors.Is(err, ErrInjected):
		t.Fatalf("write %d %s, and the run answered: %v", nth, fault, err)
	}
	return false
}

// carryOn goes to the end, and once more: the second time there is nothing to do.
func (c Case) carryOn(t *testing.T, w way) {
	t.Helper()
	c.undisturbed(t, w)
	f, err := c.goOnce(t, w, "", 0)
	if err != nil {
		t.Fatalf("at the end: %v", err)
	}
	if f.writes != 1 {
		t.Errorf("at the end: %d writes, want that of the lease alone", f.writes)
	}
	for _, did := range f.did {
		if !strings.HasPrefix(did, "observe ") {
			t.Errorf("at the end: %s", did)
		}
	}
}

// clock gives a time that moves on by a second at each look.
func clock() func() time.Time {
	var mu sync.Mutex
	now := at
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}
