// Package public renders the pages that anyone may read, in every language that they are
// offered in, with their style sheet and their script.
//
// It must not know where models come from or how bytes travel: no HTTP, no record,
// no clock. It sees view models only, which carry public words only.
package public

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"

	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/view"
)

//go:embed pages
var pages embed.FS

// Site is whose page it is.
type Site struct {
	Organization string
	URL          string   // public address of the status page, without a slash at its end; may be empty
	Languages    []string // that pages are offered in, the first by default; empty: all that there are
	Look         Look
	Strict       bool         // Statuspage's API says nothing that its documentation does not list
	Subscribing  *Subscribing // what people may ask to be told; nil = nothing
	// Picture reads a kept picture of a post by its file's name; nil = there are none.
	Picture func(file string) ([]byte, error)
}

// languages are those that there are words for.
func (s Site) languages() []string {
	if len(s.Languages) == 0 {
		return phrase.Languages
	}
	return s.Languages
}

// Offered are the languages that pages are there in.
func (s Site) Offered() []string { return s.languages() }

// leaf is one page in one language, before it is written.
type leaf struct {
	speaker
	Page  view.PageModel
	Title string
	Say   string // what is read out when it has become another
	Path  string // "/history", without base path and language
	Nav   string // the page of the menu that it belongs to
	Feed  string // its feeds, without their endings
	// Calendar is that of the page, without its ending; "" where it has none.
	Calendar string
	Live     bool // the script keeps it fresh: what is over is the same file for ever
	Body     any  // what the page itself shows
}

// write fills the template of that name with the leaf.
func (l leaf) write(name string) ([]byte, error) {
	var out bytes.Buffer
	if err := sheets[name].ExecuteTemplate(&out, "page", l); err != nil {
		return nil, fmt.Errorf("render %s: %w", l.Path, err)
	}
	return out.Bytes(), nil
}

// sheets are the pages by name: each is the frame with its own "main".
var sheets = parse("home", "maintenance", "incident", "component", "history", "changes", "change", "problem", "subscription")

func parse(names ...string) map[string]*template.Template {
	frame := template.Must(template.New("").ParseFS(pages, "pages/frame.html", "pages/parts/*.html"))
	out := map[string]*template.Template{}
	for _, name := range names {
		out[name] = template.Must(template.Must(frame.Clone()).ParseFS(pages, "pages/"+name+".html"))
	}
	return out
}

// Trouble is why a page cannot be shown.
type Trouble string

// The troubles.
const (
	Missing  Trouble = "missing"
	Starting Trouble = "starting"
)

// Problem renders a page that says so, in the language given or the default one.
func (s Site) Problem(t Trouble, lang string) ([]byte, error) {
	say := s.speaker(lang)
	return leaf{speaker: say, Title: say.T("problem." + string(t)), Path: "/", Body: say.T("problem." + string(t) + ".text")}.write("problem")
}
