package httpd

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

const pageLimit = 60 << 10

// contentHash is left out of golden files: a new colour is not a new page.
var contentHash = regexp.MustCompile(`(/assets/\w+)\.[0-9a-f]{12}\.`)

func get(t testing.TB, w *world, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return do(t, w, http.MethodGet, path, headers...)
}

func do(t testing.TB, w *world, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	return rec
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, story.now)
			story.tell(w)
			w.look()
			goldenPage(t, story.name, get(t, w, "/"))
		})
	}
}

func TestPageOfOneMaintenance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("05:10"))
	begin(w)
	verify(w)
	complete(w)
	w.look()
	goldenPage(t, "single", get(t, w, "/maintenance/pg17"))
}

func goldenPage(t *testing.T, name string, rec *httptest.ResponseRecorder) {
	t.Helper()
	if rec.Code != http.StatusOK {
		t.Fatalf("answered %d", rec.Code)
	}
	if rec.Body.Len() > pageLimit {
		t.Errorf("the page has %d bytes, more than %d", rec.Body.Len(), pageLimit)
	}
	got := contentHash.ReplaceAllString(rec.Body.String(), "$1.HASH.")
	golden.Equal(t, name+".html", got)
}

// Whatever people write stays words, on every page and in every language.
func TestHostileWordsStayWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"), func(o *Options) {
		o.Organization = evil
		o.Catalog = view.Catalog{Components: []view.Listed{{ID: "x", Name: evil, Description: evil, Group: evil}}}
	})
	hostile(w)
	w.say(maint.IncidentID("evil"), at("03:00"),
		maint.IncidentOpened{Title: evil, Status: evil, Severity: evil, Text: evil, Components: map[string]maint.Impact{"x": evil, evil: maint.MajorOutage}, Names: map[string]string{"x": evil}},
		maint.IncidentUpdated{Status: maint.Resolved, Severity: maint.Minor, Text: evil}, maint.PostMortemPublished{Text: evil})
	w.say(maint.ChangeID("evil"), at("03:00"), maint.ChangePosted{Title: evil, Text: evil, Labels: []string{evil}, Maintenance: "hostile"})
	w.say(maint.ComponentID("x"), at("03:30"), maint.ComponentSet{Name: evil, Status: evil, Text: evil}, maint.ComponentSet{Status: maint.MajorOutage})
	w.look()
	paths := []string{"/", "/maintenance/hostile", "/incidents/evil", "/components/x", "/history", "/history/2026-12", "/changes", "/changes/evil"}
	for _, path := range paths {
		for _, lang := range []string{"", "/de", "/fr", "/es", "/ja"} {
			rec := get(t, w, lang+path)
			if page := rec.Body.String(); rec.Code != http.StatusOK || hasMarkup(page) {
				t.Errorf("%s answered %d, with markup that is not its own:\n%s", lang+path, rec.Code, page)
			}
		}
	}
}

// evil tries to be markup everywhere: in text, in attributes, in a script's data, in Markdown.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>' onclick='alert(1) </title></svg>[a](javascript:alert(1)) {{.}} {n}`

// inTags finds attributes that no page has, once the values of attributes are out of the way.
var (
	values = regexp.MustCompile(`="[^"]*"`)
	inTags = regexp.MustCompile(`<[a-z][^<>]*\s(on\w+|style)=`)
)

func hasMarkup(page string) bool {
	return inTags.MatchString(values.ReplaceAllString(page, `=""`)) || slices.ContainsFunc([]string{"<script>alert", "<img", "<b onclick", `href="javascript:`, "ZgotmplZ"}, func(bad string) bool {
		return strings.Contains(page, bad)
	})
}

// The first view of the largest catalog that a page is made for, with its style sheet and script, stays small:
// over the wire, and before it is packed as far as most pages go.
func TestTheFirstViewIsSmall(t *testing.T) {
	t.Parallel()
	w := big(t)
	w.look()
	page := get(t, w, "/en/").Body.Bytes()
	sent := packed(t, page)
	for _, a := range (public.Site{}).Assets() {
		sent += packed(t, a.Body)
	}
	t.Logf("40 components with a past: %d bytes of HTML, %d bytes over the wire with all assets", len(page), sent)
	if sent > pageLimit/2 {
		t.Errorf("the first view is %d bytes over the wire, more than %d", sent, pageLimit/2)
	}
	ordinary := newFace(t, at("04:21"))
	trouble(ordinary)
	ordinary.look()
	raw := get(t, ordinary, "/en/").Body.Len()
	for _, a := range (public.Site{}).Assets() {
		raw += len(a.Body)
	}
	if raw > pageLimit {
		t.Errorf("the first view of an ordinary page is %d bytes unpacked, more than %d", raw, pageLimit)
	}
}

func packed(t *testing.T, body []byte) int {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}
