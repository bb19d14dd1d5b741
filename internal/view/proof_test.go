package view

import (
	"slices"
	"testing"
)

// TestMarkers: one, two and many are told of as a person would.
func TestMarkers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]string{
		0: nil,
		1: {
			"The last thing written there was a marker, transaction 6127. The next id was still 6128: nobody wrote beside it or after it.",
			"The marker was seen in the new place, and whatever was written before a marker arrives before it. The old log ended at 0/16B37C8.",
		},
		2: {
			"The last thing written there was a marker in each database, transactions 6126 and 6127. The next id was still 6128: nobody wrote beside them or after them.",
			"Both markers were seen in the new place, and whatever was written before a marker arrives before it. The old log ended at 0/16B37C8.",
		},
		3: {
			"The last thing written there was a marker in each database, transactions 6125 to 6127. The next id was still 6128: nobody wrote beside them or after them.",
			"All 3 markers were seen in the new place, and whatever was written before a marker arrives before it. The old log ended at 0/16B37C8.",
		},
	} {
		p := Proof{Markers: n, First: int64(6128 - n), Last: 6127, Next: 6128, End: "0/16B37C8"}
		if got := p.markers(); !slices.Equal(got, want) {
			t.Errorf("%d markers: %q", n, got)
		}
	}
}
