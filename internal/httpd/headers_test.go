package httpd

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/httpd/api"
	"github.com/lullhq/lull/internal/httpd/public"
)

// kind is what all answers of one kind have in common. Every answer has the rest of what keeps a browser safe.
type kind struct {
	name      string
	paths     string // as a regular expression
	mediaType string
	cache     string
	policy    string
	foreign   bool // other sites may read it
	status    int  // 0 = 200
}

const (
	textType = "text/plain; charset=utf-8"
	htmlType = "text/html; charset=utf-8"
)

// kinds are everything that the server answers. Every address is of exactly one.
var kinds = []kind{
	{name: "front page", paths: `/`, mediaType: htmlType, cache: cachePage, policy: policy},
	{name: "page of a maintenance", paths: `/maintenance/[^/.]+`, mediaType: htmlType, cache: cachePage, policy: policy},
	{name: "page of an incident", paths: `/incidents/[^/.]+`, mediaType: htmlType, cache: cachePage, policy: policy},
	{name: "history", paths: `/history(/\d{4}-\d{2})?`, mediaType: htmlType, cache: cachePage, policy: policy},
	{name: "changes", paths: `/changes(/[^/.]+)?`, mediaType: htmlType, cache: cachePage, policy: policy},
	{name: "page of a component", paths: `/components/[^/.]+`, mediaType: htmlType, cache: cachePage, policy: policy},
	{name: "Atom", paths: `.*\.atom`, mediaType: "application/atom+xml; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "RSS", paths: `.*\.rss`, mediaType: "application/rss+xml; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "JSON Feed", paths: `/(history|maintenance|incidents|changes|components/[^/]+)\.json`, mediaType: "application/feed+json; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "Statuspage's API", paths: `/api/v2/.*\.json`, mediaType: "application/json; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "calendar", paths: `.*\.ics`, mediaType: "text/calendar; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "badge", paths: `/(badge|components/[^/]+)\.svg`, mediaType: "image/svg+xml; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "embedded script", paths: `/(banner|se-v2|widget)\.m?js`, mediaType: "text/javascript; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "banner's notices", paths: `/banner\.json`, mediaType: "application/json; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "what the widget shows", paths: `/widget\.[a-z]{2}\.json`, mediaType: "application/json; charset=utf-8", cache: cacheData, policy: filePolicy, foreign: true},
	{name: "style sheet", paths: `/assets/page\.\w+\.css`, mediaType: "text/css; charset=utf-8", cache: cacheAsset, policy: filePolicy},
	{name: "script", paths: `/assets/page\.\w+\.js`, mediaType: "text/javascript; charset=utf-8", cache: cacheAsset, policy: filePolicy},
	{name: "Lull's icon", paths: `/assets/icon\.\w+\.svg`, mediaType: "image/svg+xml", cache: cacheAsset, policy: filePolicy},
	{name: "logo", paths: `/assets/logo\.\w+\.svg`, mediaType: "image/svg+xml", cache: cacheAsset, policy: filePolicy},
	{name: "favicon", paths: `/assets/favicon\.\w+\.svg`, mediaType: "image/svg+xml", cache: cacheAsset, policy: filePolicy},
	{name: "events", paths: `/events`, mediaType: "text/event-stream", cache: "no-store", policy: policy, foreign: true},
	{name: "health", paths: `/(healthz|readyz)`, mediaType: "application/json", cache: "no-store", policy: policy},
	{name: "description of the API", paths: `/api/v1/openapi\.json`, mediaType: "application/openapi+json", cache: "no-store", policy: policy},
	{name: "description of the API in YAML", paths: `/api/v1/openapi\.yaml`, mediaType: "application/openapi+yaml", cache: "no-store", policy: policy},
	{name: "API without a token", paths: `/api/v1/status`, mediaType: "application/problem+json", cache: "no-store", policy: policy, status: http.StatusUnauthorized},
	{name: "API where nothing is", paths: `/api/v1/nowhere`, mediaType: "application/problem+json", cache: "no-store", policy: policy, status: http.StatusNotFound},
	{name: "nothing", paths: `/nowhere`, mediaType: htmlType, cache: "no-store", policy: policy, status: http.StatusNotFound},
}

func kindOf(t *testing.T, path string) kind {
	t.Helper()
	var found []kind
	for _, k := range kinds {
		if regexp.MustCompile(`^(?:` + k.paths + `)$`).MatchString(path) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s is of %d kinds, want 1: say here what its headers are to be", path, len(found))
	}
	return found[0]
}

// want is what the kind's answers say about safety; "" = nothing.
func (k kind) want() map[string]string {
	want := map[string]string{
		"Content-Type": k.mediaType, "Cache-Control": k.cache, "Content-Security-Policy": k.policy, "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000",
		"Access-Control-Allow-Origin": "", "Cross-Origin-Resource-Policy": "same-origin",
	}
	if k.foreign {
		want["Access-Control-Allow-Origin"], want["Cross-Origin-Resource-Policy"] = "*", "cross-origin"
	}
	if k.mediaType == htmlType {
		want["Cross-Origin-Opener-Policy"], want["Permissions-Policy"] = "same-origin", "camera=(), geolocation=(), microphone=()"
	}
	return want
}

func compareHeaders(t *testing.T, what string, got http.Header, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if g := strings.Join(got.Values(name), " | "); g != want[name] {
			t.Errorf("%s: %s is %q, want %q", what, name, g, want[name])
		}
	}
}

const mark = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 1"><path d="M0 0h4v1z"/></svg>`

// dressed is a world with something of each kind, also of what an operator brings, and the API.
func dressed(t *testing.T) *world {
	t.Helper()
	look, err := public.NewLook(public.Own{Logo: []byte(mark), Favicon: []byte(mark)})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, at("04:21"), func(o *Options) { o.Look, o.Catalog, o.API = look, catalog, api.New(api.Options{URL: o.URL}) })
	tellOfEach(w)
	w.look()
	return w
}

// addressed are all addresses of files, and those that are no files.
func addressed(w *world) []string {
	out := []string{"/events", "/healthz", "/readyz", "/nowhere", "/api/v1/openapi.json", "/api/v1/openapi.yaml", "/api/v1/status", "/api/v1/nowhere"}
	for _, f := range w.server.site.Files(w.server.snap.Load().page) {
		if !slices.Contains(out, f.Path) {
			out = append(out, f.Path)
		}
	}
	for _, a := range w.server.site.Assets() {
		out = append(out, a.Path)
	}
	return out
}

// Every kind of answer says what a browser may do with it: all of them, asked in every way.
func TestHeadersOfEveryKind(t *testing.T) {
	t.Parallel()
	w := dressed(t)
	met := map[string]int{}
	for _, path := range addressed(w) {
		k := kindOf(t, path)
		met[k.name]++
		method := http.MethodGet
		if k.name == "events" {
			method = http.MethodHead // a stream needs a connection; it says the same
		}
		rec := do(t, w, method, path)
		if want := max(k.status, http.StatusOK); rec.Code != want {
			t.Errorf("%s answered %d, want %d", path, rec.Code, want)
		}
		compareHeaders(t, path, rec.Header(), k.want())
		if tag := rec.Header().Get("ETag"); tag != "" {
			again := get(t, w, path, "If-None-Match", tag)
			if again.Code != http.StatusNotModified {
				t.Errorf("%s is sent again: %d", path, again.Code)
			}
			compareHeaders(t, path+", not modified", again.Header(), k.want())
			refusesToBeWritten(t, w, path)
		}
	}
	for _, k := range kinds {
		if met[k.name] == 0 {
			t.Errorf("nothing of the kind %q was asked for", k.name)
		}
	}
	if strings.Contains(policy+filePolicy, "unsafe") {
		t.Error("a policy allows what it should not")
	}
}

// refusesToBeWritten: the refusal is as safe as the file, and is kept by nobody.
func refusesToBeWritten(t *testing.T, w *world, path string) {
	t.Helper()
	rec := do(t, w, http.MethodPost, path)
	if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("writing to %s answered %d", path, rec.Code)
	}
	want := kindOf(t, path).want()
	want["Content-Type"], want["Cache-Control"] = textType, "no-store"
	compareHeaders(t, path+", refused", rec.Header(), want)
}

// Before anything could be read the answers are as safe.
func TestHeadersBeforeTheFirstLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	for path, mediaType := range map[string]string{"/": htmlType, "/maintenance/pg17": htmlType, "/events": textType, "/readyz": "application/json"} {
		rec := do(t, w, http.MethodGet, path)
		compareHeaders(t, path, rec.Header(), kind{mediaType: mediaType, cache: "no-store", policy: policy}.want())
	}
}
