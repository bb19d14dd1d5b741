package demo

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// A site shows what was pushed, when it was pushed.
func TestSites(t *testing.T) {
	t.Parallel()
	sites, err := makeSites(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var w web
	defer w.close()
	if err := w.serveSites(sites); err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		if code, page := get(t, s.URL); code != http.StatusOK || !strings.Contains(page, "<main><h1>") || strings.Contains(page, "<a class") {
			t.Errorf("%s: %d\n%s", s.Name, code, page)
		}
	}
	docs := sites[1]
	file := filepath.Join(docs.Repository, bannerFile)
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	on := strings.NewReplacer("enabled: false", "enabled: true", "Nothing is planned", "Maintenance <soon>").Replace(string(original))
	for i, content := range []string{on, string(original)} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := git(t.Context(), docs.Repository, "commit", "--quiet", "--all", "--message", "Banner"); err != nil {
			t.Fatal(err)
		}
		if _, page := get(t, docs.URL); strings.Contains(page, "<a class") != (i == 1) {
			t.Errorf("a commit that was not pushed shows:\n%s", page)
		}
		if _, err := git(t.Context(), docs.Repository, "push", "--quiet"); err != nil {
			t.Fatal(err)
		}
		if _, page := get(t, docs.URL); strings.Contains(page, `<a class="banner" href="https://status.example.com/">Maintenance &lt;soon&gt;</a>`) != (i == 0) {
			t.Errorf("push %d shows:\n%s", i+1, page)
		}
	}
	if got, err := docs.bannerHistory(t.Context()); err != nil || !slices.Equal(got, []bool{false, true, false}) {
		t.Errorf("got history %v, %v", got, err)
	}
	if code, _ := get(t, docs.URL+"secret"); code != http.StatusNotFound {
		t.Errorf("another page: %d", code)
	}
}

// Two demos side by side are the ordinary case on a build machine.
func TestServeTakesAnotherPort(t *testing.T) {
	t.Parallel()
	var w web
	defer w.close()
	first, err := w.serve(http.NotFoundHandler(), 0)
	if err != nil {
		t.Fatal(err)
	}
	port := 0
	for _, digit := range first[strings.LastIndex(first, ":")+1:] {
		port = port*10 + int(digit-'0')
	}
	second, err := w.serve(http.NotFoundHandler(), port)
	if err != nil || second == first {
		t.Errorf("got %s twice, %v", second, err)
	}
}
