package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// record is what lull itself says that happened.
func (g *ground) record(t *testing.T) []timeline.Entry {
	t.Helper()
	var out []timeline.Entry
	must(t, json.Unmarshal([]byte(g.ask(t, "report", "plan.yaml", "--json")), &out))
	return out
}

func (g *ground) state(t *testing.T) string {
	t.Helper()
	var list []struct{ ID, State string }
	must(t, json.Unmarshal([]byte(g.ask(t, "status", "--json")), &list))
	if len(list) != 1 || list[0].ID != id {
		t.Fatalf("lull status knows of %+v", list)
	}
	return list[0].State
}

// count tells how often each fact that may be there once is there.
func count(entries []timeline.Entry) map[string]int {
	n := map[string]int{}
	for _, entry := range entries {
		kind := entry.Event.Kind()
		switch e := entry.Event.(type) {
		case maint.BannerChanged:
			kind = fmt.Sprintf("%s %v", kind, e.On)
		case maint.Noted:
			kind = "noted"
			if _, ok := e.Figures["hold_ms"]; ok {
				kind = "hold noted"
			}
		case maint.StepStarted:
			n[fmt.Sprintf("%s started, attempt %d", e.Step, e.Attempt)]++
		case maint.StepFinished:
			n[fmt.Sprintf("%s finished, attempt %d", e.Step, e.Attempt)]++
			n[e.Step+" finished"]++
		case maint.StepFailed:
			n[fmt.Sprintf("%s failed: %s", e.Step, e.Error)]++
		}
		n[kind]++
		if entry.Key != "" {
			n["key "+entry.Key]++
		}
	}
	return n
}

// verifyCompleted holds the record of a maintenance that was killed and resumed many times
// against that of one that was not: the same facts, each once.
func verifyCompleted(t *testing.T, entries []timeline.Entry) {
	t.Helper()
	n := count(entries)
	for _, kind := range []string{"scheduled", "started", "updated", "banner_changed true", "banner_changed false", "hold noted", "verifying", "completed"} {
		if n[kind] != 1 {
			t.Errorf("the record has %q %d times, not once", kind, n[kind])
		}
		delete(n, kind)
	}
	for _, step := range steps {
		if n[step+" finished"] == 0 {
			t.Errorf("the record does not say that %s was finished", step)
		}
		delete(n, step+" finished")
	}
	for _, kind := range []string{"rescheduled", "cancelled", "late", "step_failed", "step_undone"} {
		if n[kind] != 0 {
			t.Errorf("the record has %q", kind)
		}
	}
	for _, many := range []string{"noted", "resumed", "step_started", "step_finished", "step_failed"} {
		delete(n, many)
	}
	for what, times := range n {
		if times > 1 {
			t.Errorf("the record says %d times: %s", times, what)
		}
	}
	for i, e := range entries {
		if e.Version != int64(i+1) {
			t.Errorf("entry %d of the record is version %d", i+1, e.Version)
		}
	}
	if t.Failed() {
		tell(t, entries)
	}
}

func tell(t *testing.T, entries []timeline.Entry) {
	t.Helper()
	for _, e := range entries {
		t.Logf("%s %s %+v", e.At.Format("15:04:05.000"), e.Event.Kind(), e.Event)
	}
}
