package httpd

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/httpd/public"
)

func fixed(path, lang, contentType, text string) *resource {
	f := public.File{Path: path, Lang: lang, Type: contentType, Render: func() ([]byte, error) { return []byte(text), nil }}
	return &resource{File: f, headers: fileHeaders(f, cacheOf(f), guards("https://status.example.com"))}
}

// babel is a server whose home is there in three languages, English first.
func babel(t *testing.T) *world {
	w := newWorld(t, at("04:00"))
	snap := &snapshot{at: time.Now(), files: map[string]*address{}, tongues: newTongues([]string{"en", "de", "ja"})}
	for _, lang := range snap.tongues.langs {
		snap.add(fixed("/", lang, "text/html; charset=utf-8", "home in "+lang))
	}
	w.server.snap.Store(snap)
	return w
}

func TestLanguageOfThePage(t *testing.T) {
	t.Parallel()
	w := babel(t)
	for _, c := range []struct{ path, accept, want string }{
		{"/", "", "en"}, {"/", "de", "de"}, {"/", "de-AT, en;q=0.5", "de"}, {"/", "fr, ja;q=0.3", "ja"},
		{"/", "fr", "en"}, {"/", "*", "en"}, {"/", "en-US,en;q=0.9,de;q=0.8", "en"}, {"/", ";;;,", "en"},
		{"/de/", "ja", "de"}, {"/ja/", "", "ja"}, {"/en/", "de", "en"},
	} {
		rec := get(t, w, c.path, "Accept-Language", c.accept)
		if got := rec.Body.String(); got != "home in "+c.want || rec.Header().Get("Content-Language") != c.want {
			t.Errorf("%s for %q is %q in %q, want %s", c.path, c.accept, got, rec.Header().Get("Content-Language"), c.want)
		}
		if got := rec.Header().Get("Vary"); got != "Accept-Encoding, Accept-Language" {
			t.Errorf("it varies by %q", got)
		}
	}
	if rec := get(t, w, "/fr/"); rec.Code != http.StatusNotFound {
		t.Errorf("a language that there is not answered %d", rec.Code)
	}
}

func TestRememberedTonguesAreBounded(t *testing.T) {
	t.Parallel()
	tongues := newTongues([]string{"en", "de"})
	for i := range 3 * maxKnownTongues {
		if got := tongues.choose(fmt.Sprintf("de;q=0.%d", i+1)); got != "de" {
			t.Fatalf("chose %s", got)
		}
	}
	if n := len(tongues.known); n > maxKnownTongues {
		t.Errorf("%d are remembered", n)
	}
}

func FuzzTongues(f *testing.F) {
	f.Add("de-AT, en;q=0.5")
	tongues := newTongues([]string{"en", "de"})
	f.Fuzz(func(t *testing.T, accept string) {
		if got := tongues.choose(accept); got != "en" && got != "de" {
			t.Fatalf("%q chose %q", accept, got)
		}
	})
}

// A proxy may take the base path off, or leave it on.
func TestBasePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.server = New(Options{Source: w, Now: w.clock, Organization: "Example", URL: "https://example.com/status", Log: w.server.opts.Log})
	w.look()
	home := get(t, w, "/").Body.String()
	for path, want := range map[string]int{
		"/": 200, "/status": 200, "/status/": 200, "/maintenance/pg17": 200, "/status/maintenance/pg17": 200, "/status/healthz": 200, "/healthz": 200,
		"/status" + (public.Site{}).Assets()[0].Path: 200, "/statusmaintenance/pg17": 404, "/status/status/": 404, "/status/nowhere": 404,
	} {
		rec := get(t, w, path)
		if rec.Code != want {
			t.Errorf("%s answered %d, want %d", path, rec.Code, want)
		}
		if path == "/status" && rec.Body.String() != home {
			t.Error("the home page is another one below the base path")
		}
	}
}
