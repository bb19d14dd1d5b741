package httpd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
)

func TestProbesAreCounted(t *testing.T) {
	t.Parallel()
	s := New(Options{Probes: func() []ProbeCount {
		return []ProbeCount{
			{Component: "api", Looks: 7, Failures: 2, Impact: maint.MajorOutage}, {Component: "app", Looks: 9, Impact: maint.Operational}, {Component: "new", Looks: 1},
		}
	}})
	families, err := s.registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "lull_probe_") {
			continue
		}
		for _, m := range f.Metric {
			got = append(got, fmt.Sprintf("%s %s %g", strings.TrimPrefix(f.GetName(), "lull_probe_"), m.Label[0].GetValue(), m.GetCounter().GetValue()+m.GetGauge().GetValue()))
		}
	}
	want := []string{"failures_total api 2", "failures_total app 0", "failures_total new 0", "looks_total api 7", "looks_total app 9", "looks_total new 1", "operational api 0", "operational app 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
