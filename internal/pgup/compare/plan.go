package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Plan is a node of what the planner has chosen for a statement, as far as two servers'
// choices are held against each other.
type Plan struct {
	Node     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Join     string  `json:"Join Type"`
	Rows     float64 `json:"Plan Rows"`  // that it expects to give
	Cost     float64 `json:"Total Cost"` // in the planner's units, with all below it
	Plans    []Plan  `json:"Plans"`
}

var errNoPlan = errors.New("it has no plan")

// ParsePlan reads what EXPLAIN (FORMAT JSON) answers.
func ParsePlan(b []byte) (Plan, error) {
	var answer []struct{ Plan Plan }
	if err := json.Unmarshal(b, &answer); err != nil {
		return Plan{}, fmt.Errorf("read the answer of EXPLAIN: %w", err)
	}
	if len(answer) != 1 || answer[0].Plan.Node == "" {
		return Plan{}, fmt.Errorf("read the answer of EXPLAIN: %w", errNoPlan)
	}
	return answer[0].Plan, nil
}

// String is the tree on one line: Nested Loop (Index Scan using a_pkey on a, Seq Scan on b).
// Two plans with the same one have the same shape.
func (p Plan) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

func (p Plan) write(b *strings.Builder) {
	b.WriteString(p.Node)
	if p.Join != "" && p.Join != "Inner" {
		b.WriteString(" " + p.Join)
	}
	if p.Index != "" {
		b.WriteString(" using " + p.Index)
	}
	if p.Relation != "" {
		b.WriteString(" on " + p.Relation)
	}
	for i, below := range p.Plans {
		b.WriteString([]string{" (", ", "}[min(i, 1)])
		below.write(b)
	}
	if len(p.Plans) > 0 {
		b.WriteByte(')')
	}
}

// each visits the node and all below it.
func (p Plan) each(visit func(Plan)) {
	visit(p)
	for _, below := range p.Plans {
		below.each(visit)
	}
}

// PlanGrade is how the target's plan is, against the source's.
type PlanGrade int

// The grades. Other has another shape and costs about as much.
const (
	Alike PlanGrade = iota
	Other
	Worse
	MuchWorse
)

// What makes a plan worse. Costs are estimates, so little is made of little; and a page that
// comes from the disk costs from 1 to 4, so nobody feels less than a hundred.
const (
	worseTimes     = 1.5
	muchWorseTimes = 3 // together with another shape
	leastRise      = 100
)

// GradePlan holds the plan of the target against that of the source.
func GradePlan(source, target Plan) PlanGrade {
	changed := source.String() != target.String()
	felt := target.Cost-source.Cost >= leastRise
	switch {
	case changed && felt && target.Cost > muchWorseTimes*source.Cost:
		return MuchWorse
	case felt && target.Cost > worseTimes*source.Cost:
		return Worse
	case changed:
		return Other
	}
	return Alike
}

// Planner is what of a server its plans come from, besides the statistics.
type Planner struct {
	Settings map[string]string
	Indexes  map[string]bool // by name: whether there is one of that name that can be used
}

// Suggest says what to look at first when the target's plan is worse: what differs and
// explains it. Empty when nothing does.
func Suggest(source, target Plan, old, now Planner) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(indexes(source))) {
		if !indexes(target)[name] && !now.Indexes[name] {
			out = append(out, fmt.Sprintf("the index %s is missing on the new server, or not valid: make it there, or REINDEX INDEX it", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old.Settings)) {
		if value, there := now.Settings[name]; there && value != old.Settings[name] {
			out = append(out, fmt.Sprintf("%s is %s on the old server and %s on the new one", name, old.Settings[name], value))
		}
	}
	expected, expects := rows(source), rows(target)
	for _, table := range slices.Sorted(maps.Keys(expected)) {
		if a, b := expected[table], expects[table]; b > 0 && max(a, b) > 10*min(a, b) {
			out = append(out, fmt.Sprintf("of %s, the old server expects %.0f rows and the new one %.0f: raise the statistics target of the columns in its conditions and ANALYZE it", table, a, b))
		}
	}
	return strings.Join(out, "; ")
}

func indexes(p Plan) map[string]bool {
	out := map[string]bool{}
	p.each(func(n Plan) {
		if n.Index != "" {
			out[n.Index] = true
		}
	})
	return out
}

// rows is how many each table is expected to give at the most, at least one.
func rows(p Plan) map[string]float64 {
	out := map[string]float64{}
	p.each(func(n Plan) {
		if n.Relation != "" {
			out[n.Relation] = max(out[n.Relation], n.Rows, 1)
		}
	})
	return out
}
