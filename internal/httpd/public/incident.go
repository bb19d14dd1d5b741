package public

import (
	"html/template"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/view"
)

// story is an incident on a page, with as many entries as fit there.
type story struct {
	speaker
	view.Incident
	Alone bool
	Shown []view.Entry
	More  int
	Path  string
}

func (s speaker) story(i view.Incident, alone bool) story {
	out := story{speaker: s, Incident: i, Alone: alone, Shown: i.Entries, Path: incidentPath(i)}
	if !alone && len(out.Shown) > perPage {
		out.Shown, out.More = out.Shown[:perPage], len(out.Shown)-perPage
	}
	return out
}

func (s speaker) incident(page view.PageModel, i view.Incident) ([]byte, error) {
	say := s.T("announce", "title", i.Title, "state", s.Status(i.Status))
	return leaf{speaker: s, Page: page, Title: i.Title, Say: say, Path: incidentPath(i), Feed: "/incidents", Live: i.Open, Body: s.story(i, true)}.write("incident")
}

// Word is its status in a reader's words.
func (i story) Word() string { return i.speaker.Status(i.Incident.Status) }

// Tone is how much a reader should worry.
func (i story) Tone() view.Tone { return toneOfIncident(i.Incident) }

// Affects are the components that it touches now, or touched ever once it is over.
func (i story) Affects() []part {
	if i.Open {
		return i.parts(i.Affected)
	}
	return i.parts(i.Touched)
}

// Zone is that of the page, which its times carry.
func (i story) Zone() string { return i.Began.Location().String() }

// Apart says whether an entry is shown elsewhere on the page: the post-mortem stands above the others.
func (i story) Apart(e view.Entry) bool { return i.Alone && e.Status == maint.PostMortem }

// Weight is how bad it is, said only where it is bad.
func (i story) Weight() string {
	if i.Severity == maint.NoSeverity || i.Severity == "" {
		return ""
	}
	return i.Named("severity", string(i.Severity))
}

// Lasted is how long it took to be over.
func (i story) Lasted() time.Duration { return i.Resolved.Sub(i.Began) }

// Markdown shows words that were written in it.
func (s speaker) Markdown(text string) template.HTML { return template.HTML(markdown.HTML(text)) }

func toneOfIncident(i view.Incident) view.Tone {
	switch {
	case !i.Open:
		return view.Done
	case i.Severity == maint.Major || i.Severity == maint.Critical:
		return view.Down
	}
	return view.Slow
}
