package pgup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgup"
)

func TestDamageAfterTheComparisonIsFound(t *testing.T) {
	whole(t)
	g := newGround(t)
	if err := g.runUntil(t, "comparison", func(context.Context) error { return errStopped }); err == nil {
		t.Fatal("the run was not stopped")
	}
	exec(t, g.onTarget(t, "shop"), "UPDATE t SET v = 'damaged' WHERE n = 77")
	waited := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	wantRow(t, "while something is waited for", pgup.New(g.spec).WhileComparing(t.Context(), waited))

	g.comparedLongAgo(t)
	wantRow(t, "in a run that is resumed the next day", g.run(t))

	exec(t, g.onTarget(t, "shop"), "UPDATE t SET v = repeat('x', 100) WHERE n = 77")
	if err := g.run(t); err != nil {
		t.Fatal(err)
	}
	if !g.noted(t, "Rows compared before the switch: ") {
		t.Error("it is not on record that rows were compared before the switch")
	}
}

func wantRow(t *testing.T, when string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "rows differ") || !strings.Contains(err.Error(), "(77) changed") {
		t.Errorf("%s: %v", when, err)
	}
}

// comparedLongAgo makes the comparison of the journal one of yesterday.
func (g *ground) comparedLongAgo(t *testing.T) {
	t.Helper()
	lease, err := g.journal.Acquire(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	points, err := g.journal.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	cp, ok := points["upgrade/comparison"]
	if !ok || len(cp.Memo) == 0 {
		t.Fatalf("the comparison is in the journal as %+v", cp)
	}
	cp.Memo = []byte(`{"pass": {"ended": "` + time.Now().Add(-24*time.Hour).Format(time.RFC3339) + `", "rows": 1}}`)
	if err := g.journal.Commit(t.Context(), lease, cp); err != nil {
		t.Fatal(err)
	}
	if err := g.journal.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
}
