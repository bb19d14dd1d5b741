// Package logtest holds what every timeline.Log must do, as one suite that each
// adapter runs. It must not know which adapter it tests.
package logtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Run runs the suite. Each call of open gives an empty log.
func Run(t *testing.T, open func(t *testing.T) timeline.Log) {
	for name, f := range map[string]func(*testing.T, timeline.Log){
		"an empty log has nothing":                testEmpty,
		"every event comes back as it was":        testEvents,
		"versions have no gaps":                   testVersions,
		"an instant is kept in UTC microseconds":  testInstants,
		"a stale version is a conflict":           testConflict,
		"a conflict writes nothing":               testAllOrNone,
		"an event that cannot be written":         testUnknownEvent,
		"a known key is left out":                 testKeys,
		"a repeated append is no conflict":        testRepeat,
		"reading goes on after a sequence":        testRead,
		"one of many writers wins a version":      testRace,
		"a reader misses nothing while it grows":  testCursor,
		"a cancelled context is not half written": testCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

var at = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)

func update(key, text string) timeline.Draft {
	return timeline.Draft{Key: key, At: at, Event: maint.Updated{Text: text}}
}

func mustAppend(t *testing.T, log timeline.Log, id maint.ID, expected int64, drafts ...timeline.Draft) []timeline.Entry {
	t.Helper()
	added, err := log.Append(t.Context(), id, expected, drafts...)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return added
}

func history(t *testing.T, log timeline.Log, id maint.ID) []timeline.Entry {
	t.Helper()
	entries, err := log.History(t.Context(), id)
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	return entries
}

// texts gives the words of the updates among the entries.
func texts(entries []timeline.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Event.(maint.Updated).Text)
	}
	return out
}

func want[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func testEmpty(t *testing.T, log timeline.Log) {
	want(t, 0, len(history(t, log, "nobody")))
	entries, err := log.Read(t.Context(), 0, 10)
	if err != nil || len(entries) != 0 {
		t.Errorf("read %v, %v", entries, err)
	}
	want(t, 0, len(mustAppend(t, log, "m", 0)))
}

func testEvents(t *testing.T, log timeline.Log) {
	var drafts []timeline.Draft
	for i, e := range Events() {
		drafts = append(drafts, timeline.Draft{Key: fmt.Sprintf("k%d", i), At: at, Event: e})
	}
	added := mustAppend(t, log, "m", 0, drafts...)
	got := history(t, log, "m")
	want(t, added, got)
	for i, e := range got {
		want(t, drafts[i].Event, e.Event)
		want(t, drafts[i].Key, e.Key)
	}
}

func testVersions(t *testing.T, log timeline.Log) {
	mustAppend(t, log, "a", 0, update("", "a1"), update("", "a2"))
	mustAppend(t, log, "b", 0, update("", "b1"))
	mustAppend(t, log, "a", 2, update("", "a3"))
	all, err := log.Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	want(t, []string{"a1", "a2", "b1", "a3"}, texts(all))
	var versions []int64
	for i, e := range all {
		versions = append(versions, e.Version)
		if i > 0 && e.Seq <= all[i-1].Seq {
			t.Errorf("sequence %d after %d", e.Seq, all[i-1].Seq)
		}
	}
	want(t, []int64{1, 2, 1, 3}, versions)
	want(t, []string{"a1", "a2", "a3"}, texts(history(t, log, "a")))
}

func testInstants(t *testing.T, log timeline.Log) {
	local := time.Date(2026, 12, 5, 17, 0, 0, 123456789, time.FixedZone("NZDT", 13*3600))
	d := update("", "x")
	d.At = local
	added := mustAppend(t, log, "m", 0, d)[0].At
	stored := history(t, log, "m")[0].At
	for _, got := range []time.Time{added, stored} {
		want(t, "2026-12-05T04:00:00.123456Z", got.Format(time.RFC3339Nano))
	}
}

func testConflict(t *testing.T, log timeline.Log) {
	mustAppend(t, log, "m", 0, update("", "one"))
	for _, stale := range []int64{0, 2, -2} {
		if _, err := log.Append(t.Context(), "m", stale, update("", "two")); !errors.Is(err, timeline.ErrConflict) {
			t.Errorf("expected version %d: %v, want a conflict", stale, err)
		}
	}
	mustAppend(t, log, "m", timeline.AnyVersion, update("", "two"))
	want(t, []string{"one", "two"}, texts(history(t, log, "m")))
}

func testAllOrNone(t *testing.T, log timeline.Log) {
	mustAppend(t, log, "m", 0, update("", "one"))
	if _, err := log.Append(t.Context(), "m", 0, update("", "two"), update("k", "three")); !errors.Is(err, timeline.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	want(t, []string{"one"}, texts(history(t, log, "m")))
	mustAppend(t, log, "m", 1, update("k", "three"))
	want(t, []string{"one", "three"}, texts(history(t, log, "m")))
}

// unshipped is an event that no Lull has ever written.
type unshipped struct{}

func (unshipped) Kind() string { return "unshipped" }

func testUnknownEvent(t *testing.T, log timeline.Log) {
	_, err := log.Append(t.Context(), "m", 0, update("k", "one"), timeline.Draft{At: at, Event: unshipped{}})
	if err == nil {
		t.Fatal("an event without a codec was accepted")
	}
	want(t, 0, len(history(t, log, "m")))
	want(t, 1, len(mustAppend(t, log, "m", 0, update("k", "one"))))
}

func testKeys(t *testing.T, log timeline.Log) {
	mustAppend(t, log, "m", 0, update("k", "first"))
	added := mustAppend(t, log, "m", timeline.AnyVersion,
		update("k", "again"), update("l", "second"), update("l", "twice in one call"), update("", "no key"), update("", "no key"))
	want(t, []string{"second", "no key", "no key"}, texts(added))
	want(t, []string{"first", "second", "no key", "no key"}, texts(history(t, log, "m")))
	want(t, 1, len(mustAppend(t, log, "other", 0, update("k", "another maintenance"))))
}

// Whoever did not hear the answer asks again with the version that it had read.
func testRepeat(t *testing.T, log timeline.Log) {
	drafts := []timeline.Draft{update("k", "one"), update("l", "two")}
	want(t, 2, len(mustAppend(t, log, "m", 0, drafts...)))
	want(t, 0, len(mustAppend(t, log, "m", 0, drafts...)))
	want(t, []string{"one", "two"}, texts(history(t, log, "m")))
}

func testRead(t *testing.T, log timeline.Log) {
	for i := range 5 {
		mustAppend(t, log, maint.ID(fmt.Sprint("m", i%2)), timeline.AnyVersion, update("", fmt.Sprint(i)))
	}
	var got []string
	after := int64(0)
	for {
		page, err := log.Read(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			t.Fatalf("a page of %d", len(page))
		}
		got = append(got, texts(page)...)
		after = page[len(page)-1].Seq
	}
	want(t, []string{"0", "1", "2", "3", "4"}, got)
	none, err := log.Read(t.Context(), 0, 0)
	if err != nil || len(none) != 0 {
		t.Errorf("a page of none: %v, %v", none, err)
	}
	past, err := log.Read(t.Context(), after+1000, 10)
	if err != nil || len(past) != 0 {
		t.Errorf("after the end: %v, %v", past, err)
	}
}

func testRace(t *testing.T, log timeline.Log) {
	const writers = 8
	results := make(chan error, writers)
	for i := range writers {
		go func() {
			_, err := log.Append(t.Context(), "m", 0, update("", fmt.Sprint(i)), update("", fmt.Sprint(i)))
			results <- err
		}()
	}
	won := 0
	for range writers {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, timeline.ErrConflict):
			t.Errorf("a loser got %v", err)
		}
	}
	want(t, 1, won)
	want(t, 2, len(history(t, log, "m")))
}

func testCursor(t *testing.T, log timeline.Log) {
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range each {
				if _, err := log.Append(t.Context(), maint.ID(fmt.Sprint("m", i)), timeline.AnyVersion, update("", "x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var seen []timeline.Entry
	for last := false; ; {
		page, err := log.Read(t.Context(), cursor(seen), 3)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, page...)
		if len(page) > 0 {
			continue
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true // read once more: the last append may have come after this page
		default:
		}
	}
	want(t, writers*each, len(seen))
	next := map[maint.ID]int64{}
	for _, e := range seen {
		next[e.Subject]++
		want(t, next[e.Subject], e.Version)
	}
}

func cursor(seen []timeline.Entry) int64 {
	if len(seen) == 0 {
		return 0
	}
	return seen[len(seen)-1].Seq
}

func testCancelled(t *testing.T, log timeline.Log) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	added, err := log.Append(ctx, "m", 0, update("a", "one"), update("b", "two"))
	stored := len(history(t, log, "m"))
	if (err == nil) != (len(added) == 2) || stored != len(added) {
		t.Errorf("answered %v with %d entries, stored %d", err, len(added), stored)
	}
}
