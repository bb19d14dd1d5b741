package app

import (
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
)

func TestForecastFindings(t *testing.T) {
	t.Parallel()
	const left = time.Hour
	plan := func(short *config.Exception) *config.Plan {
		return &config.Plan{File: "plan.yaml", Steps: []config.Step{{Kind: config.KindUpgrade}}, ShortWindow: short}
	}
	expect := func(total, high time.Duration, c maint.Confidence) maint.Forecast {
		return maint.Forecast{Total: total, High: high, Confidence: c, Rehearsals: 1, Parts: []maint.Expected{{Title: "Copy", Takes: total}}}
	}
	for name, c := range map[string]struct {
		plan *config.Plan
		f    maint.Forecast
		want string
	}{
		"no upgrade":                {&config.Plan{}, maint.Forecast{}, ""},
		"never rehearsed":           {plan(nil), maint.Forecast{}, "not-rehearsed warning"},
		"it fits":                   {plan(nil), expect(left/2, left, maint.Fair), ""},
		"too long":                  {plan(nil), expect(2*left, 3*left, maint.Fair), "window-too-short blocker"},
		"too long, by somebody":     {plan(&config.Exception{By: "Kiri", Why: "It goes on until it is done."}), expect(2*left, 3*left, maint.Fair), "window-too-short warning"},
		"too long if it goes badly": {plan(nil), expect(left/2, 2*left, maint.Fair), "window-tight warning"},
		"far more than there was":   {plan(nil), expect(left/4, left/2, maint.Doubted), "forecast-doubtful warning"},
	} {
		got := ""
		for _, f := range forecastFindings(c.plan, c.f, left) {
			if f.Fix == "" || f.Text == "" {
				t.Errorf("%s: it does not say what to do: %+v", name, f)
			}
			got += f.ID + " " + string(f.Severity)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRoomForWAL(t *testing.T) {
	t.Parallel()
	p := &config.Plan{File: "plan.yaml", Steps: []config.Step{{Name: "upgrade", Kind: config.KindUpgrade}}}
	f := maint.Forecast{Parts: []maint.Expected{{Step: "upgrade/base-backup", Takes: time.Minute}, {Step: "upgrade/catch-up", Takes: time.Minute}, {Step: "wait", Takes: time.Hour}}}
	for rate, want := range map[float64]string{1000: "", 1e6: "wal-room", 0: ""} {
		got := ""
		for _, x := range walFindings(p, f, maint.Figures{"upgrade/wal_bytes_per_s": rate, "upgrade/wal_budget_bytes": 64 << 20}) {
			got += x.ID
			if !strings.Contains(x.Text, "120 MB") || !strings.Contains(x.Text, "67.1 MB") {
				t.Error(x.Text)
			}
		}
		if got != want {
			t.Errorf("%.0f bytes a second: %q", rate, got)
		}
	}
	if got := walFindings(p, f, nil); len(got) > 0 {
		t.Errorf("nobody looked, and there is %v", got)
	}
}
