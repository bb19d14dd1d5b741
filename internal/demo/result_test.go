package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/ledger"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

var held = time.Date(2026, 12, 5, 4, 0, 30, 0, time.UTC)

func someRecord(t *testing.T) []byte {
	t.Helper()
	at := func(d time.Duration, e maint.Event) timeline.Entry { return timeline.Entry{At: held.Add(d), Event: e} }
	data, err := json.Marshal([]timeline.Entry{
		at(-time.Minute, maint.Scheduled{Window: maint.Window{Allow: 2 * time.Hour}}),
		at(-50*time.Second, maint.Rescheduled{Scheduled: maint.Scheduled{Window: maint.Window{Allow: 30 * time.Minute}}}),
		at(-20*time.Second, maint.Started{}),
		at(-19*time.Second, maint.Noted{Figures: maint.Figures{"from": 13, "to": 17, "database_bytes": 152e6}}),
		at(-time.Second, maint.Noted{Figures: maint.Figures{"tables_without_statistics_at_switch": 0, "hold_ms": 900}}),
		at(time.Second, maint.Noted{Figures: maint.Figures{"hold_ms": 31.25, "held_at_unix_ms": float64(held.UnixMilli())}}),
		at(2*time.Second, maint.Noted{Figures: maint.Figures{"site_probes": 60, "site_probe_failures": 0}}),
		at(5*time.Second, maint.Completed{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func someEvidence(t *testing.T) evidence {
	t.Helper()
	rec, err := readRecord(someRecord(t))
	if err != nil {
		t.Fatal(err)
	}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	e := evidence{record: rec, report: ".demo/post-mortem.md", before: [2]time.Time{held.Add(-40 * time.Second), held.Add(-30 * time.Second)}}
	e.load.Transactions = []Transaction{
		{Start: held.Add(-35 * time.Second), Took: ms(4)},
		{Start: held.Add(-10 * time.Second), Took: ms(800)}, // while the copy is made: neither before nor after
		{Start: held.Add(-ms(2)), Took: ms(70)},
		{Start: held.Add(2 * time.Second), Took: ms(5)},
		{Start: held.Add(20 * time.Second), Took: ms(600)}, // long after
	}
	if err := e.load.count([]int{7}); err != nil {
		t.Fatal(err)
	}
	e.statements = ledger.Statements{{Start: held.Add(ms(1)), Took: ms(81)}}
	e.ledger = ledger.Summary{Acked: 12, Statements: 48}
	e.verdict = ledger.Verdict{Acked: 12, Found: 12}
	return e
}

func TestResult(t *testing.T) {
	t.Parallel()
	e := someEvidence(t)
	r, err := e.result(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Result{From: 13, To: 17, MajorVersions: 4, DatabaseBytes: 152e6, Statements: 5*7 + 48, HoldMillis: 31.25, LongestHoldMillis: 81,
		AckedCommits: 12, P99MillisBefore: 4, P99MillisAfter: 70, WindowSeconds: 1800, TookSeconds: 25, SiteProbes: 60, Report: e.report}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if err := e.promise(r); err != nil {
		t.Errorf("a kept promise is called broken: %v", err)
	}
	var out bytes.Buffer
	r.print(&out)
	path := t.TempDir() + "/result.json"
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "result.txt", out.String()+string(data))
}

// A figure that nobody measured is an error and never a 0.
func TestResultWithoutAMeasurement(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"from", "to", "database_bytes", "hold_ms", "held_at_unix_ms", "tables_without_statistics_at_switch", "site_probes", "site_probe_failures"} {
		e := someEvidence(t)
		delete(e.record.figures, name)
		if _, err := e.result(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestBrokenPromises(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*evidence){
		"a client of the load gave up": func(e *evidence) { e.load.Failed = 1 },
		"a statement of the ledger":    func(e *evidence) { e.ledger.FailedStatements = 1 },
		"a stale read":                 func(e *evidence) { e.ledger.StaleReads = 1 },
		"a sequence went back":         func(e *evidence) { e.ledger.SequencesBack = 1 },
		"a lost commit":                func(e *evidence) { e.verdict.Lost.Count = 1 },
		"a doubled commit":             func(e *evidence) { e.verdict.Doubled.Count = 1 },
		"an unknown commit":            func(e *evidence) { e.ledger.Unknown = 1 },
		"no statistics":                func(e *evidence) { e.record.figures["tables_without_statistics_at_switch"] = 1 },
	} {
		e := someEvidence(t)
		spoil(&e)
		r, err := e.result(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := e.promise(r); err == nil {
			t.Errorf("%s: the demo is content", name)
		}
	}
}

func TestReadRecordRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", "[]", `[{"kind":"started","at":"2026-12-05T04:00:00Z","event":{}}]`, `[{"kind":"unheard_of","event":{}}]`} {
		if r, err := readRecord([]byte(text)); err == nil {
			t.Errorf("%q: got %+v", text, r)
		}
	}
}

// A demo that cannot go on says why, and leaves nothing running.
func TestRunStopsWhatItStarted(t *testing.T) {
	t.Parallel()
	program := t.TempDir() + "/lull"
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho out of order >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := Run(t.Context(), Options{Dir: t.TempDir(), Majors: defaultMajors, Scale: 1, Rate: 10, Clients: 1, Self: program, Out: &out})
	if err == nil || !strings.Contains(err.Error(), "out of order") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(out.String(), "Status page  http://127.0.0.1:") {
		t.Errorf("it printed first:\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if _, url, ok := strings.Cut(strings.TrimSpace(line), " http://"); ok && answers(t.Context(), "http://"+url) {
			t.Errorf("%s still answers", url)
		}
	}
}
