package pgup

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// work is of so many calls that all took the same.
func work(calls int64, ms float64) cluster.Work {
	n := float64(calls)
	return cluster.Work{Database: "app", Text: "SELECT a FROM t", Calls: calls, Total: n * ms, Squares: n * ms * ms}
}

type statements = map[string]cluster.Work

// minute is what a server did in one.
func minute(commits, rollbacks int64, s statements) span {
	return span{cluster.Workload{Databases: map[string]cluster.Activity{"app": {Commits: commits, Rollbacks: rollbacks}}, Statements: s}, time.Minute}
}

// usual is a baseline: 0.5 % of the transactions fail, and three statements are known.
var usual = Baseline{
	Failed:     map[string]float64{"app": 0.005},
	Statements: statements{"fast": work(1000, 0.1), "usual": work(1000, 10), "heavy": work(1000, 50)},
}

func TestJudge(t *testing.T) {
	t.Parallel()
	both := Limits{Errors: 0.01, P99: 3}
	fine := minute(1000, 5, statements{"fast": work(500, 0.1), "usual": work(500, 12), "heavy": work(100, 50)})
	failing := minute(1000, 30, fine.Statements)
	slow := minute(1000, 5, statements{"fast": work(500, 0.1), "usual": work(500, 40), "heavy": work(100, 50)})
	with := func(s span, name string, w cluster.Work) span {
		return minute(s.Databases["app"].Commits, s.Databases["app"].Rollbacks, statements{"usual": s.Statements["usual"], "heavy": s.Statements["heavy"], name: w})
	}
	for _, tt := range []struct {
		name    string
		limits  Limits
		windows []span // the newest first
		cold    bool
		want    Grade
		reason  string
	}{
		{"nothing seen yet", both, nil, false, Fine, ""},
		{"as before", both, []span{fine, fine, fine}, false, Fine, ""},
		{"errors in all windows", both, []span{failing, failing, failing}, false, Past, "in database app 2.91 % of the transactions fail, 0.5 % before"},
		{"errors in all windows, shown only", Limits{}, []span{failing, failing, failing}, false, Worse, "in database app"},
		{"errors in all windows, limited in time only", Limits{P99: 3}, []span{failing, failing, failing}, false, Worse, "in database app"},
		{"errors while caches are cold", both, []span{failing, failing, failing}, true, Past, "in database app"},
		{"errors in the last window alone", both, []span{failing, fine, fine}, false, Worse, "in database app"},
		{"errors that are over", both, []span{fine, failing, failing}, false, Fine, ""},
		{"more than the limit, and too few to say so", both, []span{minute(100, 9, nil), minute(100, 9, nil), minute(100, 9, nil)}, false, Fine, ""},
		{"every transaction fails, and there are few", both, []span{minute(0, 12, nil), minute(0, 12, nil), minute(0, 12, nil)}, false, Past, "100 % of the transactions"},
		{"nobody is there", both, []span{minute(0, 0, nil), minute(0, 0, nil), minute(0, 0, nil)}, false, Fine, ""},
		{"slow in all windows", both, []span{slow, slow, slow}, false, Past, "1 statement is slower than before: SELECT a FROM t (database app) p99 40.0 ms, 10.0 ms before"},
		{"slow in all windows, shown only", Limits{}, []span{slow, slow, slow}, false, Worse, "1 statement"},
		{"slow in all windows, limited in errors only", Limits{Errors: 0.01}, []span{slow, slow, slow}, false, Worse, "1 statement"},
		{"slow while caches are cold", both, []span{slow, slow, slow}, true, Worse, "1 statement"},
		{"slow in one window", both, []span{fine, slow, fine}, false, Fine, ""},
		{"slow in the last window", both, []span{slow, fine, fine}, false, Worse, "1 statement"},
		{"slower, within the limit", Limits{P99: 5}, []span{slow, slow, slow}, false, Worse, "1 statement"},
		{"a limit below what is shown without one", Limits{P99: 1.1}, []span{fine, fine, fine}, false, Past, "p99 12.0 ms"},
		{"many times as slow, and nobody feels it", both, []span{with(fine, "fast", work(5000, 1)), with(fine, "fast", work(5000, 1)), with(fine, "fast", work(5000, 1))}, false, Fine, ""},
		{"slow, and a small part of the load", both, []span{with(fine, "usual", work(20, 31)), with(fine, "usual", work(20, 31)), with(minute(1000, 5, statements{"heavy": work(2000, 50)}), "usual", work(20, 31))}, false, Worse, "1 statement"},
		{"slow, called too seldom to know", both, []span{with(fine, "usual", work(19, 500)), with(fine, "usual", work(19, 500)), with(fine, "usual", work(19, 500))}, false, Fine, ""},
		{"statements that were not there before", both, []span{with(fine, "new", work(500, 900)), with(fine, "new", work(500, 900)), with(fine, "new", work(500, 900))}, false, Fine, ""},
		{"one outlier", both, []span{fine, with(fine, "usual", sum(work(500, 12), work(1, 10_000))), fine}, false, Fine, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := usual.judge(tt.limits, tt.windows, len(tt.windows) == 3, tt.cold)
			if v.Grade != tt.want || !strings.Contains(v.Reason, tt.reason) || (v.Reason == "") != (v.Grade == Fine) {
				t.Errorf("%s: %q, want %s: %q", v.Grade, v.Reason, tt.want, tt.reason)
			}
			if early := usual.judge(tt.limits, tt.windows, false, tt.cold); early.Grade == Past {
				t.Errorf("past the limits before there were enough windows: %s", early.Reason)
			}
		})
	}
}

// Another statement takes over each minute: none of them lasts.
func TestNoStatementLasts(t *testing.T) {
	t.Parallel()
	slow := func(name string) span {
		s := statements{"usual": work(500, 10), "heavy": work(500, 50)}
		s[name] = work(500, 4*usual.Statements[name].P99())
		return minute(1000, 5, s)
	}
	v := usual.judge(Limits{P99: 3}, []span{slow("usual"), slow("heavy"), slow("usual")}, true, false)
	if v.Grade != Worse || len(v.Slower) != 1 {
		t.Errorf("%+v", v)
	}
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	begin := cluster.Workload{
		At:         at,
		Databases:  map[string]cluster.Activity{"quiet": {Commits: 10_000, Rollbacks: 1000}, "bad": {Commits: 900, Rollbacks: 100}, "small": {Commits: 10}},
		Statements: statements{"often": work(1_000_000, 30), "seldom": work(500, 7), "hardly": work(5, 1)},
	}
	end := cluster.Workload{
		At:         at.Add(time.Hour),
		Databases:  map[string]cluster.Activity{"quiet": {Commits: 20_000, Rollbacks: 1000}, "bad": {Commits: 1700, Rollbacks: 300}, "small": {Commits: 20, Rollbacks: 20}},
		Statements: statements{"often": sum(work(1_000_000, 30), work(1000, 10)), "seldom": sum(work(500, 7), work(3, 100)), "hardly": work(6, 1)},
	}
	b := baseline(begin, end)
	if got := fmt.Sprint(b.Failed); got != fmt.Sprint(map[string]float64{"quiet": 1000.0 / 11_000, "bad": 0.2}) {
		t.Errorf("failed: %s", got)
	}
	if x := b.Statements["often"]; x.Calls != 1000 || fmt.Sprintf("%.3f", x.P99()) != "10.000" {
		t.Errorf("often: %+v, p99 %v", x, x.P99())
	}
	if x := b.Statements["seldom"]; x.Calls != 503 {
		t.Errorf("seldom: %+v", x)
	}
	if _, there := b.Statements["hardly"]; there {
		t.Error("a statement of six calls is compared with")
	}
	for i := range 2 * mostKept {
		end.Statements[fmt.Sprint(i)] = work(100, float64(i))
	}
	if b := baseline(begin, end); len(b.Statements) != mostKept || b.Statements["999"].Calls == 0 || b.Statements["3"].Calls != 0 {
		t.Errorf("%d statements are kept", len(b.Statements))
	}
}

func sum(a, b cluster.Work) cluster.Work {
	a.Calls, a.Total, a.Squares = a.Calls+b.Calls, a.Total+b.Total, a.Squares+b.Squares
	return a
}

func TestTrail(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	reading := func(s int) cluster.Workload {
		return cluster.Workload{At: at.Add(time.Duration(s) * time.Second), Databases: map[string]cluster.Activity{"app": {Commits: int64(s)}}}
	}
	lengths := func(spans []span) (out []string) {
		for _, s := range spans {
			out = append(out, fmt.Sprintf("%s/%d", s.length, s.Databases["app"].Commits))
		}
		return out
	}
	for _, tt := range []struct {
		name     string
		readings []int
		want     string
		full     bool
	}{
		{"one", []int{0}, "[]", false},
		{"less than a window", []int{0, 5, 8}, "[8s/8]", false},
		{"two windows", []int{0, 5, 10, 15, 20}, "[10s/10 10s/10]", false},
		{"three windows", []int{0, 5, 10, 15, 20, 25, 30}, "[10s/10 10s/10 10s/10]", true},
		{"uneven", []int{0, 3, 9, 14, 21, 26, 33, 40}, "[14s/14 12s/12 11s/11]", true},
		{"a gap", []int{0, 5, 10, 15, 40, 45, 50}, "[10s/10]", false},
		{"long ago", []int{0, 1, 2, 3, 90, 100, 110, 120}, "[10s/10 10s/10 10s/10]", true},
	} {
		trail := trail{pace: pace{window: 10 * time.Second, needed: 3}}
		for _, s := range tt.readings {
			trail.add(reading(s))
		}
		got, full := trail.windows()
		if fmt.Sprint(lengths(got)) != tt.want || full != tt.full {
			t.Errorf("%s: %v, full %v, want %s", tt.name, lengths(got), full, tt.want)
		}
		if len(trail.readings) > 8 {
			t.Errorf("%s: %d readings are kept", tt.name, len(trail.readings))
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{10 * time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		p := paceOf(length)
		if p.every > p.window/3 || p.window > time.Minute || p.warmUp > length/6 || p.warmUp > 5*time.Minute || p.needed < 3 {
			t.Errorf("%s: %+v", length, p)
		}
	}
}

func TestSampleText(t *testing.T) {
	t.Parallel()
	worse := usual.judge(Limits{}, []span{minute(970, 30, statements{"usual": work(500, 40)})}, false, false)
	for _, tt := range []struct {
		name string
		s    Sample
		want string
	}{
		{"first", Sample{Left: 24 * time.Hour, Verdict: Verdict{Grade: Fine}}, "the first look at the new server; 24h 00m left"},
		{"fine", Sample{Left: 90 * time.Second, Verdict: Verdict{Grade: Fine, Window: time.Minute, Transactions: 6000, Failed: 6, FailedBefore: 0.002, Measured: 12}},
			"fine: errors 6 a minute (0.1 % of 100 transactions/s, 0.2 % before); statements compared: 12, none is slower; 0h 02m left"},
		{"blind", Sample{Left: 9 * time.Second, Blind: "no idea", Verdict: Verdict{Grade: Fine, Window: time.Minute}},
			"fine: errors 0 a minute (0 % of 0 transactions/s, 0 % before); statements are not compared: no idea; 9s left"},
		{"worse", Sample{Left: time.Hour, Cold: true, Verdict: worse},
			"worse: errors 30 a minute (3 % of 16.7 transactions/s, 0.5 % before); in database app 3 % of the transactions fail, 0.5 % before; 1 statement is slower than before: SELECT a FROM t (database app) p99 40.0 ms, 10.0 ms before (its cache is still cold); 1h 00m left"},
		{"trouble", Sample{Left: time.Hour, Trouble: "it is away"}, "the new server does not answer: it is away; 1h 00m left"},
	} {
		if got := tt.s.Text(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
