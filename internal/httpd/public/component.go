package public

import (
	"strings"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/view"
)

// outagesShown is how many stretches the front page tells of each component.
const outagesShown = 3

// group is some components under one name.
type group struct {
	speaker
	view.Group
	Rows []row
}

// row is a component with its strip.
type row struct {
	speaker
	view.Component
	Alone bool
	Path  string
	Bars  []bar
	Shown []view.Stretch
	More  int
}

// bar is some days of a strip that look alike, in the strip's own measure.
type bar struct {
	X, Width int
	Class    string
	Title    string
}

// dayWidth is a day with the gap after it, in the strip's own measure.
const dayWidth = 4

func (s speaker) groups(page view.PageModel) (out []group) {
	for _, g := range page.Groups {
		v := group{speaker: s, Group: g}
		for _, c := range g.Components {
			v.Rows = append(v.Rows, s.row(c, false))
		}
		out = append(out, v)
	}
	return out
}

func (s speaker) row(c view.Component, alone bool) row {
	r := row{speaker: s, Component: c, Alone: alone, Path: componentPath(c.ID), Bars: s.bars(c.Days), Shown: c.Past}
	if !alone && len(r.Shown) > outagesShown {
		r.Shown, r.More = r.Shown[:outagesShown], len(r.Shown)-outagesShown
	}
	return r
}

func (s speaker) component(page view.PageModel, c view.Component) ([]byte, error) {
	say := s.T("announce", "title", c.Name, "state", s.Condition(c.Status))
	return leaf{speaker: s, Page: page, Title: c.Name, Say: say, Path: componentPath(c.ID), Feed: componentPath(c.ID), Calendar: componentPath(c.ID), Live: true, Body: s.row(c, true)}.write("component")
}

// bars are the days on which there is something to say, and the days before the record began. All others
// show the ground.
func (s speaker) bars(days []view.StripDay) (out []bar) {
	for n, d := range days {
		b := bar{X: n * dayWidth, Width: dayWidth, Class: string(shade(d)), Title: s.dayTitle(d)}
		last := len(out) - 1
		switch {
		case d.Known && len(d.Stretches) == 0:
		case !d.Known && last >= 0 && out[last].Class == b.Class:
			out[last].Width += dayWidth
		default:
			out = append(out, b)
		}
	}
	return out
}

func shade(d view.StripDay) view.Tone {
	if !d.Known {
		return "blank"
	}
	return view.ToneOf(d.Worst)
}

// dayTitle tells of a day to the minute, in the page's zone.
func (s speaker) dayTitle(d view.StripDay) string {
	if !d.Known {
		return s.T("strip.unknown")
	}
	lines := []string{s.words.Date("date.year", d.Date) + ", " + s.place(d.Date, d.Date.Location().String())}
	for _, v := range d.Stretches {
		lines = append(lines, s.T("strip.stretch", "start", phrase.Clock(v.From), "end", phrase.Clock(v.To), "condition", s.Condition(v.Status)))
	}
	return strings.Join(lines, "\n")
}

// Width is that of the whole strip.
func (r row) Width() int { return len(r.Days) * dayWidth }

// saidShown is how much of what was said of a component its page shows.
const saidShown = 20

// Said is what people wrote about the component itself, newest first.
func (r row) Said() (out []view.Entry) {
	for _, e := range r.Entries {
		if e.Text != "" && len(out) < saidShown {
			out = append(out, e)
		}
	}
	return out
}

// Word is its status in a reader's words.
func (r row) Word() string { return r.Condition(r.Component.Status) }

// Tone is how much a reader should worry.
func (r row) Tone() view.Tone { return toneOfStatus(r.Component.Status) }

// Watched says whether there is a record of it at all.
func (r row) Watched() bool { return r.Uptime.Known > 0 }

// Share is the uptime in words.
func (r row) Share() string {
	if !r.Watched() {
		return r.T("uptime.none")
	}
	return r.T("uptime", "percent", r.Percent(r.Uptime.Percent))
}

// Strip says in one sentence what the strip shows.
func (r row) Strip() string {
	if !r.Watched() {
		return r.T("uptime.none")
	}
	return r.T("strip.label", "n", len(r.Past), "days", len(r.Days), "percent", r.Percent(r.Uptime.Percent))
}

// Began and Ends are the first and the last day of the strip.
func (r row) Began() string { return r.words.Date("date.brief", r.Days[0].Date) }

// Ends is the last day of the strip.
func (r row) Ends() string { return r.words.Date("date.brief", r.Days[len(r.Days)-1].Date) }

// Word is the worst of the group.
func (g group) Word() string { return g.Condition(g.Group.Status) }

// Tone is that of the worst of the group.
func (g group) Tone() view.Tone { return toneOfStatus(g.Group.Status) }

// StretchTone is the colour of one stretch.
func (s speaker) StretchTone(v view.Stretch) view.Tone { return view.ToneOf(v.Status) }

// Lasted is how long a stretch was, in words.
func (s speaker) Lasted(v view.Stretch) string { return s.Length(v.To.Sub(v.From)) }

// toneOfStatus is what a component's status looks like: that nothing is wrong is good news here.
func toneOfStatus(i maint.Impact) view.Tone {
	if i == maint.Operational {
		return view.Done
	}
	return view.ToneOf(i)
}
