package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAfterRows(t *testing.T) {
	t.Parallel()
	got := map[string]float64{}
	for _, r := range afterRows(map[string][]minutes{"p99_ratio": {{10, 11}, {10, 9}}, "p99_ratio_without_statistics": {{10, 50}}, "p99_ratio_cold_cache": {{10, 20}}}) {
		got[r.Key] = r.Max
	}
	want := map[string]float64{"p99_ratio": 1.1, "p99_ms": 11, "p99_ratio_without_statistics": 5, "p99_ms_without_statistics": 50, "p99_ratio_cold_cache": 2, "p99_ms_cold_cache": 20}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
