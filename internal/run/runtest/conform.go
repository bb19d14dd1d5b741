package runtest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Subject is a journal to be held to the suite, with the timeline that it writes.
type Subject struct {
	run.Journal
	Log timeline.Log
	// Other is the same journal as another process sees it; it may be Journal itself.
	Other run.Journal
	// Break makes the lease free although its holder lives, as a lost lock would.
	Break func(id maint.ID)
}

// Conform runs the suite. Each call of open gives an empty journal.
func Conform(t *testing.T, open func(t *testing.T) Subject) {
	for name, f := range map[string]func(*testing.T, Subject){
		"a lease has one holder":                       testOneHolder,
		"each lease has a higher epoch":                testEpochs,
		"leases of two maintenances are apart":         testTwoMaintenances,
		"a holder that was passed over cannot write":   testPassedOver,
		"a lease that nobody gave cannot write":        testNoLease,
		"the newest checkpoint of each step is loaded": testLoad,
		"a memo stays until there is another":          testMemo,
		"checkpoint and facts are written together":    testTogether,
		"facts alone leave the control state":          testFactsAlone,
		"a repeated commit doubles nothing":            testRepeated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

var at = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)

func acquire(t *testing.T, j run.Journal, id maint.ID) run.Lease {
	t.Helper()
	lease, err := j.Acquire(t.Context(), id)
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	return lease
}

func commit(t *testing.T, j run.Journal, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) {
	t.Helper()
	if err := j.Commit(t.Context(), lease, cp, facts...); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func release(t *testing.T, j run.Journal, lease run.Lease) {
	t.Helper()
	if err := j.Release(t.Context(), lease); err != nil {
		t.Fatalf("release: %v", err)
	}
}

func load(t *testing.T, j run.Journal, id maint.ID) map[string]run.Checkpoint {
	t.Helper()
	points, err := j.Load(t.Context(), id)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return points
}

func history(t *testing.T, log timeline.Log, id maint.ID) []timeline.Entry {
	t.Helper()
	entries, err := log.History(t.Context(), id)
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	return entries
}

func point(step string, attempt int, status run.Status, memo string) run.Checkpoint {
	cp := run.Checkpoint{Step: step, Attempt: attempt, Status: status, At: at}
	if memo != "" {
		cp.Memo = []byte(memo)
	}
	return cp
}

func note(key, text string) timeline.Draft {
	return timeline.Draft{Key: key, At: at, Event: maint.Noted{Text: text}}
}

func same[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func testOneHolder(t *testing.T, s Subject) {
	lease := acquire(t, s, "m")
	for _, j := range []run.Journal{s.Journal, s.Other} {
		if _, err := j.Acquire(t.Context(), "m"); !errors.Is(err, run.ErrLeaseHeld) {
			t.Errorf("a second holder: %v", err)
		}
	}
	commit(t, s, lease, point("a", 1, run.Started, ""))
	release(t, s, lease)
	release(t, s, lease)
	release(t, s.Other, acquire(t, s.Other, "m"))
}

func testEpochs(t *testing.T, s Subject) {
	var last int64
	for i := range 4 {
		j := s.Journal
		if i%2 == 1 {
			j = s.Other
		}
		lease := acquire(t, j, "m")
		if lease.Epoch <= last || lease.Maintenance != "m" {
			t.Errorf("lease %+v after epoch %d", lease, last)
		}
		last = lease.Epoch
		release(t, j, lease)
	}
}

func testTwoMaintenances(t *testing.T, s Subject) {
	a, b := acquire(t, s, "a"), acquire(t, s.Other, "b")
	commit(t, s, a, point("x", 1, run.Started, ""))
	commit(t, s.Other, b, point("x", 2, run.Finished, ""))
	same(t, map[string]run.Checkpoint{"x": point("x", 1, run.Started, "")}, load(t, s, "a"))
	same(t, map[string]run.Checkpoint{"x": point("x", 2, run.Finished, "")}, load(t, s, "b"))
	release(t, s, a)
	commit(t, s.Other, b, point("x", 3, run.Undone, ""))
	release(t, s.Other, b)
}

func testPassedOver(t *testing.T, s Subject) {
	old := acquire(t, s, "m")
	commit(t, s, old, point("a", 1, run.Started, `{"n":1}`), note("k", "one"))
	s.Break("m")
	newer := acquire(t, s.Other, "m")
	for _, cp := range []run.Checkpoint{point("a", 1, run.Finished, ""), {}} {
		if err := s.Commit(t.Context(), old, cp, note("l", "late")); !errors.Is(err, run.ErrLeaseLost) {
			t.Errorf("the old holder wrote: %v", err)
		}
	}
	release(t, s, old)
	if _, err := s.Acquire(t.Context(), "m"); !errors.Is(err, run.ErrLeaseHeld) {
		t.Errorf("the old holder's release freed the new one's lease: %v", err)
	}
	same(t, map[string]run.Checkpoint{"a": point("a", 1, run.Started, `{"n":1}`)}, load(t, s, "m"))
	same(t, 1, len(history(t, s.Log, "m")))
	commit(t, s.Other, newer, point("a", 2, run.Finished, ""))
	release(t, s.Other, newer)
}

func testNoLease(t *testing.T, s Subject) {
	for _, lease := range []run.Lease{{Maintenance: "m"}, {Maintenance: "m", Epoch: 1}, {Maintenance: "m", Epoch: -1}} {
		if err := s.Commit(t.Context(), lease, point("a", 1, run.Started, ""), note("k", "one")); !errors.Is(err, run.ErrLeaseLost) {
			t.Errorf("%+v wrote: %v", lease, err)
		}
	}
	same(t, 0, len(load(t, s, "m")))
	same(t, 0, len(history(t, s.Log, "m")))
}

func testLoad(t *testing.T, s Subject) {
	same(t, 0, len(load(t, s, "nobody")))
	lease := acquire(t, s, "m")
	defer release(t, s, lease)
	for _, status := range []run.Status{run.Started, run.Failed, run.Started, run.Finished, run.Undone} {
		commit(t, s, lease, point("a", 1, status, ""))
		same(t, status, load(t, s, "m")["a"].Status)
	}
	cp := point("b/ü", 3, run.Started, "")
	cp.At = at.Add(123456789 * time.Nanosecond).In(time.FixedZone("NZDT", 13*3600))
	commit(t, s, lease, cp)
	cp.At = at.Add(123456 * time.Microsecond)
	same(t, map[string]run.Checkpoint{"a": point("a", 1, run.Undone, ""), "b/ü": cp}, load(t, s.Other, "m"))
}

func testMemo(t *testing.T, s Subject) {
	lease := acquire(t, s, "m")
	defer release(t, s, lease)
	for i, tt := range []struct{ memo, want string }{
		{"", ""}, {`{"lsn":"0/1"}`, `{"lsn":"0/1"}`}, {"", `{"lsn":"0/1"}`}, {`[1,2]`, `[1,2]`}, {"", `[1,2]`}, {"null", "null"}, {"", "null"},
	} {
		commit(t, s, lease, point("a", i, run.Started, tt.memo))
		same(t, tt.want, string(load(t, s, "m")["a"].Memo))
	}
}

// unshipped is an event that no journal can write.
type unshipped struct{}

func (unshipped) Kind() string { return "unshipped" }

func testTogether(t *testing.T, s Subject) {
	lease := acquire(t, s, "m")
	defer release(t, s, lease)
	commit(t, s, lease, point("a", 1, run.Started, `1`), note("k", "one"), note("l", "two"))
	same(t, 2, len(history(t, s.Log, "m")))
	err := s.Commit(t.Context(), lease, point("a", 2, run.Finished, `2`), note("m", "three"), timeline.Draft{At: at, Event: unshipped{}})
	if err == nil {
		t.Fatal("an event without a codec was accepted")
	}
	same(t, map[string]run.Checkpoint{"a": point("a", 1, run.Started, `1`)}, load(t, s, "m"))
	same(t, 2, len(history(t, s.Log, "m")))
}

func testFactsAlone(t *testing.T, s Subject) {
	lease := acquire(t, s, "m")
	defer release(t, s, lease)
	commit(t, s, lease, run.Checkpoint{}, note("k", "one"))
	same(t, 0, len(load(t, s, "m")))
	same(t, 1, len(history(t, s.Log, "m")))
	commit(t, s, lease, run.Checkpoint{})
}

func testRepeated(t *testing.T, s Subject) {
	lease := acquire(t, s, "m")
	defer release(t, s, lease)
	for i := range 3 {
		commit(t, s, lease, point("a", 1, run.Finished, ""), note("k", fmt.Sprint("one, said ", i)), note("l", "two"))
	}
	got := history(t, s.Log, "m")
	same(t, 2, len(got))
	same(t, maint.Event(maint.Noted{Text: "one, said 0"}), got[0].Event)
}
