package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
)

// What went wrong on the founding evening: a dead link, a link in two spellings, a misspelt word.
func TestPlansAreReadOnceMore(t *testing.T) {
	t.Parallel()
	m := http.NewServeMux()
	m.HandleFunc("/news", func(http.ResponseWriter, *http.Request) {})
	m.Handle("/old", http.RedirectHandler("/news", http.StatusFound))
	s := httptest.NewServer(m)
	defer s.Close()
	a, dir := appFor(t, fmt.Sprintf(`server: {url: "%s/page"}
notices: {private: [127.0.0.0/8], words: words}
spelling: [Frobulator]
sites: {www: {url: "%s/news/", snippet: on}}
`, s.URL, s.URL))
	if err := os.Mkdir(filepath.Join(dir, "words"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "words", "ahead.en.txt"), []byte("Soon\n\nOf our maintainance: "+s.URL+"/old {link}"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan := planFile(t, dir, "")
	edit(t, plan, "PostgreSQL 17.", "PostgreSQL 17 for the Frobulator. See "+s.URL+"/news, "+s.URL+"/gone and http://192.0.2.1/.")
	r, err := a.Check(t.Context(), plan, CheckOptions{Quick: true})
	if err != nil {
		t.Fatal(err)
	}
	severities := map[string]checks.Severity{}
	for _, f := range r.Findings {
		severities[f.ID] = f.Severity
		for _, o := range f.Objects {
			switch {
			case f.ID == "link-dead" && (strings.Contains(o.Detail, "404 Not Found") && (strings.HasSuffix(o.Name, "/gone") || strings.HasSuffix(o.Name, "/page/"))),
				f.ID == "link-elsewhere" && strings.HasSuffix(o.Name, "/old") && strings.Contains(o.Detail, "it leads to "+s.URL+"/news"),
				f.ID == "link-private" && o.Name == "http://192.0.2.1/",
				f.ID == "link-spellings" && strings.Contains(o.Detail, "/news/ in "),
				f.ID == "spelling" && o.Name == "maintainance" && strings.Contains(o.Detail, "ahead.en.txt: maintenance"),
				f.ID == "spelling-not-read":
			default:
				t.Errorf("%s: %+v", f.ID, o)
			}
		}
	}
	delete(severities, "spelling-not-read") // of a machine without Hunspell
	want := map[string]checks.Severity{"link-dead": checks.Blocker, "link-elsewhere": checks.Warning, "link-private": checks.Warning, "link-spellings": checks.Warning, "spelling": checks.Warning}
	if diff := cmp.Diff(want, severities); diff != "" {
		t.Error(diff)
	}

	// Announced it is once nothing that was written down is dead. The rest is said.
	a.now = at("2026-11-20 00:00")
	if _, err := a.Schedule(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "plan.yaml:3:10, summary: "+s.URL+"/gone: it answers 404") || hint.Of(err) == "" {
		t.Errorf("with a dead address: %v", err)
	}
	edit(t, plan, s.URL+"/gone", s.URL+"/news")
	said, err := a.Schedule(t.Context(), plan)
	if err != nil || !strings.Contains(said.Text, "maintainance") || !strings.Contains(said.Text, "two spellings") {
		t.Errorf("announced: %s, %v", said.Text, err)
	}
}

func edit(t *testing.T, file, was, is string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), was) {
		t.Fatalf("there is no %q in %s", was, file)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(data), was, is)), 0o600); err != nil {
		t.Fatal(err)
	}
}
