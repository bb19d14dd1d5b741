package notify

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
)

// Words put notices into words.
type Words struct {
	Organization string
	Page         string                       // address of the status page, without a slash at its end
	Language     string                       // of those whose language is not known
	Own          Texts                        // the operator's own, in place of Lull's
	Plain        func(markdown string) string // turns what people wrote into text; nil = it is left as it is
}

// Message is a delivery in words, for the one who gets it.
func (w Words) Message(d Delivery, to Address) (Message, error) {
	lang := to.Language
	if lang == "" {
		lang = w.Language
	}
	c := phrase.In(lang)
	m := Message{Key: d.Key(), To: to, Notice: d.Notice, Language: c.Lang, Link: w.Page + "/" + path(d.Notice.Subject), Label: c.Text(phrase.Say("notice.link"))}
	if d.Notice.Kind == Mirror {
		m.Subject, m.Text = d.Notice.Title, strings.TrimSpace(d.Notice.Summary+d.Notice.Text)
		return m, nil
	}
	var args map[string]string
	if d.Notice.Asked() {
		args = w.asked(c, &m)
	} else {
		var err error
		if args, err = w.args(c, d.Notice, to); err != nil {
			return m, err
		}
	}
	t := w.Own.find(d.Notice.Kind, c.Lang, to.Channel)
	if t == nil {
		t = standard(c, d.Notice)
	}
	m.Subject, m.Text = t.fill(args)
	return w.leave(c, m), nil
}

// path is where the page tells of a subject.
func path(id maint.ID) string {
	if id.Kind() == maint.AChange {
		return "changes/" + id.Name()
	}
	return "maintenance/" + id.Name()
}

// Places are the names that a text may use. Each stands for plain text.
var Places = []string{"organization", "title", "summary", "text", "date", "when", "before", "expected", "affects", "status", "link"}

// args is what stands in the places. Times are in the recipient's zone where it is known, and else in
// the organiser's and in UTC.
func (w Words) args(c *phrase.Catalogue, n Notice, to Address) (map[string]string, error) {
	start, _, err := n.Window.Resolve()
	if err != nil {
		return nil, err
	}
	when, err := window(c, n.Window, to.Zone)
	if err != nil {
		return nil, err
	}
	date := c.Date("date.year", start.In(zoneOf(to.Zone, start.Location())))
	args := map[string]string{
		"organization": w.Organization, "title": n.Title, "summary": strings.TrimSpace(n.Summary), "text": strings.TrimSpace(n.Text), "when": when, "date": date,
		"before": "", "expected": "", "status": "", "affects": affects(c, n), "link": w.Page + "/" + path(n.Subject),
	}
	if n.Before != nil {
		if args["before"], err = window(c, *n.Before, to.Zone); err != nil {
			return nil, err
		}
	}
	if !n.Expected.IsZero() {
		args["expected"] = instant(c, n.Expected, zoneOf(to.Zone, start.Location()), to.Zone == "")
	}
	return args, nil
}

// window says when, so that it reads the same on every day and in every place.
func window(c *phrase.Catalogue, w maint.Window, zone string) (string, error) {
	start, end, err := w.Resolve()
	if err != nil {
		return "", err
	}
	in := zoneOf(zone, start.Location())
	both := zone == ""
	from := c.At(c.Date("date.full", start.In(in)), phrase.Clock(start.In(in)))
	until := phrase.Clock(end.In(in))
	if !sameDay(start.In(in), end.In(in)) {
		until = c.At(c.Date("date.full", end.In(in)), until)
	}
	return placed(c, c.Text(phrase.Say("date.span", "start", from, "end", until)), start, end, in, both), nil
}

func instant(c *phrase.Catalogue, t time.Time, in *time.Location, both bool) string {
	return placed(c, c.At(c.Date("date.full", t.In(in)), phrase.Clock(t.In(in))), t, t, in, both)
}

// placed adds whose time it is, and what it is in UTC.
func placed(c *phrase.Catalogue, text string, start, end time.Time, in *time.Location, both bool) string {
	text = c.Text(phrase.Say("date.in", "time", text, "place", c.Place(in.String())))
	_, from := start.In(in).Zone()
	if _, until := end.In(in).Zone(); !both || from == 0 && until == 0 {
		return text
	}
	utc := utcText(c, start, in)
	if !end.Equal(start) {
		utc = c.Text(phrase.Say("date.span", "start", utc, "end", phrase.Clock(end.UTC())))
	}
	return text + " (" + utc + " UTC)"
}

// utcText is the clock, with its day where that is another one there.
func utcText(c *phrase.Catalogue, t time.Time, in *time.Location) string {
	if sameDay(t.UTC(), t.In(in)) {
		return phrase.Clock(t.UTC())
	}
	return c.At(c.Date("date.brief", t.UTC()), phrase.Clock(t.UTC()))
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

func zoneOf(name string, otherwise *time.Location) *time.Location {
	if name == "" {
		return otherwise
	}
	in, err := time.LoadLocation(name)
	if err != nil {
		return otherwise
	}
	return in
}

func affects(c *phrase.Catalogue, n Notice) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(n.Components)) {
		name := n.Names[id]
		if name == "" {
			name = id
		}
		out = append(out, c.Text(phrase.Say("notice.affected", "name", name, "impact", c.Named("impact", string(n.Components[id])))))
	}
	return strings.Join(out, "; ")
}

// wording remembers what was put into words: most recipients of a notice get the same ones.
type wording struct {
	words Words
	mu    sync.Mutex
	said  map[saying]Message
}

// saying is what the words of a message depend on. A notice whose facts have changed has another At.
type saying struct {
	notice, language, zone string
	at                     time.Time
}

const mostSayings = 256

// message puts a delivery into words. What a subscriber alone gets in them, a link, is added for each.
func (w *wording) message(d Delivery, to Address) (Message, error) {
	if d.Notice.Kind == Confirm {
		return w.words.Message(d, to)
	}
	link := to.Link
	to.Link = ""
	m, err := w.common(d, to)
	if err != nil {
		return m, err
	}
	m.To.Link = link
	return w.words.leave(phrase.In(m.Language), m), nil
}

func (w *wording) common(d Delivery, to Address) (Message, error) {
	of := saying{d.Notice.ID, to.Language, to.Zone, d.Notice.At}
	w.mu.Lock()
	defer w.mu.Unlock()
	m, known := w.said[of]
	if !known {
		var err error
		if m, err = w.words.Message(d, to); err != nil {
			return m, err
		}
		if w.said == nil || len(w.said) >= mostSayings {
			w.said = map[saying]Message{}
		}
		w.said[of] = m
	}
	m.Key, m.To, m.Notice = d.Key(), to, d.Notice
	return m, nil
}
