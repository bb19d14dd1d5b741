package pgup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Limits are those past which clients are to go back to the old server. Zero: no such limit.
type Limits struct {
	Errors float64 // how many more of all transactions may fail than before: 0.01 is one in a hundred
	P99    float64 // how many times as long as before statements may take
}

// Baseline is what was usual on the source.
type Baseline struct {
	Failed     map[string]float64      `json:"failed"` // the share of transactions, by database
	Statements map[string]cluster.Work `json:"statements,omitempty"`
	Blind      string                  `json:"blind,omitempty"` // why statements were not measured
}

// What it takes to judge at all. Below it, chance decides.
const (
	leastTransactions = 100 // before, to know which share of them fails
	leastCalls        = 20  // of a statement, before and in each window
	leastFailures     = 10  // more than before, in each window
)

// What counts as slower, besides the factor.
const (
	leastRise  = 1.0 // ms: nobody feels less
	leastShare = 0.1 // of the server's time: what slow statements must take together before clients go back for them
)

// What is shown as worse without any limit in the plan.
const (
	worseErrors = 0.005
	worseP99    = 2
)

// mostKept bounds what a baseline keeps: the statements that took most of the time.
const mostKept = 500

// baseline is made of two readings of the source, at the beginning of the run and right
// before the switch. Copying and comparing were in between, which made the source slower
// than it is in everyday life; and what runs seldom did not run often enough. So what is
// not known well from in between is taken from all that the server remembers, and of the
// two shares of failed transactions the higher one counts.
func baseline(begin, end cluster.Workload) Baseline {
	between, _ := end.Since(begin)
	b := Baseline{Failed: map[string]float64{}, Statements: map[string]cluster.Work{}, Blind: end.Blind}
	for name, life := range end.Databases {
		for _, a := range []cluster.Activity{begin.Databases[name], between.Databases[name], life} {
			if a.Transactions() >= leastTransactions {
				b.Failed[name] = max(b.Failed[name], a.Failed())
			}
		}
	}
	for key, life := range end.Statements {
		x, there := between.Statements[key]
		if !there || x.Calls < leastCalls {
			x = life
		}
		if x.Calls >= leastCalls {
			b.Statements[key] = x
		}
	}
	b.trim()
	return b
}

// trim leaves out what took next to no time.
func (b *Baseline) trim() {
	if len(b.Statements) <= mostKept {
		return
	}
	var totals []float64
	for _, s := range b.Statements {
		totals = append(totals, s.Total)
	}
	slices.Sort(totals)
	least := totals[len(totals)-mostKept]
	for key, s := range b.Statements {
		if s.Total < least {
			delete(b.Statements, key)
		}
	}
}

// Grade is how the new server does, against the old one.
type Grade string

// The grades. Past is that of a plan's limits, and lasting: one bad minute is not.
const (
	Fine  Grade = "fine"
	Worse Grade = "worse"
	Past  Grade = "past the limits"
)

// Verdict is the grade and what it rests on: the newest of the windows.
type Verdict struct {
	Grade  Grade         `json:"grade"`
	Reason string        `json:"reason,omitempty"` // a sentence, for Worse and Past
	Window time.Duration `json:"window"`
	// Transactions that ended, and those of them that failed, in all databases.
	Transactions int64     `json:"transactions"`
	Failed       int64     `json:"failed"`
	FailedBefore float64   `json:"failed_before"` // the share to be expected
	Measured     int       `json:"measured"`      // statements that could be compared
	Failing      []Failing `json:"failing,omitempty"`
	Slower       []Slower  `json:"slower,omitempty"` // the one that costs most first
}

// Failing is a database in which more transactions fail than before.
type Failing struct {
	Database    string  `json:"database"`
	Now, Before float64 // shares
}

// Slower is a statement that takes longer than before. Times are estimates of what 99 of 100 calls stay below.
type Slower struct {
	Database  string  `json:"database"`
	Text      string  `json:"text"`
	NowMS     float64 `json:"now_ms"`
	BeforeMS  float64 `json:"before_ms"`
	Calls     int64   `json:"calls"`
	key       string
	timeShare float64 // of the server's time
}

// span is what a server did in one window.
type span struct {
	cluster.Workload
	length time.Duration
}

// judge gives the verdict on windows that follow each other, the newest first. There are
// enough of them for the limits when sustained says so; cold says that the new server has
// not yet read into memory what it needs, so that slow statements are shown and no more.
func (b Baseline) judge(limits Limits, windows []span, sustained, cold bool) Verdict {
	if len(windows) == 0 {
		return Verdict{Grade: Fine}
	}
	v := b.look(windows[0], Limits{Errors: nearer(limits.Errors, worseErrors), P99: nearer(limits.P99, worseP99)})
	if len(v.Failing)+len(v.Slower) > 0 {
		v.Grade, v.Reason = Worse, v.reason()
	}
	if !sustained {
		return v
	}
	if past := b.lasting(Limits{Errors: limits.Errors}, windows); len(past.Failing) > 0 {
		v.Grade, v.Reason = Past, past.reason()
	} else if past := b.lasting(Limits{P99: limits.P99}, windows); !cold && len(past.Slower) > 0 {
		v.Grade, v.Reason = Past, past.reason()
	}
	return v
}

// nearer is the plan's limit, or the usual one where that is reached first.
func nearer(limit, usual float64) float64 {
	if limit == 0 {
		return usual
	}
	return min(limit, usual)
}

// lasting is the newest window with only what is past the limits in every window, and slow
// statements only if they matter to the server as a whole in every window.
func (b Baseline) lasting(limits Limits, windows []span) Verdict {
	newest := b.look(windows[0], limits)
	for _, w := range windows[1:] {
		newest.keep(b.look(w, limits))
	}
	for _, w := range windows {
		v := b.look(w, limits)
		v.keep(newest)
		if v.timeShare() < leastShare {
			newest.Slower = nil
		}
	}
	return newest
}

// keep drops what is not in the other one.
func (v *Verdict) keep(other Verdict) {
	v.Failing = slices.DeleteFunc(v.Failing, func(f Failing) bool {
		return !slices.ContainsFunc(other.Failing, func(o Failing) bool { return o.Database == f.Database })
	})
	v.Slower = slices.DeleteFunc(v.Slower, func(s Slower) bool {
		return !slices.ContainsFunc(other.Slower, func(o Slower) bool { return o.key == s.key })
	})
}

func (v Verdict) timeShare() (sum float64) {
	for _, s := range v.Slower {
		sum += s.timeShare
	}
	return sum
}

// look holds one window against the baseline. A limit of zero finds nothing.
func (b Baseline) look(w span, limits Limits) Verdict {
	v := Verdict{Grade: Fine, Window: w.length}
	expected := 0.0
	for name, a := range w.Databases {
		before, known := b.Failed[name]
		failed, n := a.Rollbacks+a.Fatal, float64(a.Transactions())
		v.Transactions, v.Failed = v.Transactions+a.Transactions(), v.Failed+failed
		expected += before * n
		if limits.Errors > 0 && known && a.Failed()-before > limits.Errors && float64(failed)-before*n >= leastFailures {
			v.Failing = append(v.Failing, Failing{Database: name, Now: a.Failed(), Before: before})
		}
	}
	if v.Transactions > 0 {
		v.FailedBefore = expected / float64(v.Transactions)
	}
	slices.SortFunc(v.Failing, func(x, y Failing) int {
		return cmp.Or(cmp.Compare(y.Now-y.Before, x.Now-x.Before), cmp.Compare(x.Database, y.Database))
	})
	b.lookAtStatements(&v, w, limits.P99)
	return v
}

func (b Baseline) lookAtStatements(v *Verdict, w span, limit float64) {
	total := 0.0
	for _, now := range w.Statements {
		total += now.Total
	}
	for key, now := range w.Statements {
		before, known := b.Statements[key]
		if !known || now.Calls < leastCalls || before.P99() == 0 {
			continue
		}
		v.Measured++
		x := Slower{Database: now.Database, Text: now.Text, NowMS: now.P99(), BeforeMS: before.P99(), Calls: now.Calls, key: key, timeShare: now.Total / total}
		if limit > 0 && x.NowMS > limit*x.BeforeMS && x.NowMS-x.BeforeMS >= leastRise {
			v.Slower = append(v.Slower, x)
		}
	}
	cost := func(s Slower) float64 { return (s.NowMS - s.BeforeMS) * float64(s.Calls) }
	slices.SortFunc(v.Slower, func(x, y Slower) int { return cmp.Or(cmp.Compare(cost(y), cost(x)), cmp.Compare(x.key, y.key)) })
}

// reason says the worst of it in a sentence, for the operator alone: it holds names and statements.
func (v Verdict) reason() string {
	var parts []string
	if len(v.Failing) > 0 {
		f := v.Failing[0]
		parts = append(parts, fmt.Sprintf("in database %s %s of the transactions fail, %s before", f.Database, percentText(f.Now), percentText(f.Before)))
	}
	if len(v.Slower) > 0 {
		s := v.Slower[0]
		text := "1 statement is slower than before"
		if n := len(v.Slower); n > 1 {
			text = fmt.Sprintf("%d statements are slower than before, above all", n)
		}
		parts = append(parts, fmt.Sprintf("%s: %s", text, s))
	}
	return strings.Join(parts, "; ")
}

// String is a statement and its times, short enough for a line.
func (s Slower) String() string {
	return fmt.Sprintf("%s (database %s) p99 %s, %s before", shortly(s.Text, 60), s.Database, msText(s.NowMS), msText(s.BeforeMS))
}

func percentText(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

func msText(ms float64) string {
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}

// shortly cuts a text at so many characters.
func shortly(text string, longest int) string {
	if r := []rune(text); len(r) > longest {
		return string(r[:longest-3]) + "..."
	}
	return text
}
