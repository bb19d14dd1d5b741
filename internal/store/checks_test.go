package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/checks"
)

func testChecks(t *testing.T, h home) {
	s := h.openNew(t)
	if found, at, err := s.LastCheck(t.Context(), "a"); err != nil || !at.IsZero() || found != nil {
		t.Errorf("before any check: %v, %v, %v", found, at, err)
	}
	now := time.Date(2026, 11, 25, 1, 2, 3, 4000, time.UTC)
	for _, text := range []string{"first", "it's the second"} {
		want := []checks.Finding{{ID: "x", Severity: checks.Fix, Text: text, Fix: "y", Objects: []checks.Object{{Name: "o"}}, Count: 1}}
		now = now.Add(time.Hour)
		if err := s.KeepCheck(t.Context(), "a", want, now); err != nil {
			t.Fatal(err)
		}
		found, at, err := s.LastCheck(t.Context(), "a")
		if err != nil || !at.Equal(now) {
			t.Errorf("at %v, %v", at, err)
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
	}
	if found, _, err := s.LastCheck(t.Context(), "b"); err != nil || found != nil {
		t.Errorf("of another plan: %v, %v", found, err)
	}
}
