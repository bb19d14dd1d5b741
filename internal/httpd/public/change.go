package public

import (
	"html/template"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/view"
)

// changesShown is how many posts are shown whole, one below the other.
const changesShown = 20

// log is the change log as its page shows it.
type log struct {
	Posts []post
	Older []post // by title only
}

// post is one entry of the change log.
type post struct {
	speaker
	view.Change
	Alone   bool
	Path    string
	Brought *view.Maintenance // the maintenance that brought it, if it can be shown
}

func (s speaker) post(page view.PageModel, c view.Change, alone bool) post {
	p := post{speaker: s, Change: c, Alone: alone, Path: changePath(c)}
	if m, found := page.Find(c.Maintenance); found {
		p.Brought = &m
	}
	return p
}

// BroughtPath is where the maintenance is that brought it.
func (p post) BroughtPath() string { return maintenancePath(*p.Brought) }

// Words are its text with its pictures.
func (p post) Words() template.HTML {
	return template.HTML(markdown.Illustrated(p.Text, feed.Pictures(p.site.Base(), p.Pictures)))
}

// Edited says whether its words are others than at first.
func (p post) Edited() bool { return p.Changed.After(p.Posted) }

func (s speaker) changes(page view.PageModel) ([]byte, error) {
	var body log
	for n, c := range page.Changes {
		if n < changesShown {
			body.Posts = append(body.Posts, s.post(page, c, false))
		} else {
			body.Older = append(body.Older, s.post(page, c, false))
		}
	}
	return leaf{speaker: s, Page: page, Title: s.T("changes.title"), Path: "/changes", Nav: "changes", Feed: "/changes", Body: body}.write("changes")
}

func (s speaker) change(page view.PageModel, c view.Change) ([]byte, error) {
	return leaf{speaker: s, Page: page, Title: c.Title, Path: changePath(c), Nav: "changes", Feed: "/changes", Body: s.post(page, c, true)}.write("change")
}
