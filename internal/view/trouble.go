package view

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
)

// trouble is the sentence at the top when something is wrong that nobody announced. It comes
// before all that is said of maintenances.
func trouble(p PageModel, c Catalog) (Overall, bool) {
	worst, names := maint.Operational, []string{}
	since := time.Time{}
	for _, part := range p.Components() {
		if part.Status == maint.Operational || part.Status == maint.UnderMaintenance {
			continue
		}
		worst = maint.Worst(worst, part.Status)
		names = append(names, part.Name)
		since = sooner(since, part.Since)
	}
	switch {
	case len(names) == 0 && len(p.Incidents) == 0:
		return Overall{}, false
	case len(names) == 1:
		return p.blame(Overall{Tone: ToneOf(worst), Says: phrase.Say("headline."+string(worst), "name", names[0]), AtSays: phrase.Say("at.since"), At: since, Zone: c.Zone}), true
	case len(names) > 1:
		return p.blame(Overall{Tone: ToneOf(worst), Says: phrase.Say("headline.systems", "n", len(names), "of", len(c.Components)), AtSays: phrase.Say("at.since"), At: since, Zone: c.Zone}), true
	case len(p.Incidents) > 1:
		return Overall{Tone: Slow, Says: phrase.Say("headline.incidents", "n", len(p.Incidents))}, true
	}
	i := p.Incidents[0]
	return p.blame(Overall{Tone: toneOfIncident(i.Severity), Says: phrase.Say("headline.incident"), AtSays: phrase.Say("at.since"), At: i.Began, Zone: c.Zone}), true
}

// blame names the incident, where there is just one.
func (p PageModel) blame(o Overall) Overall {
	if len(p.Incidents) == 1 {
		o.ID, o.Title = p.Incidents[0].ID, p.Incidents[0].Title
	}
	return o
}

// ToneOf is the colour of a component's status.
func ToneOf(i maint.Impact) Tone {
	switch i {
	case maint.PartialOutage, maint.MajorOutage:
		return Down
	case maint.DegradedPerformance:
		return Slow
	case maint.UnderMaintenance:
		return Busy
	}
	return Calm
}

func toneOfIncident(s maint.Severity) Tone {
	if s == maint.Major || s == maint.Critical {
		return Down
	}
	return Slow
}
