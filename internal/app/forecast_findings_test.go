package app

import (
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
