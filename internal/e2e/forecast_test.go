package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
)

// verifyForecast asks what was expected of a run that was rehearsed: every step of the upgrade by what it took
// then, and the report holds it against what came.
func (g *ground) verifyForecast(t *testing.T) {
	t.Helper()
	var expected *maint.Forecast
	unknown := map[string]bool{}
	for _, e := range g.record(t) {
		switch ev := e.Event.(type) {
		case maint.Forecast:
			expected = &ev
		case maint.Started:
			if expected == nil {
				t.Fatal("the work began without a forecast on record")
			}
		case maint.StepFinished:
			at := slices.IndexFunc(expected.Parts, func(p maint.Expected) bool { return p.Step == ev.Step })
			if at < 0 || expected.Parts[at].Basis != maint.ByRehearsal {
				unknown[ev.Step] = true
			}
		}
	}
	for step := range unknown {
		if strings.HasPrefix(step, "upgrade/") {
			t.Errorf("step %s was done, and nobody expected it to take any time", step)
		}
	}
	if h := expected.Hold; expected.Rehearsals != 1 || h == nil || h.Median <= 0 || h.P99 < h.Median {
		t.Errorf("the forecast rests on %d rehearsals, its hold is %v", expected.Rehearsals, h)
	}
	if report := g.ask(t, "report", "plan.yaml"); !strings.Contains(report, "## Steps: forecast and actual time") {
		t.Errorf("the report tells of no forecast:\n%s", report)
	}
}
