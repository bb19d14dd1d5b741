package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	static "github.com/lullhq/lull/internal/snapshot"
)

var link = regexp.MustCompile(`(?:href|src)="([^"]+)"`)

// The face as files, served by something that knows nothing but files: every link of every page leads somewhere.
func TestStaticFilesAreWhole(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	dir := t.TempDir()
	files, current := w.server.Static()
	var face []static.File
	for _, f := range files {
		face = append(face, static.File{Address: f.Path, Type: f.Type, Render: f.Render})
	}
	if c, err := static.NewFolder(dir).Push(t.Context(), face); err != nil || !current || c.Written != len(files) {
		t.Fatalf("%v, %v", c, err)
	}
	host := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(host.Close)
	seen := map[string]bool{"/": true}
	for todo := []string{"/"}; len(todo) > 0; todo = todo[1:] {
		body, contentType := fetchPage(t, host.URL+todo[0])
		if !strings.HasPrefix(contentType, "text/html") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			u, err := url.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			if err != nil {
				t.Fatal(err)
			}
			own := u.Host == "" || u.Host == "status.example.com"
			if u.Path != "" && own && (u.Scheme == "" || strings.HasPrefix(u.Scheme, "http")) && !seen[u.Path] {
				seen[u.Path] = true
				todo = append(todo, u.Path)
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d addresses are linked", len(seen))
	}
}

func fetchPage(t *testing.T, address string) (body, contentType string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s answered %s", address, resp.Status)
	}
	return b.String(), resp.Header.Get("Content-Type")
}

// An old state is no reason to write over a good one.
func TestStaticSaysWhenItIsOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	if _, current := w.server.Static(); current {
		t.Error("there is something before anything was read")
	}
	begin(w)
	w.look()
	select {
	case <-w.server.Changes():
	default:
		t.Error("the first page is not signalled")
	}
	w.fail(errDown)
	w.goTo(at("04:33"))
	w.look()
	if files, current := w.server.Static(); current || len(files) == 0 {
		t.Errorf("%d files, current: %t", len(files), current)
	}
}

// What is over is the same file whatever is said elsewhere: neither a snapshot nor a reader has to fetch it again.
func TestWhatIsOverStaysTheSame(t *testing.T) {
	t.Parallel()
	w := newFace(t, at("04:21"))
	w.look()
	paths := []string{"/maintenance/certificates", "/incidents/dns", "/changes", "/changes/drafts"}
	before := map[string]string{}
	for _, path := range paths {
		before[path] = get(t, w, path).Header().Get("ETag")
	}
	trouble(w)
	w.look()
	for _, path := range paths {
		if rec := get(t, w, path, "If-None-Match", before[path]); rec.Code != http.StatusNotModified {
			t.Errorf("%s is another file: %d", path, rec.Code)
		}
	}
}
