package public

import (
	"net/url"

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
	files := []File{s.htmlFile("/", func() ([]byte, error) { return s.Home(page) })}
	for _, list := range [][]view.Maintenance{page.Running, page.Upcoming, page.Past} {
		for _, m := range list {
			files = append(files, s.htmlFile("/maintenance/"+url.PathEscape(string(m.ID)), func() ([]byte, error) { return s.Maintenance(page, m) }))
		}
	}
	return append(files, s.machineFiles(page)...)
}

func (s Site) htmlFile(path string, render func() ([]byte, error)) File {
	return File{Path: path, Type: html, Render: render}
}
