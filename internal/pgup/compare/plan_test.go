package compare

import (
	"strings"
	"testing"
)

const indexScan = `[{"Plan": {"Node Type": "Nested Loop", "Join Type": "Left", "Plan Rows": 2, "Total Cost": 12.5, "Plans": [
	{"Node Type": "Index Scan", "Relation Name": "customer", "Index Name": "customer_pkey", "Plan Rows": 1, "Total Cost": 8.3},
	{"Node Type": "Seq Scan", "Relation Name": "orders", "Plan Rows": 100, "Total Cost": 4}]}}]`

func TestParsePlan(t *testing.T) {
	t.Parallel()
	p, err := ParsePlan([]byte(indexScan))
	if err != nil {
		t.Fatal(err)
	}
	if want := "Nested Loop Left (Index Scan using customer_pkey on customer, Seq Scan on orders)"; p.String() != want || p.Cost != 12.5 || p.Plans[1].Rows != 100 {
		t.Errorf("%s costs %v", p, p.Cost)
	}
	for _, bad := range []string{"", "[]", "{}", "[{}]", `[{"Plan": {}}]`, `[{"Plan": {"Node Type": 1}}]`, indexScan[1:]} {
		if p, err := ParsePlan([]byte(bad)); err == nil {
			t.Errorf("%q is %s", bad, p)
		}
	}
}

func FuzzParsePlan(f *testing.F) {
	f.Add([]byte(indexScan))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParsePlan(b); err == nil {
			if p.String() == "" || GradePlan(p, p) != Alike {
				t.Errorf("%q", p)
			}
			Suggest(p, p, Planner{}, Planner{})
		}
	})
}

func TestGradePlan(t *testing.T) {
	t.Parallel()
	plan := func(node string, cost float64) Plan { return Plan{Node: node, Relation: "t", Cost: cost} }
	for name, c := range map[string]struct {
		source, target Plan
		want           PlanGrade
	}{
		"the same":                     {plan("Index Scan", 1000), plan("Index Scan", 1000), Alike},
		"a little dearer":              {plan("Index Scan", 1000), plan("Index Scan", 1400), Alike},
		"dearer":                       {plan("Index Scan", 1000), plan("Index Scan", 1600), Worse},
		"many times as dear":           {plan("Index Scan", 1000), plan("Index Scan", 9000), Worse},
		"another, cheaper":             {plan("Seq Scan", 1000), plan("Index Scan", 10), Other},
		"another, dearer":              {plan("Index Scan", 1000), plan("Seq Scan", 2900), Worse},
		"another, many times as dear":  {plan("Index Scan", 1000), plan("Seq Scan", 3100), MuchWorse},
		"another, that nobody feels":   {plan("Index Scan", 8), plan("Seq Scan", 100), Other},
		"dearer, and nobody feels it":  {plan("Index Scan", 8), plan("Index Scan", 100), Alike},
		"nothing before, and much now": {plan("Result", 0), plan("Seq Scan", 101), MuchWorse},
	} {
		if got := GradePlan(c.source, c.target); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	byIndex := Plan{Node: "Index Scan", Index: "t_a", Relation: "t", Rows: 1, Cost: 8}
	whole := Plan{Node: "Seq Scan", Relation: "t", Rows: 1, Cost: 800}
	many := Plan{Node: "Seq Scan", Relation: "t", Rows: 1000, Cost: 800}
	old := Planner{Settings: map[string]string{"random_page_cost": "1.1", "jit": "off", "enable_memoize": "on"}}
	same := Planner{Settings: old.Settings, Indexes: map[string]bool{"t_a": true}}
	other := Planner{Settings: map[string]string{"random_page_cost": "4", "jit": "off"}, Indexes: same.Indexes}
	for name, c := range map[string]struct {
		target Plan
		now    Planner
		want   string
	}{
		"nothing explains it":  {whole, same, ""},
		"the index is missing": {whole, Planner{Settings: old.Settings}, "the index t_a is missing"},
		"a setting differs":    {whole, other, "random_page_cost is 1.1 on the old server and 4 on the new one"},
		"other expectations":   {many, same, "of t, the old server expects 1 rows and the new one 1000"},
		"two things":           {many, other, "new one; of t"},
	} {
		got := Suggest(byIndex, c.target, old, c.now)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
