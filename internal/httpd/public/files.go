package public

import (
	"net/url"
	"strings"

	"github.com/lullhq/lull/internal/view"
)

// File is one address of the public face and what it says there. The server answers with it, and
// a snapshot writes it to disk: whatever has no File is not public.
type File struct {
	Path string // from the root of the face: "/", "/history", "/api/v2/summary.json"
	// Lang is the language of a page that is there in several; "" for what is the same for everyone.
	Lang string
	Type string // media type
	// Foreign says that other sites may read it from a script or show it as a picture.
	Foreign bool
	Render  func() ([]byte, error) // called once, when somebody asks
}

const html = "text/html; charset=utf-8"

// Files are all addresses of the public face as page has it.
func (s Site) Files(page view.PageModel) []File {
	var files []File
	for _, r := range routes(page) {
		files = append(files, s.inEveryLanguage(r, page)...)
	}
	return append(files, s.machineFiles(page)...)
}

// inEveryLanguage has a page once for each language. The server answers at the plain path in the one that the
// reader's browser asks for, and below the name of each language in that one: pages link to the latter, so that
// whoever has chosen a language stays in it.
func (s Site) inEveryLanguage(r route, page view.PageModel) (files []File) {
	for _, lang := range s.languages() {
		say := s.speaker(lang)
		files = append(files, File{Path: r.path, Lang: lang, Type: html, Render: func() ([]byte, error) { return r.render(say, page) }})
	}
	return files
}

// route is a page of the face, in whichever language.
type route struct {
	path   string
	render func(speaker, view.PageModel) ([]byte, error)
}

func routes(page view.PageModel) []route {
	out := []route{{"/", speaker.home}, {"/history", speaker.history}, {"/changes", speaker.changes}}
	for _, list := range [][]view.Maintenance{page.Running, page.Upcoming, page.Past} {
		for _, m := range list {
			out = append(out, route{maintenancePath(m), func(s speaker, p view.PageModel) ([]byte, error) { return s.maintenance(p, m) }})
		}
	}
	for _, list := range [][]view.Incident{page.Incidents, page.Closed} {
		for _, i := range list {
			out = append(out, route{incidentPath(i), func(s speaker, p view.PageModel) ([]byte, error) { return s.incident(p, i) }})
		}
	}
	for _, c := range page.Components() {
		out = append(out, route{componentPath(c.ID), func(s speaker, p view.PageModel) ([]byte, error) { return s.component(p, c) }})
	}
	for _, c := range page.Changes {
		out = append(out, route{changePath(c), func(s speaker, p view.PageModel) ([]byte, error) { return s.change(p, c) }})
	}
	for _, m := range months(page) {
		out = append(out, route{m.Path, func(s speaker, p view.PageModel) ([]byte, error) { return s.month(p, m) }})
	}
	return out
}

func maintenancePath(m view.Maintenance) string {
	return "/maintenance/" + url.PathEscape(string(m.ID))
}

func incidentPath(i view.Incident) string { return "/incidents/" + url.PathEscape(i.Name) }

func componentPath(id string) string { return "/components/" + url.PathEscape(id) }

func changePath(c view.Change) string { return "/changes/" + url.PathEscape(c.Name) }

// Base is the path of the public address, without a slash at its end: "" for a site of its own,
// "/status" below https://example.com/status. Every address that a page names begins with it.
func (s Site) Base() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}
