package notify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/timeline"
)

// The kinds of notices that subscribers alone get.
const (
	Incident Kind = "incident" // what is said of one
	Digest   Kind = "digest"   // what is new in the change log
	Confirm  Kind = "confirm"  // a link to a subscription that somebody asked for
)

// The moments of an incident.
const (
	AtOpening    = "opened"
	AtUpdate     = "updated"
	AtResolution = "resolved"
	AtPostMortem = "postmortem"
)

// FollowIncident says what is to be told because of one entry about an incident, given those before it. Later news overtake what waits.
func FollowIncident(past []timeline.Entry, e timeline.Entry) (n Notice, ok bool) {
	if e.Subject.Kind() != maint.AnIncident {
		return n, false
	}
	i := maint.Incident{ID: e.Subject}
	touched := map[string]maint.Impact{}
	for _, x := range append(slices.Clip(past), e) {
		i = i.Apply(x.Event, x.At)
		for id := range i.Components {
			touched[id] = maint.Operational
		}
	}
	maps.Copy(touched, i.Components) // what is over is told to those of whom it was
	n = Notice{Subject: e.Subject, Kind: Incident, Title: i.Title, Summary: string(i.Status), Components: touched, Names: i.Names, Due: e.At, At: e.At}
	n.ID = fmt.Sprintf("%s/%d", e.Subject, e.Version)
	switch ev := e.Event.(type) {
	case maint.IncidentOpened:
		n.Word, n.Text = AtOpening, ev.Text
	case maint.IncidentUpdated:
		n.Word, n.Text = AtUpdate, ev.Text
		if ev.Status == maint.Resolved {
			n.Word = AtResolution
		}
	case maint.PostMortemPublished:
		n.Word, n.Text = AtPostMortem, ev.Text
	default:
		return n, false
	}
	return n, true
}

// asked puts into words what subscribers alone get.
func (w Words) asked(c *phrase.Catalogue, m Message) Message {
	n := m.Notice
	say := func(key string, pairs ...any) string {
		return c.Text(phrase.Say(key, append([]any{"organization", w.Organization, "title", n.Title}, pairs...)...))
	}
	switch n.Kind {
	case Confirm:
		m.Subject, m.Text = say("notice.confirm"), say("notice.confirm.text")
		m.Link, m.Label = w.Page+"/subscription/"+m.To.Link, say("notice.confirm.link")
	case Digest:
		m.Subject, m.Text, m.Link = say("notice.digest"), n.Text, w.Page+"/changes"
	case Incident:
		status := c.Named("status", n.Summary)
		parts := []string{say("notice.incident.text", "status", status), w.plain(n.Text)}
		if who := affects(c, n); who != "" {
			parts = append(parts, say("notice.affects", "affects", who))
		}
		m.Subject, m.Text, m.Link = say("notice.incident", "status", status), strings.Join(parts, "\n\n"), w.Page+"/incidents/"+n.Subject.Name()
	}
	m.Subject = oneLine(m.Subject)
	return m
}

func (w Words) plain(markdown string) string {
	if w.Plain == nil {
		return strings.TrimSpace(markdown)
	}
	return strings.TrimSpace(w.Plain(markdown))
}

// leave adds for a subscriber how to change or end what is told. The address is the same for all: whoever forwards a message does not
// hand over a link.
func (w Words) leave(c *phrase.Catalogue, m Message) Message {
	if m.To.Link == "" {
		return m
	}
	m.Leave = w.Page + "/subscription/" + m.To.Link
	if m.Notice.Kind != Confirm {
		m.Text += "\n\n" + c.Text(phrase.Say("notice.leave", "link", w.Page+"/subscribe"))
	}
	return m
}
