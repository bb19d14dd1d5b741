package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

// await fails when no hint comes at all; how soon it comes is measured elsewhere.
func await(t *testing.T, hints <-chan struct{}) {
	t.Helper()
	select {
	case <-hints:
	case <-time.After(time.Minute):
		t.Fatal("no hint came")
	}
}

// testWake: whoever reads upon each hint misses nothing that another process writes.
func testWake(t *testing.T, h home) {
	place := h.place(t)
	writer, reader := h.open(t, place), h.open(t, place)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hints := reader.Wake(ctx)
	for i := range 20 {
		if _, err := writer.Append(t.Context(), "m", timeline.AnyVersion, timeline.Draft{Event: maint.Started{}}); err != nil {
			t.Fatal(err)
		}
		for seen := 0; seen <= i; {
			await(t, hints)
			seen = len(history(t, reader))
		}
	}
}

func history(t *testing.T, s *store.Store) []timeline.Entry {
	t.Helper()
	entries, err := s.History(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
