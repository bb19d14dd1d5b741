package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []float64
		want   Figure
	}{
		"none": {nil, Figure{}},
		"one":  {[]float64{3}, Figure{3, 3, 3}},
		"odd":  {[]float64{5, 1, 3}, Figure{1, 3, 5}},
		"even": {[]float64{4, 1, 3, 2}, Figure{1, 2.5, 4}},
	} {
		if diff := cmp.Diff(c.want, Of(c.values)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
