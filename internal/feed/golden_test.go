package feed

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/view"
)

// documents are everything this package makes of a page, by path.
func documents(t testing.TB, o Origin, page view.PageModel) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	put := func(path string, b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if out[path] != nil {
			t.Fatalf("%s is there twice", path)
		}
		out[path] = b
	}
	for _, d := range StatuspageDocuments {
		b, err := d.Encode(o.Statuspage(page))
		put("/api/v2"+d.Path, b, err)
	}
	for _, c := range o.Channels(page) {
		b, err := c.Atom(o, page)
		put(c.Path+".atom", b, err)
		b, err = c.RSS(o, page)
		put(c.Path+".rss", b, err)
		b, err = c.JSONFeed(o, page)
		put(c.Path+".json", b, err)
	}
	for _, c := range o.Calendars(page) {
		put(c.Path, c.Encode(o, page), nil)
	}
	b, err := o.Badge(page)
	put("/badge.svg", b, err)
	for _, c := range page.Components() {
		b, err := o.ComponentBadge(c)
		put("/components/"+c.ID+".svg", b, err)
	}
	b, err = o.Banner(page)
	put("/banner.json", b, err)
	b, err = o.Widget(page)
	put("/widget.en.json", b, err)
	return out
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	all := documents(t, origin, everything().page("12-05 06:10"))
	for _, name := range []string{
		"/api/v2/summary.json", "/api/v2/incidents.json", "/api/v2/scheduled-maintenances.json",
		"/history.atom", "/history.rss", "/history.json", "/changes.atom", "/components/api.json",
		"/maintenance.ics", "/components/sites.ics", "/badge.svg", "/components/api.svg", "/banner.json", "/widget.en.json",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.Equal(t, strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", "-"), readable(t, name, all[name]))
		})
	}
}

// readable lays JSON out, so that people can read the golden file as well.
func readable(t *testing.T, name string, got []byte) string {
	t.Helper()
	if path.Ext(name) != ".json" {
		return string(got)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
