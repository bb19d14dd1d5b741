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

// Alone are the kinds of notices that subscribers alone get.
var Alone = []Kind{Incident, Digest, Confirm}

// asked is what stands in the places of what subscribers alone get. Where people read on is set in the message.
func (w Words) asked(c *phrase.Catalogue, m *Message) map[string]string {
	n := m.Notice
	args := map[string]string{"text": strings.TrimSpace(n.Text), "affects": affects(c, n), "status": "", "summary": "", "date": "", "when": "", "before": "", "expected": ""}
	switch n.Kind {
	case Confirm:
		m.Link, m.Label = w.Page+"/subscription/"+m.To.Link, c.Text(phrase.Say("notice.confirm.link"))
	case Digest:
		m.Link = w.Page + "/changes"
	case Incident:
		m.Link = w.Page + "/incidents/" + n.Subject.Name()
		args["status"], args["text"] = c.Named("status", n.Summary), w.plain(n.Text)
	}
	args["organization"], args["title"], args["link"] = w.Organization, n.Title, m.Link
	return args
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
