package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/ledger"
)

// Result is what was measured: by the clients and the ledger, or by Lull and found in its record.
type Result struct {
	From          int `json:"from"`
	To            int `json:"to"`
	MajorVersions int `json:"major_versions"`

	DatabaseBytes int64 `json:"database_bytes"`
	Statements    int64 `json:"statements"`
	// Failed are statements that failed, and those that were answered wrongly: a stale read, a sequence that went back.
	Failed int64 `json:"failed"`

	HoldMillis float64 `json:"hold_ms"`
	// LongestHoldMillis is the longest that any client waited around the switch: for a statement of
	// the ledger, or for a whole transaction of the load.
	LongestHoldMillis float64 `json:"longest_hold_ms"`

	AckedCommits int64 `json:"acked_commits"`
	LostCommits  int64 `json:"lost_commits"`

	TablesWithoutStatistics int64 `json:"tables_without_statistics_at_switch"`

	P99MillisBefore float64 `json:"p99_ms_before"`
	P99MillisAfter  float64 `json:"p99_ms_after"`

	WindowSeconds float64 `json:"window_s"`
	TookSeconds   float64 `json:"took_s"`

	SiteProbes        int64 `json:"site_probes"`
	SiteProbeFailures int64 `json:"site_probe_failures"`
	SitesBannerOn     int   `json:"sites_banner_on"`
	SitesBannerOff    int   `json:"sites_banner_off"`

	// BackMillis is how long clients were held on the way back, when it was taken, and
	// LongestBackMillis the longest that any of them waited around it.
	BackMillis        float64 `json:"back_ms,omitempty"`
	LongestBackMillis float64 `json:"longest_back_ms,omitempty"`

	// What was forecast, of a demo that was rehearsed.
	ForecastSeconds     float64 `json:"forecast_s,omitempty"`
	HoldPredictedMillis float64 `json:"hold_predicted_ms,omitempty"`
	// LateShare is how much of the copy's overrun was over when it was said to be late; 0 when it was not. Negative: before any was.
	LateShare float64 `json:"late_share,omitempty"`

	Report string `json:"report"`
}

// evidence is everything that the result is read from.
type evidence struct {
	record     record
	back       record // the same after a rollback, empty without one
	load       LoadResult
	ledger     ledger.Summary
	statements ledger.Statements
	verdict    ledger.Verdict
	before     [2]time.Time // the load alone
	sites      []Site
	report     string
}

// around is how far from the hold a wait still counts as the switch's.
const around = 500 * time.Millisecond

// afterwards is how long the load is measured after the switch.
const afterwards = 15 * time.Second

func (e evidence) result(ctx context.Context) (Result, error) {
	var missing []string
	count := func(name string) int64 { return int64(e.record.figure(name, &missing)) }
	from, to := e.record.held(&missing)
	r := Result{
		From: int(count("from")), To: int(count("to")), DatabaseBytes: count("database_bytes"),
		Statements: int64(e.load.Statements) + e.ledger.Statements,
		Failed:     int64(e.load.Failed) + e.ledger.FailedStatements + e.ledger.StaleReads + e.ledger.SequencesBack,
		HoldMillis: e.record.figure("hold_ms", &missing), TablesWithoutStatistics: count("tables_without_statistics_at_switch"),
		AckedCommits: int64(e.verdict.Acked), LostCommits: int64(e.verdict.Lost.Count),
		WindowSeconds: e.record.window.Seconds(), TookSeconds: e.record.completed.Sub(e.record.started).Round(time.Millisecond).Seconds(),
		SiteProbes: count("site_probes"), SiteProbeFailures: count("site_probe_failures"), Report: e.report,
	}
	r.MajorVersions = r.To - r.From
	if f := e.record.forecast; f != nil {
		r.ForecastSeconds, r.LateShare = f.Total.Seconds(), e.record.lateShare("upgrade/base-backup")
		if f.Hold != nil {
			r.HoldPredictedMillis = millis(f.Hold.Median)
		}
	}
	e.wentBack(&r, &missing)
	if len(missing) > 0 {
		return r, fmt.Errorf("write the result: the record has no %s", strings.Join(missing, ", "))
	}
	e.waits(&r, from, to)
	err := e.banners(ctx, &r)
	return r, err
}

// waits are the clients' own measurements.
func (e evidence) waits(r *Result, from, to time.Time) {
	load := e.load.Times()
	r.LongestHoldMillis = e.longest(from, to)
	r.P99MillisBefore = millis(load.Around(e.before[0], e.before[1]).Quantile(.99))
	r.P99MillisAfter = millis(load.Around(to, to.Add(afterwards)).Quantile(.99))
}

// longest is the longest that any client waited around a hold.
func (e evidence) longest(from, to time.Time) float64 {
	from, to = from.Add(-around), to.Add(around)
	return millis(max(e.load.Times().Around(from, to).Longest().Took, e.statements.Around(from, to).Longest().Took))
}

// wentBack measures the way back as the way there.
func (e evidence) wentBack(r *Result, missing *[]string) {
	if e.back.figures == nil {
		return
	}
	r.BackMillis = e.back.figure("hold_ms", missing)
	r.LongestBackMillis = e.longest(e.back.held(missing))
}

// banners counts the sites whose published history has the banner on, and then off again.
func (e evidence) banners(ctx context.Context, r *Result) error {
	for _, s := range e.sites {
		history, err := s.bannerHistory(ctx)
		if err != nil {
			return err
		}
		was := false
		for _, on := range history {
			was = was || on
		}
		if was {
			r.SitesBannerOn++
		}
		if was && !history[len(history)-1] {
			r.SitesBannerOff++
		}
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r Result) write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// print is the result for people.
func (r Result) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	line("PostgreSQL", "%d to %d, %.0f MB", r.From, r.To, float64(r.DatabaseBytes)/1e6)
	line("Statements", "%d, %d failed", r.Statements, r.Failed)
	line("Commits", "%d acknowledged, %d lost", r.AckedCommits, r.LostCommits)
	line("Clients held", "%.1f ms; the longest wait of any client around it was %.1f ms", r.HoldMillis, r.LongestHoldMillis)
	if r.BackMillis > 0 {
		line("Held going back", "%.1f ms; the longest wait of any client around it was %.1f ms", r.BackMillis, r.LongestBackMillis)
	}
	line("99 of 100 within", "%.1f ms before, %.1f ms after", r.P99MillisBefore, r.P99MillisAfter)
	line("Without statistics", "%d tables at the switch", r.TablesWithoutStatistics)
	line("Sites", "%d probes, %d failed; banner on at %d, off at %d", r.SiteProbes, r.SiteProbeFailures, r.SitesBannerOn, r.SitesBannerOff)
	line("Took", "%.1f s of a window of %.0f min", r.TookSeconds, r.WindowSeconds/60)
	line("Report", "%s", r.Report)
	_ = t.Flush() // a terminal that is gone cannot be told so
}

// promise is broken when anything failed, was lost, or would have been slow.
func (e evidence) promise(r Result) error {
	var broken []string
	if r.Failed > 0 {
		broken = append(broken, fmt.Sprintf("%d statements failed", r.Failed))
		broken = append(broken, e.load.Errors...)
	}
	if !e.verdict.Sound() {
		broken = append(broken, e.verdict.String())
	}
	if !e.ledger.Sound() {
		broken = append(broken, e.ledger.String())
	}
	if r.TablesWithoutStatistics > 0 {
		broken = append(broken, fmt.Sprintf("%d tables had no statistics at the switch", r.TablesWithoutStatistics))
	}
	if len(broken) == 0 {
		return nil
	}
	return hint.Errorf("read logs/ and the report beside the result", "the upgrade did not keep its promise:\n%s", strings.Join(broken, "\n"))
}
