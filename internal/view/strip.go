package view

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// stripDays is how many days a component's strip has.
const stripDays = 90

// StripDay is one day of a component. Its bounds are midnights of the page's zone, so that a day
// may have 23 or 25 hours.
type StripDay struct {
	Date      time.Time // its first instant
	Known     bool      // there is a record of it
	Worst     maint.Impact
	Stretches []Stretch     // cut to the day; the one that lasts is cut to now
	Out       time.Duration // of partial and major outages
	Work      time.Duration // of announced maintenance
}

// Uptime is the share of the days of the strip that are on record.
type Uptime struct {
	Known   time.Duration // how long it was watched
	Out     time.Duration // partial and major outages, announced maintenance not counted
	Percent float64       // 0 to 100; rounded down to two digits, so that 100 means no outage at all
}

// days cuts stretches into the days up to now. What was before known is not on record.
func days(stretches []Stretch, known, now time.Time) ([]StripDay, Uptime) {
	out := make([]StripDay, 0, stripDays)
	var up Uptime
	today := midnight(now)
	for n := stripDays - 1; n >= 0; n-- {
		from := midnight(today.AddDate(0, 0, -n))
		until := midnight(today.AddDate(0, 0, 1-n))
		if until.After(now) {
			until = now
		}
		d := StripDay{Date: from, Known: !known.IsZero() && until.After(known), Worst: maint.Operational}
		for _, s := range stretches {
			d.add(s.cut(from, until))
		}
		out = append(out, d)
		if d.Known {
			up.Known += until.Sub(later(from, known))
			up.Out += d.Out
		}
	}
	if known := up.Known.Milliseconds(); known > 0 { // 90 days of nanoseconds, ten thousand times, are more than an int64 holds
		up.Percent = float64(10000*(up.Known-up.Out).Milliseconds()/known) / 100
	}
	return out, up
}

func (d *StripDay) add(s Stretch) {
	if !s.To.After(s.From) {
		return
	}
	d.Stretches = append(d.Stretches, s)
	d.Worst = maint.Worst(d.Worst, s.Status)
	switch s.Status {
	case maint.PartialOutage, maint.MajorOutage:
		d.Out += s.To.Sub(s.From)
	case maint.UnderMaintenance:
		d.Work += s.To.Sub(s.From)
	}
}

// cut keeps what lies in a day. Nothing: To is not after From.
func (s Stretch) cut(from, until time.Time) Stretch {
	if s.Open() || s.To.After(until) {
		s.To = until
	}
	s.From = later(s.From, from)
	s.From, s.To = s.From.In(from.Location()), s.To.In(from.Location())
	return s
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// midnight is the first instant of t's day. Some zones skip midnight when clocks go forward.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	out := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	for out.Day() != d { // skipped: the zone's day begins an hour later
		out = out.Add(30 * time.Minute)
	}
	return out
}
