package httpd

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

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
			golden(t, story.name, get(t, w, "/"))
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
	golden(t, "single", get(t, w, "/maintenance/pg17"))
}

func golden(t *testing.T, name string, rec *httptest.ResponseRecorder) {
	t.Helper()
	if rec.Code != http.StatusOK {
		t.Fatalf("answered %d", rec.Code)
	}
	if rec.Body.Len() > pageLimit {
		t.Errorf("the page has %d bytes, more than %d", rec.Body.Len(), pageLimit)
	}
	got := contentHash.ReplaceAllString(rec.Body.String(), "$1.HASH.")
	path := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func TestHostileWordsStayWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	hostile(w)
	w.look()
	page := get(t, w, "/").Body.String()
	for _, bad := range []string{"<script>alert", "<img", "<b onclick", "style=\"", "onerror=\""} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
}
