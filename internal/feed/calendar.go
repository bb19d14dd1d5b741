package feed

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// CalendarType is the media type of calendars.
const CalendarType = "text/calendar; charset=utf-8"

// Calendar is a choice of maintenances to subscribe to or to add.
type Calendar struct {
	Path  string
	Title string // beside the organization's name
	keep  func(view.Maintenance) bool
}

// Calendars are all there are: of everything, of each maintenance, and of each component.
func (o Origin) Calendars(page view.PageModel) []Calendar {
	out := []Calendar{{"/maintenance.ics", o.say("feed.maintenances"), func(view.Maintenance) bool { return true }}}
	for _, m := range maintenances(page) {
		out = append(out, Calendar{PathOf(m.ID) + ".ics", m.Title, func(o view.Maintenance) bool { return o.ID == m.ID }})
	}
	for _, c := range page.Components() {
		out = append(out, Calendar{PathOf(maint.ComponentID(c.ID)) + ".ics", c.Name, func(m view.Maintenance) bool {
			return slices.ContainsFunc(m.Components, func(a view.Affected) bool { return a.ID == c.ID })
		}})
	}
	return out
}

func maintenances(page view.PageModel) []view.Maintenance {
	return slices.Concat(page.Running, page.Upcoming, page.Past)
}

// Encode writes the calendar as RFC 5545 and 7986 have it, with the fields of NANOG's MAINTNOTE in
// each event. It names no METHOD: with one, mail clients add events without asking.
func (c Calendar) Encode(o Origin, page view.PageModel) []byte {
	var w icsWriter
	w.raw("BEGIN", "VCALENDAR")
	w.raw("VERSION", "2.0")
	w.raw("PRODID", "-//Lull//Maintenance//"+strings.ToUpper(o.words().Lang))
	w.raw("CALSCALE", "GREGORIAN")
	for _, name := range []string{"NAME", "X-WR-CALNAME"} { // the new name, and the one that older programs read
		w.text(name, o.say("feed.title", "name", o.Name, "what", c.Title))
	}
	w.time("LAST-MODIFIED", latest(page.Changed))
	w.raw("REFRESH-INTERVAL;VALUE=DURATION", "PT15M")
	w.raw("X-PUBLISHED-TTL", "PT15M")
	w.raw("SOURCE;VALUE=URI", o.link(c.Path))
	w.raw("URL", o.link("/"))
	events := 0
	for _, m := range maintenances(page) {
		if c.keep(m) && m.Window.Known() && events < most {
			o.event(&w, m)
			events++
		}
	}
	w.raw("END", "VCALENDAR")
	return w.Bytes()
}

func (o Origin) event(w *icsWriter, m view.Maintenance) {
	news := slices.DeleteFunc(slices.Clone(m.Entries), func(e view.Entry) bool { return e.Kind == maint.BannerChanged{}.Kind() })
	start, end := extent(m)
	w.raw("BEGIN", "VEVENT")
	w.text("UID", string(m.ID)+"@"+o.host())
	w.raw("SEQUENCE", strconv.Itoa(len(news)-1))
	w.time("DTSTAMP", news[0].At)
	w.time("CREATED", news[len(news)-1].At)
	w.time("LAST-MODIFIED", news[0].At)
	w.time("DTSTART", start)
	w.time("DTEND", end)
	w.text("SUMMARY", m.Title)
	w.text("DESCRIPTION", o.describe(m, news[0]))
	w.raw("URL", o.link(PathOf(m.ID)))
	w.raw("STATUS", icsStatus(m.State))
	w.raw("TRANSP", "TRANSPARENT") // nobody's time is taken
	w.raw("CATEGORIES", "MAINTENANCE")
	w.raw("ORGANIZER;CN="+icsParam(o.Name), o.link("/"))
	o.maintnote(w, m)
	w.raw("END", "VEVENT")
}

// describe says what the plan is, and what was said last where that is more.
func (o Origin) describe(m view.Maintenance, last view.Entry) string {
	if last.Text == "" || last.Text == m.Summary {
		return m.Summary
	}
	return strings.TrimSpace(m.Summary + "\n\n" + o.say("feed.entry", "label", o.words().Called(last.Called), "title", last.Text))
}

// extent is from when to when the event lasts, as far as it is known: the planned window until
// the work begins, what happened afterwards. An event must not end before it begins.
func extent(m view.Maintenance) (start, end time.Time) {
	start, end = m.Window.Start, until(m)
	if !m.Started.IsZero() {
		start = m.Started
		if !m.Ended.IsZero() {
			end = m.Ended
		}
	}
	start, end = start.Truncate(time.Second), end.Truncate(time.Second)
	if !end.After(start) {
		end = start.Add(time.Second)
	}
	return start, end
}

func icsStatus(s maint.State) string {
	if s == maint.StateCancelled {
		return "CANCELLED"
	}
	return "CONFIRMED"
}

// maintnote writes what network operators' programs read (NANOG BCOP on maintenance notifications).
func (o Origin) maintnote(w *icsWriter, m view.Maintenance) {
	w.text("X-MAINTNOTE-PROVIDER", o.host())
	w.text("X-MAINTNOTE-ACCOUNT", "public")
	w.text("X-MAINTNOTE-MAINTENANCE-ID;X-MAINTNOTE-PRECEDENCE=PRIMARY", string(m.ID))
	worst := maint.Operational
	for _, a := range m.Components {
		worst = maint.Worst(worst, a.Impact)
		w.text("X-MAINTNOTE-OBJECT-ID;X-MAINTNOTE-OBJECT-IMPACT="+maintnoteImpact(a.Impact), a.ID)
	}
	if len(m.Components) == 0 { // one is required
		w.text("X-MAINTNOTE-OBJECT-ID", o.host())
	}
	w.raw("X-MAINTNOTE-IMPACT", maintnoteImpact(worst))
	w.raw("X-MAINTNOTE-STATUS", maintnoteStatus(m.State))
}

// maintnoteImpact tells the worst that may be meant: what is under maintenance may be away.
func maintnoteImpact(i maint.Impact) string {
	switch i {
	case maint.MajorOutage, maint.UnderMaintenance:
		return "OUTAGE"
	case maint.PartialOutage, maint.DegradedPerformance:
		return "DEGRADED"
	}
	return "NO-IMPACT"
}

func maintnoteStatus(s maint.State) string {
	switch s {
	case maint.InProgress, maint.StateVerifying:
		return "IN-PROCESS"
	case maint.StateCompleted:
		return "COMPLETED"
	case maint.StateCancelled:
		return "CANCELLED"
	}
	return "CONFIRMED"
}
