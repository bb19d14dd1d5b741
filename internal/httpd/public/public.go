// Package public renders the page that anyone may read, with its style sheet and
// its script.
//
// It must not know where models come from or how bytes travel: no HTTP, no record,
// no clock. It sees view models only, which carry public words only.
package public

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

//go:embed page.html
var pages embed.FS

// Site is whose page it is.
type Site struct {
	Organization string
	URL          string // public address of the status page, without a slash at its end; may be empty
	Strict       bool   // Statuspage's API says nothing that its documentation does not list
}

// perPage is how many entries a maintenance shows beside others; its own page shows all.
const perPage = 12

// pastShown is how many ended maintenances the front page lists.
const pastShown = 20

type model struct {
	Site  Site
	Page  view.PageModel
	One   *view.Maintenance // set on the page of a single maintenance
	Title string
	Path  string // where the whole page lives
}

// Home renders the status page.
func (s Site) Home(page view.PageModel) ([]byte, error) {
	return render(model{Site: s, Page: page, Title: page.Overall.Headline, Path: "/"})
}

// Maintenance renders the page of one maintenance.
func (s Site) Maintenance(page view.PageModel, m view.Maintenance) ([]byte, error) {
	return render(model{Site: s, Page: page, One: &m, Title: m.Title, Path: "/maintenance/" + url.PathEscape(string(m.ID))})
}

// Problem renders a page with one sentence, for what cannot be shown.
func (s Site) Problem(title, text string) ([]byte, error) {
	var out bytes.Buffer
	err := tmpl.ExecuteTemplate(&out, "problem", map[string]any{"Site": s, "Title": title, "Text": text})
	if err != nil {
		return nil, fmt.Errorf("render %q: %w", title, err)
	}
	return out.Bytes(), nil
}

func render(m model) ([]byte, error) {
	var out bytes.Buffer
	if err := tmpl.ExecuteTemplate(&out, "page", m); err != nil {
		return nil, fmt.Errorf("render %s: %w", m.Path, err)
	}
	return out.Bytes(), nil
}

var tmpl = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"asset":   assetPath,
	"utc":     time.Time.UTC,
	"full":    full,
	"brief":   brief,
	"between": between,
	"card":    newCard,
	"past":    olderOf,
	"recent":  recentOf,
	"tone":    tone,
}).ParseFS(pages, "page.html"))

// card is a maintenance on a page, with as many entries as fit there.
type card struct {
	view.Maintenance
	Alone bool
	Shown []view.Entry
	More  int
}

func newCard(m view.Maintenance, alone bool) card {
	c := card{Maintenance: m, Alone: alone, Shown: m.Entries}
	if !alone && len(c.Shown) > perPage {
		c.Shown, c.More = c.Shown[:perPage], len(c.Shown)-perPage
	}
	return c
}

// Verifying and Cancelled are what the template asks of the state.
func (c card) Verifying() bool { return c.State == maint.StateVerifying }

// Cancelled says whether it was given up.
func (c card) Cancelled() bool { return c.State == maint.StateCancelled }

// recentOf is what ended a short while ago and is shown whole.
func recentOf(past []view.Maintenance) []view.Maintenance {
	var out []view.Maintenance
	for _, m := range past {
		if m.Recent {
			out = append(out, m)
		}
	}
	return out
}

// olderOf is what is listed by title only.
func olderOf(past []view.Maintenance) []view.Maintenance {
	var out []view.Maintenance
	for _, m := range past {
		if !m.Recent && len(out) < pastShown {
			out = append(out, m)
		}
	}
	return out
}

func tone(m view.Maintenance) view.Tone {
	switch {
	case m.Overrun || m.Overdue || !m.Expected.IsZero():
		return view.Slow
	case m.Running():
		return view.Busy
	case m.State == maint.StateCompleted:
		return view.Done
	}
	return view.Calm
}
