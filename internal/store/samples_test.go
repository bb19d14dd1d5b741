package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
)

func testSamples(t *testing.T, h home) {
	place := h.place(t)
	s, err := openAt(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	want := []run.Progress{
		{Step: "copy", Title: "Copy", At: time.Date(2026, 12, 5, 4, 0, 0, 5, time.UTC), Text: "copying", Unit: "bytes", Done: 1, Total: 2, Public: "Half of it is copied."},
		{Step: "copy", Title: "Copy", At: time.Date(2026, 12, 5, 4, 0, 1, 0, time.UTC), Text: "copying", Unit: "bytes", Done: 2, Total: 2},
	}
	for _, p := range want {
		s.Sample(t.Context(), "m", p)
	}
	s.Sample(t.Context(), "other", run.Progress{Step: "x"})
	if err := s.Close(); err != nil { // writes what is waiting
		t.Fatal(err)
	}
	got, err := h.open(t, place).Samples(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	newest, err := h.open(t, place).Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[maint.ID]run.Progress{"m": want[1], "other": {Step: "x"}}, newest); diff != "" {
		t.Error(diff)
	}
	none, err := h.open(t, place).Samples(t.Context(), "nobody")
	if err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

// The ring keeps the newest, of each maintenance, and lets the rest go.
func testRing(t *testing.T, h home) {
	s := h.openNew(t)
	s.Sample(t.Context(), "quiet", run.Progress{Done: 7})
	const sent, batch = store.RingSize + 100, 20 // fewer at once than the queue holds
	for i := range sent {
		s.Sample(t.Context(), "m", run.Progress{Done: float64(i)})
		if i%batch == batch-1 {
			awaitSample(t, s, float64(i))
		}
	}
	got, err := s.Samples(t.Context(), "m")
	if err != nil || len(got) != store.RingSize {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	for i, p := range got {
		if want := float64(sent - store.RingSize + i); p.Done != want {
			t.Fatalf("sample %d is %v, want %v", i, p.Done, want)
		}
	}
	if quiet, err := s.Samples(t.Context(), "quiet"); err != nil || len(quiet) != 1 {
		t.Errorf("%v, %v", quiet, err)
	}
}

func awaitSample(t *testing.T, s *store.Store, done float64) {
	t.Helper()
	for {
		got, err := s.Samples(t.Context(), "m")
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 && got[len(got)-1].Done == done {
			return
		}
	}
}
