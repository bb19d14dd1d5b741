package public

import (
	"github.com/lullhq/lull/internal/view"
)

// How much of a thing the front page shows. Its own page shows all.
const (
	perPage     = 6  // entries of a maintenance or an incident
	pastShown   = 6  // ended maintenances and incidents, by title
	newsShown   = 3  // posts of the change log
	planStepped = 12 // steps of a plan
)

// front is what the front page shows, in the order in which it shows it.
type front struct {
	Incidents []story
	Running   []card
	Recent    []card
	Groups    []group
	Upcoming  []card
	Earlier   []item
	News      []view.Change
}

func (s speaker) home(page view.PageModel) ([]byte, error) {
	f := front{Groups: s.groups(page), Earlier: s.earlier(page), News: page.Changes[:min(newsShown, len(page.Changes))]}
	for _, i := range page.Incidents {
		f.Incidents = append(f.Incidents, s.story(i, false))
	}
	for _, m := range page.Running {
		f.Running = append(f.Running, s.card(m, false))
	}
	for _, m := range page.Past {
		if m.Recent {
			f.Recent = append(f.Recent, s.card(m, false))
		}
	}
	for _, m := range page.Upcoming {
		f.Upcoming = append(f.Upcoming, s.card(m, false))
	}
	title := s.Says(page.Overall.Says)
	return leaf{speaker: s, Page: page, Title: title, Say: title, Path: "/", Nav: "status", Feed: "/history", Calendar: "/maintenance", Live: true, Body: f}.write("home")
}

// Nothing says whether there is nothing to tell but that all is well.
func (f front) Nothing() bool {
	return len(f.Incidents)+len(f.Running)+len(f.Recent)+len(f.Upcoming)+len(f.Earlier) == 0
}

// earlier is what is over, newest first, but for what is shown whole.
func (s speaker) earlier(page view.PageModel) []item {
	var out []item
	for _, i := range s.items(page) {
		if !i.Recent && len(out) < pastShown {
			out = append(out, i)
		}
	}
	return out
}
