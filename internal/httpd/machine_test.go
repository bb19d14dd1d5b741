package httpd

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// eventful is a world in which something of each kind has happened.
func eventful(t testing.TB) *world {
	w := newWorld(t, at("04:21"))
	w.server.opts.Catalog.Components = []view.Listed{{ID: "app", Name: "App", Group: "Product"}, {ID: "sites", Name: "Sites"}}
	several(w)
	w.say(maint.IncidentID("mail"), at("04:05"), maint.IncidentOpened{
		Title: "Mail is late", Status: maint.Investigating, Severity: maint.Minor, Text: "Queued, **not** lost.", Began: at("03:50"),
	})
	w.say(maint.ChangeID("dark"), at("03:00"), maint.ChangePosted{Title: "Dark mode", Text: "It is *dark* now."})
	w.look()
	return w
}

// What other sites and programs read is theirs to read, and is sent once.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	for path, mediaType := range map[string]string{
		"/api/v2/summary.json": "application/json", "/api/v2/status.json": "application/json", "/api/v2/components.json": "application/json",
		"/api/v2/incidents.json": "application/json", "/api/v2/incidents/unresolved.json": "application/json",
		"/api/v2/scheduled-maintenances.json": "application/json", "/api/v2/scheduled-maintenances/upcoming.json": "application/json",
		"/api/v2/scheduled-maintenances/active.json": "application/json",
		"/history.atom": "application/atom+xml", "/maintenance.rss": "application/rss+xml", "/incidents.json": "application/feed+json",
		"/changes.atom": "application/atom+xml", "/components/app.atom": "application/atom+xml",
		"/maintenance.ics": "text/calendar", "/maintenance/pg17.ics": "text/calendar", "/components/app.ics": "text/calendar",
		"/badge.svg": "image/svg+xml", "/components/app.svg": "image/svg+xml",
		"/banner.js": "text/javascript", "/banner.json": "application/json", "/se-v2.js": "text/javascript",
	} {
		rec := get(t, w, path)
		if rec.Code != http.StatusOK || !strings.HasPrefix(rec.Header().Get("Content-Type"), mediaType+"; charset=utf-8") {
			t.Errorf("%s answered %d of type %s", path, rec.Code, rec.Header().Get("Content-Type"))
		}
		if rec.Header().Get("Access-Control-Allow-Origin") != "*" || rec.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s is for this site only: %v", path, rec.Header())
		}
		if again := get(t, w, path, "If-None-Match", rec.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s is sent again: %d", path, again.Code)
		}
	}
	if rec := get(t, w, "/"); rec.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("other sites may read the page itself")
	}
}

// A feed whose news are old is the same an hour later, though the page tells the time.
func TestFeedsAreSentOnce(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	tag := get(t, w, "/history.atom").Header().Get("ETag")
	w.goTo(at("05:21"))
	w.work("pg17", "Copying", 0.9, at("05:21"))
	w.look()
	if again := get(t, w, "/history.atom", "If-None-Match", tag); again.Code != http.StatusNotModified {
		t.Errorf("answered %d", again.Code)
	}
}

// TestBannerIsSmall holds what is promised to the sites that include it: 3 KB, before compression.
func TestBannerIsSmall(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	if n := get(t, w, "/banner.js").Body.Len(); n > 3000 {
		t.Errorf("the banner has %d bytes", n)
	}
	var banner struct {
		Notices []struct {
			Title   string `json:"title"`
			Running bool   `json:"running"`
		} `json:"notices"`
	}
	if err := json.Unmarshal(get(t, w, "/banner.json").Body.Bytes(), &banner); err != nil {
		t.Fatal(err)
	}
	if len(banner.Notices) != 3 || banner.Notices[0].Title != "Mail is late" || !banner.Notices[1].Running || banner.Notices[2].Running {
		t.Errorf("got %+v", banner)
	}
}
