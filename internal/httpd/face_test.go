package httpd

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// catalog is a product of ordinary size.
var catalog = view.Catalog{Zone: "Pacific/Auckland", Components: []view.Listed{
	{ID: "app", Name: "App", Description: "The editor, and everything behind the login.", Group: "Product"},
	{ID: "api", Name: "API", Group: "Product"},
	{ID: "search", Name: "Search", Group: "Product"},
	{ID: "sites", Name: "Customers’ sites", Group: "Hosting"},
	{ID: "builds", Name: "Builds", Group: "Hosting"},
	{ID: "mail", Name: "E-mail"},
}}

// newFace is a world with a catalog and three months of ordinary life.
func newFace(t testing.TB, now time.Time) *world {
	w := newWorld(t, now, func(o *Options) { o.Catalog = catalog })
	day := func(ago int, clock string) time.Time { return at(clock).AddDate(0, 0, -ago) }
	w.say(maint.ComponentID("app"), day(80, "01:00"), maint.ComponentFreed{Name: "App"})
	w.say(maint.ComponentID("app"), day(70, "01:00"), maint.ComponentSet{Name: "App", Status: maint.Operational, Text: "The editor moved to new machines & is <faster>."})
	incident := func(name string, ago int, title string, severity maint.Severity, component string, impact maint.Impact, minutes int) {
		id, from := maint.IncidentID(name), day(ago, "02:10")
		names := map[string]string{component: component}
		w.say(id, from, maint.IncidentOpened{Title: title, Status: maint.Investigating, Severity: severity, Text: "Some requests fail. We look into it.", Components: map[string]maint.Impact{component: impact}, Names: names})
		w.say(id, from.Add(time.Duration(minutes)*time.Minute), maint.IncidentUpdated{Status: maint.Resolved, Severity: severity, Text: "It works again.", Components: map[string]maint.Impact{component: maint.Operational}, Names: names})
	}
	incident("queue", 61, "Builds wait longer than usual", maint.Minor, "builds", maint.DegradedPerformance, 95)
	incident("dns", 33, "Some sites cannot be reached", maint.Major, "sites", maint.PartialOutage, 17)
	w.say(maint.IncidentID("dns"), day(31, "02:00"), maint.PostMortemPublished{Text: "## What happened\n\nA resolver of our provider answered with **old addresses**.\n\n1. We saw it after four minutes.\n2. We moved to the second provider.\n\n| from | to |\n|---|---|\n| 02:10 | 02:27 |\n"})
	incident("login", 12, "Logging in fails", maint.Critical, "app", maint.MajorOutage, 8)

	old := plan
	old.Title, old.Window.Start, old.Components, old.Phases = "Renewal of certificates", "2026-11-14 20:00", map[string]maint.Impact{"api": maint.UnderMaintenance}, nil
	w.say("certificates", day(30, "01:00"), old)
	w.say("certificates", time.Date(2026, 11, 14, 7, 0, 0, 0, time.UTC), maint.Started{Text: "The work has begun."})
	w.say("certificates", time.Date(2026, 11, 14, 7, 40, 0, 0, time.UTC), maint.Completed{Text: "Done."})

	post := maint.ChangePosted{Title: "PostgreSQL 17", Text: "Pages with **many collections** open up to twice as fast.\n\n- fewer round trips\n- a [longer story](https://example.com/blog)\n", Labels: []string{"faster"}, Maintenance: "certificates"}
	w.say(maint.ChangeID("postgres-17"), day(6, "03:00"), post)
	w.say(maint.ChangeID("drafts"), day(20, "03:00"), maint.ChangePosted{Title: "Drafts are kept when the connection is lost", Text: "Nothing to do: it is on for everybody.", Labels: []string{"editor", "new"}})
	return w
}

// trouble is an open incident beside a running maintenance and a planned one.
func trouble(w *world) {
	begin(w)
	w.work("pg17", "Copying the database", 0.424, at("04:20"))
	next := plan
	next.Title, next.Summary, next.Window.Start = "Search index rebuild", "Search may be a few minutes behind.", "2026-12-12 21:30"
	next.Components, next.Phases = map[string]maint.Impact{"search": maint.DegradedPerformance}, nil
	w.say("search", at("03:00"), next)
	names := map[string]string{"mail": "E-mail"}
	w.say(maint.IncidentID("mail"), at("03:40"), maint.IncidentOpened{Title: "E-mail arrives late", Status: maint.Investigating, Severity: maint.Major, Text: "Mail is **delayed by about ten minutes**. None is lost.", Components: map[string]maint.Impact{"mail": maint.PartialOutage}, Names: names, Began: at("03:31")})
	w.say(maint.IncidentID("mail"), at("04:02"), maint.IncidentUpdated{Status: maint.Identified, Severity: maint.Major, Text: "One of two relays refuses connections. We send by the other, see `relay-2`.", Components: map[string]maint.Impact{"mail": maint.PartialOutage}, Names: names})
}

// big is the largest catalog that a page is made for, each part with a past.
func big(t testing.TB) *world {
	large := view.Catalog{Zone: "Europe/Berlin"}
	for i := range 40 {
		large.Components = append(large.Components, view.Listed{ID: fmt.Sprintf("part-%d", i), Name: fmt.Sprintf("Part number %d", i), Group: fmt.Sprintf("Group %d", i/8)})
	}
	w := newWorld(t, at("04:21"), func(o *Options) { o.Catalog = large })
	w.say(maint.ComponentID("part-0"), at("00:00").AddDate(0, 0, -100), maint.ComponentFreed{})
	for ago := 89; ago > 0; ago -= 3 {
		for i := ago % 4; i < 40; i += 4 {
			id := maint.ComponentID(fmt.Sprintf("part-%d", i))
			w.say(id, at("02:10").AddDate(0, 0, -ago), maint.ComponentProbed{Status: maint.MajorOutage, Since: at("02:09").AddDate(0, 0, -ago)})
			w.say(id, at("02:27").AddDate(0, 0, -ago), maint.ComponentProbed{Status: maint.Operational, Since: at("02:26").AddDate(0, 0, -ago)})
		}
	}
	trouble(w)
	return w
}

// faces are the pages that are compared with what they were, each in the world of newFace.
var faces = []struct{ name, path string }{
	{"face", "/"}, {"face-de", "/de/"}, {"face-fr", "/fr/"}, {"face-es", "/es/"}, {"face-ja", "/ja/"},
	{"component", "/en/components/app"}, {"incident", "/en/incidents/dns"}, {"open-incident", "/en/incidents/mail"},
	{"history", "/en/history"}, {"month", "/en/history/2026-11"}, {"changes", "/en/changes"}, {"change", "/en/changes/postgres-17"},
	{"planned", "/en/maintenance/search"},
}

func TestFaces(t *testing.T) {
	t.Parallel()
	w := newFace(t, at("04:21"))
	trouble(w)
	w.look()
	for _, f := range faces {
		goldenPage(t, f.name, get(t, w, f.path))
	}
}

// Every address of the face that a page links to is there.
func TestLinksLead(t *testing.T) {
	t.Parallel()
	w := newFace(t, at("04:21"))
	trouble(w)
	w.look()
	seen := map[string]bool{}
	todo := []string{"/", "/ja/"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		rec := get(t, w, path)
		if rec.Code != http.StatusOK {
			t.Errorf("%s is linked to and answers %d", path, rec.Code)
		}
		if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
			todo = append(todo, anchorsOf(rec.Body.String())...)
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d addresses were found", len(seen))
	}
}

// A page behind a path of its own names no address outside of it.
func TestLinksStayBelowTheBasePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"), func(o *Options) { o.Catalog, o.URL = catalog, "https://example.com/status" })
	trouble(w)
	w.look()
	for _, path := range []string{"/", "/de/maintenance/search", "/en/components/app", "/en/history"} {
		for _, link := range anchorsOf(get(t, w, path).Body.String()) {
			if !strings.HasPrefix(link, "/status/") {
				t.Errorf("%s links to %s", path, link)
			}
		}
	}
}

// One language needs no menu and no prefix.
func TestOneLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"), func(o *Options) { o.Languages = []string{"de"} })
	trouble(w)
	w.look()
	page := get(t, w, "/", "Accept-Language", "en").Body.String()
	for _, bad := range []string{"/de/", "hreflang", "English"} {
		if strings.Contains(page, bad) {
			t.Errorf("a page in one language says %s", bad)
		}
	}
	if !strings.Contains(page, `<html lang="de">`) || !strings.Contains(page, "Die Wartung läuft") && !strings.Contains(page, "Eine Störung ist offen") {
		t.Error("the page is not German")
	}
}

// That there is no page is said in the reader's language too.
func TestNothingHereInEveryLanguage(t *testing.T) {
	t.Parallel()
	w := newFace(t, at("04:21"))
	w.look()
	for _, tt := range []struct{ path, accept, want string }{
		{"/nowhere", "", "Nothing here"}, {"/nowhere", "ja, en;q=0.5", "ページがありません"}, {"/fr/nowhere", "de", "Rien ici"}, {"/nowhere", "tlh", "Nothing here"},
	} {
		rec := get(t, w, tt.path, "Accept-Language", tt.accept)
		if rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "<h1>"+tt.want) {
			t.Errorf("%s for %q answered %d and not %q", tt.path, tt.accept, rec.Code, tt.want)
		}
	}
}

// anchorsOf are the addresses on this server that a page names.
func anchorsOf(page string) (out []string) {
	for _, part := range strings.Split(page, ` href="`)[1:] {
		link, _, _ := strings.Cut(part, `"`)
		link, _, _ = strings.Cut(link, "#")
		if strings.HasPrefix(link, "/") {
			out = append(out, link)
		}
	}
	return out
}
