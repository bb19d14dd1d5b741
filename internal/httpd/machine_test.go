package httpd

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// eventful is a world in which something of each kind has happened.
func eventful(t testing.TB) *world {
	w := newWorld(t, at("04:21"))
	w.server.opts.Catalog.Components = []view.Listed{{ID: "app", Name: "App", Group: "Product"}, {ID: "sites", Name: "Sites"}}
	tellOfEach(w)
	w.look()
	return w
}

func tellOfEach(w *world) {
	several(w)
	w.say(maint.IncidentID("mail"), at("04:05"), maint.IncidentOpened{
		Title: "Mail is late", Status: maint.Investigating, Severity: maint.Minor, Text: "Queued, **not** lost.", Began: at("03:50"),
	})
	w.say(maint.ChangeID("dark"), at("03:00"), maint.ChangePosted{Title: "Dark mode", Text: "It is *dark* now."})
}

// Programs elsewhere know these addresses: none of them may go.
func TestAddressesForPrograms(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	for _, path := range []string{
		"/api/v2/summary.json", "/api/v2/status.json", "/api/v2/components.json", "/api/v2/incidents.json", "/api/v2/incidents/unresolved.json",
		"/api/v2/scheduled-maintenances.json", "/api/v2/scheduled-maintenances/upcoming.json", "/api/v2/scheduled-maintenances/active.json",
		"/history.atom", "/maintenance.rss", "/incidents.json", "/changes.atom", "/components/app.atom",
		"/maintenance.ics", "/maintenance/pg17.ics", "/components/app.ics", "/badge.svg", "/components/app.svg",
		"/banner.js", "/banner.json", "/se-v2.js",
	} {
		if rec := get(t, w, path); rec.Code != http.StatusOK {
			t.Errorf("%s answered %d", path, rec.Code)
		}
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

// TestBannerIsSmall holds what is promised to the sites that include it: under 3 KB, before compression.
func TestBannerIsSmall(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	if n := get(t, w, "/banner.js").Body.Len(); n >= 3000 {
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
