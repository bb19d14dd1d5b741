package pgup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
	"github.com/lullhq/lull/internal/run"
)

// AcceptedPlan is a statement that may have a much worse plan on the target.
type AcceptedPlan struct {
	Query   int64 // its number as the run names it: queryid on the source, where there is one
	By, Why string
}

// plans asks both servers how they would carry out the statements that take most time.
func (u *Upgrade) plans() run.Item {
	return u.before("plans", "Plans of the statements that take most time", step{observe: seePlans, apply: u.comparePlans})
}

// judged is what the step keeps.
type judged struct {
	Compared int    `json:"compared"`
	From     string `json:"from,omitempty"`  // where the statements come from
	Blind    string `json:"blind,omitempty"` // why none was
}

func seePlans(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var memo judged
	found, err := rec.Memo(&memo)
	if memo.Blind != "" {
		return kept(found, "no plan was compared: "+memo.Blind), err
	}
	text := fmt.Sprintf("statements of which both plans were held against each other: %d; none that nobody accepted is much worse", memo.Compared)
	if memo.From != "" {
		text += "; they come from " + memo.From
	}
	return kept(found, text), err
}

// mostPlanned is how many statements are looked at. Beyond them is next to none of a server's time.
const mostPlanned = 200

// oldestPlanner is the first version that can be asked for a plan that is good for all values.
const oldestPlanner = 12

func (u *Upgrade) comparePlans(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "looking for the statements that take most time", Public: "Making the new database fast"})
	top, err := u.topStatements(ctx)
	if err != nil {
		return err
	}
	if top.blind != "" {
		if err := rec.Note(ctx, "The plans of the two servers were not compared: on the old one, "+top.blind+".", nil); err != nil {
			return err
		}
		return rec.Keep(ctx, judged{Blind: top.blind})
	}
	all, err := u.judgeAll(ctx, rec, top.list)
	if err != nil {
		return err
	}
	if err := all.tell(ctx, rec, top.from); err != nil {
		return err
	}
	if err := all.refusal(); err != nil && !u.Rehearsal {
		return err
	}
	return rec.Keep(ctx, judged{Compared: all.compared(), From: top.from})
}

// judgement is one statement with what both servers make of it.
type judgement struct {
	statement      cluster.Statement
	grade          compare.PlanGrade
	source, target compare.Plan
	fails          string // why the target cannot do it at all
	unplanned      string // why the two could not be compared
	suggestion     string
	accepted       AcceptedPlan // By is empty when nobody accepted it
}

// held says whether it keeps clients on the source until somebody accepts it.
func (j judgement) held() bool {
	return (j.grade == compare.MuchWorse || j.fails != "") && j.accepted.By == ""
}

func (u *Upgrade) judgeAll(ctx context.Context, rec run.Recorder, list []cluster.Statement) (out judgements, err error) {
	err = u.eachPair(ctx, func(p pair) error {
		old, now, err := planners(ctx, p)
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Database != p.db.Name {
				continue
			}
			rec.Progress(run.Progress{Text: "comparing plans", Unit: "statements", Done: float64(len(out)), Total: float64(len(list)), Public: "Making the new database fast"})
			j, err := judgePlan(ctx, p, s)
			if err != nil {
				return err
			}
			if j.grade >= compare.Worse {
				j.suggestion = compare.Suggest(j.source, j.target, old, now)
			}
			if i := slices.IndexFunc(u.AcceptPlans, func(a AcceptedPlan) bool { return a.Query == s.ID }); i >= 0 {
				j.accepted = u.AcceptPlans[i]
			}
			out = append(out, j)
		}
		return nil
	})
	return out, err
}

func planners(ctx context.Context, p pair) (old, now compare.Planner, err error) {
	if old.Settings, err = cluster.PlannerSettings(ctx, p.src); err != nil {
		return old, now, err
	}
	if now.Settings, err = cluster.PlannerSettings(ctx, p.dst); err != nil {
		return old, now, err
	}
	now.Indexes, err = cluster.UsableIndexes(ctx, p.dst)
	return old, now, err
}

func judgePlan(ctx context.Context, p pair, s cluster.Statement) (j judgement, err error) {
	j.statement = s
	if !cluster.Plannable(cluster.Shape(s.Text)) {
		j.unplanned = "it is a command that has no plan"
		return j, nil
	}
	before, err := cluster.Explain(ctx, p.src, s)
	var refused cluster.Unplanned
	if errors.As(err, &refused) {
		j.unplanned = refused.Reason
		return j, nil
	}
	if err != nil {
		return j, err
	}
	after, err := cluster.Explain(ctx, p.dst, s)
	if errors.As(err, &refused) {
		if j.unplanned = refused.Reason; refused.Plain {
			j.unplanned, j.fails = "", refused.Reason
		}
		return j, nil
	}
	if err != nil {
		return j, err
	}
	if j.source, err = compare.ParsePlan(before); err != nil {
		return j, err
	}
	if j.target, err = compare.ParsePlan(after); err != nil {
		return j, err
	}
	j.grade = compare.GradePlan(j.source, j.target)
	return j, nil
}

type judgements []judgement

func (all judgements) count(is func(judgement) bool) (n int) {
	for _, j := range all {
		if is(j) {
			n++
		}
	}
	return n
}

func (all judgements) compared() int {
	return all.count(func(j judgement) bool { return j.unplanned == "" })
}

// mostTold bounds what one run puts on record, the worst first.
const mostTold = 20

// tell puts the figures on record, where the statements come from, and each worse plan with both trees.
func (all judgements) tell(ctx context.Context, rec run.Recorder, from string) error {
	grade := func(g compare.PlanGrade) int {
		return all.count(func(j judgement) bool { return j.unplanned == "" && j.fails == "" && j.grade == g })
	}
	fails := all.count(func(j judgement) bool { return j.fails != "" })
	text := fmt.Sprintf("The plans of %d statements were compared, those that take most time on the old server. Alike: %d, others that cost no more: %d, worse: %d, much worse: %d, not possible on the new server: %d.",
		all.compared(), grade(compare.Alike), grade(compare.Other), grade(compare.Worse), grade(compare.MuchWorse), fails)
	text += " They come from " + from + "."
	if reasons := all.reasons(); reasons != "" {
		text += " Not compared: " + reasons + "."
	}
	figures := maint.Figures{"plans_compared": float64(all.compared()), "plans_worse": float64(grade(compare.Worse)), "plans_much_worse": float64(grade(compare.MuchWorse)),
		"plans_failing": float64(fails), "plans_not_compared": float64(len(all) - all.compared())}
	if err := rec.Note(ctx, text, figures); err != nil {
		return err
	}
	for i, j := range all.worst() {
		if i == mostTold {
			return rec.Note(ctx, fmt.Sprintf("More plans are worse than that: %d.", len(all.worst())-mostTold), nil)
		}
		if err := rec.Note(ctx, all.line(j), nil); err != nil {
			return err
		}
	}
	return nil
}

// reasons counts why statements were not compared.
func (all judgements) reasons() string {
	n := map[string]int{}
	for _, j := range all {
		if j.unplanned != "" {
			n[j.unplanned]++
		}
	}
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%d (%s)", n[reason], reason))
	}
	return strings.Join(out, ", ")
}

// worst are those to be told of: first what keeps clients back, and then what took most time.
func (all judgements) worst() judgements {
	out := slices.DeleteFunc(slices.Clone(all), func(j judgement) bool { return j.fails == "" && j.grade < compare.Worse })
	slices.SortStableFunc(out, func(a, b judgement) int {
		return cmp.Or(-cmp.Compare(min(len(a.fails), 1), min(len(b.fails), 1)), -cmp.Compare(a.grade, b.grade), -cmp.Compare(a.statement.Total, b.statement.Total))
	})
	return out
}

// line tells one statement's story.
func (all judgements) line(j judgement) string {
	text := fmt.Sprintf("Statement %d of role %s in database %s (%.0f %% of the time of these): %s. ", j.statement.ID, j.statement.User, j.statement.Database, 100*j.statement.Total/all.time(), cut(cluster.Shape(j.statement.Text), 300))
	if j.fails != "" {
		text += "The new server refuses it: " + j.fails + "."
	} else {
		text += fmt.Sprintf("On the old server: %s, cost %.0f. On the new one: %s, cost %.0f.", cut(j.source.String(), 600), j.source.Cost, cut(j.target.String(), 600), j.target.Cost)
	}
	if j.suggestion != "" {
		text += " Look at this first: " + j.suggestion + "."
	}
	if j.accepted.By != "" {
		text += fmt.Sprintf(" Accepted by %s: %s", j.accepted.By, strings.TrimSuffix(j.accepted.Why, ".")+".")
	}
	return text
}

func (all judgements) time() (ms float64) {
	for _, j := range all {
		ms += j.statement.Total
	}
	return max(ms, 1e-9)
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// refusal is what keeps clients on the source.
func (all judgements) refusal() error {
	held := slices.DeleteFunc(all.worst(), func(j judgement) bool { return !j.held() })
	if len(held) == 0 {
		return nil
	}
	var ids []string
	for _, j := range held {
		ids = append(ids, fmt.Sprint(j.statement.ID))
	}
	next := fmt.Sprintf("put right on the new server what is suggested, or accept it in the plan's upgrade step: accept_plans: [{query: %d, by: your name, why: the reason}]; then type the same command again", held[0].statement.ID)
	return hint.Errorf(next, "statements that would be much slower on the new server, or fail there: %s. %s", sample(ids), all.line(held[0]))
}
