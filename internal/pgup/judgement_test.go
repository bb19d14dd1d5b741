package pgup

import (
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
)

func TestWhatHoldsTheSwitchBack(t *testing.T) {
	t.Parallel()
	much := judgement{statement: cluster.Statement{ID: -7, Database: "app", User: "client", Text: "SELECT a FROM t WHERE id = $1", Total: 90}, grade: compare.MuchWorse,
		source: compare.Plan{Node: "Index Scan", Relation: "t", Cost: 8}, target: compare.Plan{Node: "Seq Scan", Relation: "t", Cost: 800}, suggestion: "the index t_a is missing"}
	accepted := much
	accepted.accepted = AcceptedPlan{Query: -7, By: "Anna", Why: "runs at night"}
	fails := judgement{statement: cluster.Statement{ID: 8, Total: 10, Text: "SELECT gone()"}, fails: "function gone() does not exist"}
	worse := judgement{grade: compare.Worse}
	alone := judgement{unplanned: "it is a command that has no plan"}
	for name, c := range map[string]struct {
		all   judgements
		words string
	}{
		"none":                    {nil, ""},
		"alike, worse, unplanned": {judgements{{}, worse, alone}, ""},
		"much worse":              {judgements{{}, much}, "On the old server: Index Scan on t, cost 8. On the new one: Seq Scan on t, cost 800. Look at this first: the index t_a is missing."},
		"accepted":                {judgements{accepted, worse}, ""},
		"not possible":            {judgements{much, fails}, "[8 -7]. Statement 8 of role"},
		"accepted, and another":   {judgements{accepted, fails}, "The new server refuses it: function gone() does not exist."},
	} {
		err := c.all.refusal()
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if next := hint.Of(judgements{much}.refusal()); !strings.Contains(next, "accept_plans: [{query: -7, by: your name, why: the reason}]") {
		t.Errorf("what to do next: %s", next)
	}
	if line := (judgements{accepted}).line(accepted); !strings.HasSuffix(line, "Accepted by Anna: runs at night.") || !strings.Contains(line, "100 % of the time") {
		t.Errorf("on record: %s", line)
	}
	if got := (judgements{alone, alone, much}).reasons(); got != "2 (it is a command that has no plan)" {
		t.Errorf("why not: %s", got)
	}
}
