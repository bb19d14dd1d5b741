package phrase

import (
	"strconv"
	"strings"
	"time"
)

// Date writes a day by the pattern of a key: date.full, date.brief, date.year, date.month.
func (c *Catalogue) Date(key string, t time.Time) string {
	return c.Text(Phrase{key, Args{
		"weekday": c.lists["weekdays"][t.Weekday()],
		"day":     t.Day(),
		"month":   c.lists["months"][t.Month()-1],
		"mon":     c.lists["mons"][t.Month()-1],
		"m":       int(t.Month()),
		"year":    t.Year(),
	}})
}

// Clock writes the time of day.
func Clock(t time.Time) string { return t.Format("15:04") }

// At writes a day with a time of it.
func (c *Catalogue) At(date, clock string) string {
	return c.Text(Say("date.at", "date", date, "time", clock))
}

// Place names a zone the way people do: "Auckland time".
func (c *Catalogue) Place(zone string) string {
	city, isCity := City(zone)
	if !isCity {
		return city
	}
	return c.Text(Say("date.place", "city", city))
}

// City is the place that a zone is named for. False: the zone is not of a place.
func City(zone string) (string, bool) {
	if zone == "" || !strings.Contains(zone, "/") {
		return zone, false
	}
	if rest, ok := strings.CutPrefix(zone, "Etc/"); ok {
		return rest, false
	}
	return strings.ReplaceAll(zone[strings.LastIndexByte(zone, '/')+1:], "_", " "), true
}

// Length writes how long something lasted, to the minute.
func (c *Catalogue) Length(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case days > 0:
		return c.Text(Say("length.days", "d", days, "h", hours))
	case hours > 0:
		return c.Text(Say("length.hours", "h", hours, "m", minutes))
	case minutes > 0:
		return c.Text(Say("length.minutes", "m", minutes))
	}
	return c.Text(Say("length.less"))
}

// Percent writes a share of a hundred, with no more digits than it has.
func (c *Catalogue) Percent(share float64) string {
	digits := strconv.FormatFloat(share, 'f', -1, 64)
	return c.Text(Say("percent", "n", strings.Replace(digits, ".", c.Raw("decimal"), 1)))
}

// Age says how old something is, in the key's phrase of the fitting unit.
func (c *Catalogue) Age(key string, d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return c.Text(Say(key + ".minute"))
	case d < 2*time.Hour:
		return c.Text(Say(key+".minutes", "n", int(d.Minutes())))
	case d < 48*time.Hour:
		return c.Text(Say(key+".hours", "n", int(d.Hours())))
	}
	return c.Text(Say(key+".days", "n", int(d.Hours()/24)))
}
