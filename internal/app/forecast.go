package app

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/forecast"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// forecast says how long the plan's work will take, by its rehearsals and by how much there is to do today. What there
// is to do comes with it; nil when nobody looked, because it was never rehearsed.
func (a *App) forecast(ctx context.Context, p *config.Plan) (maint.Forecast, maint.Figures, error) {
	past, err := a.history(ctx, rehearsalOf(p.ID))
	if err != nil {
		return maint.Forecast{}, nil, err
	}
	steps, err := a.expectable(p)
	if err != nil {
		return maint.Forecast{}, nil, err
	}
	rehearsals := rehearsalsIn(past)
	if len(rehearsals) == 0 {
		return forecast.New(steps, nil, nil), nil, nil
	}
	load, err := a.load(ctx, p)
	return forecast.New(steps, rehearsals, load), load, err
}

func rehearsalsIn(past []timeline.Entry) (out []forecast.Rehearsal) {
	for _, e := range past {
		if r, ok := e.Event.(maint.Rehearsed); ok {
			out = append(out, forecast.Rehearsal{At: e.At, Rehearsed: r})
		}
	}
	return out
}

// expectable are the plan's steps as the record knows them, with what the plan says of their time.
func (a *App) expectable(p *config.Plan) (out []forecast.Step, err error) {
	items, _, err := a.items(p)
	if err != nil {
		return nil, err
	}
	planned, open := map[string]time.Duration{}, map[string]bool{}
	for _, s := range p.Steps {
		switch s.Kind {
		case config.KindWait:
			planned[s.Name] = s.Wait.For
		case config.KindCommand:
			planned[s.Name] = s.Command.Budget
		case config.KindConfirm:
			open[s.Name] = true
		}
	}
	for _, it := range items {
		if name := it.Step.Name(); !it.Hidden && name != probesName {
			out = append(out, forecast.Step{Name: name, Title: it.Title, Planned: planned[name], Open: open[name]})
		}
	}
	return out, nil
}

// load is how much there is to do for all upgrades of the plan.
func (a *App) load(ctx context.Context, p *config.Plan) (maint.Figures, error) {
	out := maint.Figures{}
	for _, s := range p.Steps {
		if s.Kind != config.KindUpgrade {
			continue
		}
		u, err := a.upgrade(p, s)
		if err != nil {
			return nil, err
		}
		l, err := u.Load(ctx)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, l)
	}
	return out, nil
}

// forecastFindings hold the forecast against the time that the plan has for the work.
func forecastFindings(p *config.Plan, f maint.Forecast, left time.Duration) []checks.Finding {
	if !upgrades(p) {
		return nil
	}
	at := config.Place(p.File, "window", "allow")
	if f.Rehearsals == 0 {
		return []checks.Finding{{ID: "not-rehearsed", Severity: checks.Warning, Where: at,
			Text: "nobody knows how long it will take: it was not rehearsed", Fix: "lull rehearse " + p.File}}
	}
	longest := forecast.Longest(f)
	text := fmt.Sprintf("the work is expected to take %s, %s to %s, and there are %s for it; most of it goes into “%s”, %s",
		view.Length(f.Total), view.Length(f.Low), view.Length(f.High), view.Length(left), longest.Title, view.Length(longest.Takes))
	switch {
	case f.Total > left && p.ShortWindow == nil:
		return []checks.Finding{{ID: "window-too-short", Severity: checks.Blocker, Where: at, Text: text,
			Fix: "give window.allow more, or write who has decided otherwise: short_window: {by: NAME, why: REASON}"}}
	case f.Total > left:
		return []checks.Finding{{ID: "window-too-short", Severity: checks.Warning, Where: at, Text: text,
			Fix: fmt.Sprintf("%s has decided so: %s", p.ShortWindow.By, p.ShortWindow.Why)}}
	case f.High > left:
		return []checks.Finding{{ID: "window-tight", Severity: checks.Warning, Where: at, Text: text, Fix: "give window.allow more, or lull rehearse " + p.File + " once more to be surer"}}
	case f.Confidence == maint.Doubted:
		return []checks.Finding{{ID: "forecast-doubtful", Severity: checks.Warning, Where: at, Fix: "lull rehearse " + p.File,
			Text: "there is far more to do now than when it was rehearsed on " + f.Rehearsed.UTC().Format("2 January 2006")}}
	}
	return nil
}

// walFindings hold what the source will have to keep for the new server against what it may keep.
func walFindings(p *config.Plan, f maint.Forecast, load maint.Figures) (out []checks.Finding) {
	for _, s := range p.Steps {
		if s.Kind != config.KindUpgrade {
			continue
		}
		var during time.Duration
		for _, part := range f.Parts {
			if strings.HasPrefix(part.Step, s.Name+"/") {
				during += part.Takes
			}
		}
		kept, budget := pgup.WALKept(load, s.Name, during)
		if budget == 0 || kept <= budget {
			continue
		}
		out = append(out, checks.Finding{ID: "wal-room", Severity: checks.Warning, Where: config.Place(p.File, "steps"),
			Text: fmt.Sprintf("the source will keep about %s of WAL while the new server is made, at the rate of today, and %s may be: the copy would be given up", view.Bytes(kept), view.Bytes(budget)),
			Fix:  "choose a quieter time, make room on the source's disk, or give the upgrade a larger wal_budget"})
	}
	return out
}

// ForecastText is a forecast for a person: how long each step takes, and all of it.
func ForecastText(f maint.Forecast) string {
	var b strings.Builder
	for _, p := range f.Parts {
		length := view.Length(p.Takes)
		switch p.Basis {
		case maint.ByNothing:
			length = "not known"
		case maint.ByOthers:
			length += ", like others: it cannot be rehearsed"
		case maint.ByPlan:
			length += " by the plan"
		}
		fmt.Fprintf(&b, "  %-44s %s\n", p.Title, length)
	}
	fmt.Fprintf(&b, "  %-44s %s, %s to %s; confidence: %s, rehearsals: %d", "Together", view.Length(f.Total), view.Length(f.Low), view.Length(f.High), f.Confidence, f.Rehearsals)
	if f.Hold != nil {
		fmt.Fprintf(&b, "\n  %-44s %.0f ms, 1 of 100 times %.0f ms", "Clients are held for", f.Hold.Median.Seconds()*1000, f.Hold.P99.Seconds()*1000)
	}
	return b.String()
}

// remaining is how much of the plan's window there is for work that begins at the given time, or with the window.
func remaining(p *config.Plan, now time.Time) (time.Duration, error) {
	start, end, err := p.Window.Resolve()
	if err != nil {
		return 0, err
	}
	if now.After(start) {
		start = now
	}
	return end.Sub(start), nil
}
