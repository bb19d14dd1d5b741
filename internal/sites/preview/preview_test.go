package preview

import (
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/sites/generator"
)

// listing is every file of a folder with its content: nothing of a working folder may change.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			info, err := d.Info()
			if err != nil {
				return err
			}
			out.WriteString(path + info.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Each generator builds the include of lull sites init, with the banner on and off, and an edit is shown.
func TestGenerators(t *testing.T) {
	t.Parallel()
	for _, kind := range []generator.Kind{generator.Jekyll, generator.Hugo, generator.Eleventy} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			need(t, kind)
			s := newSource(t, kind)
			before := listing(t, s.Dir)
			r := start(t, Options{Sites: []Site{s}, Banner: planned})
			for _, on := range []bool{true, false} {
				if b := r.await(on, 1, s.Name)[s.Name]; b.Error != "" || b.Took <= 0 {
					t.Fatalf("%+v", b)
				}
			}
			if after := listing(t, s.Dir); after != before {
				t.Errorf("the working folder became\n%s", after)
			}
			for _, path := range []string{"/", "/about"} {
				if page := r.page(s.Name, true, path); !strings.Contains(page, `<a href="https://status.example.com/maintenance/pg17">Scheduled maintenance</a>`) || !strings.Contains(page, `data-lull-banner="pg17"`) {
					t.Errorf("on: %s", page)
				}
				if page := r.page(s.Name, false, path); strings.Contains(page, "lull-banner") || !strings.Contains(page, "<h1>") {
					t.Errorf("off: %s", page)
				}
			}
			edited := map[generator.Kind]string{generator.Jekyll: "about.md", generator.Hugo: "content/about.md", generator.Eleventy: "about.md"}[kind]
			put(t, s.Dir, edited, map[generator.Kind]string{generator.Jekyll: "---\nlayout: default\n---\nEdited\n", generator.Hugo: "---\ntitle: About\n---\nEdited\n", generator.Eleventy: "---\nlayout: base.njk\n---\nEdited\n"}[kind])
			r.await(true, 2, s.Name)
			if page := r.page(s.Name, true, "/about"); !strings.Contains(page, "Edited") {
				t.Errorf("after the edit: %s", page)
			}
		})
	}
}

// An edit of the theme builds every Jekyll site that has it, and no other: the theme is no gem here, and nothing of it is installed.
func TestAThemesEditBuildsItsSites(t *testing.T) {
	t.Parallel()
	need(t, generator.Jekyll)
	theme := newSource(t, generator.Jekyll)
	sites := []Site{}
	for _, name := range []string{"www", "docs"} {
		s := Site{Name: name, Dir: filepath.Join(t.TempDir(), name), Kind: generator.Jekyll, Theme: "main"}
		put(t, s.Dir, "_config.yml", "title: "+name+"\ntheme: acme-theme\n")
		put(t, s.Dir, "index.md", "---\nlayout: default\n---\n"+name+"\n")
		sites = append(sites, s)
	}
	plain := newSource(t, generator.Plain)
	r := start(t, Options{Sites: append(sites, plain), Banner: planned, Themes: []Theme{{Name: "main", Dir: theme.Dir, Banner: theme.Banner}}})
	for name, b := range r.await(true, 1, "www", "docs", "plain") {
		if b.Error != "" {
			t.Fatalf("%s: %s", name, b.Error)
		}
	}
	if page := r.page("www", true, "/"); !strings.Contains(page, "Scheduled maintenance</a>") {
		t.Errorf("on: %s", page)
	}
	put(t, theme.Dir, "_layouts/default.html", "<p>New layout</p>{{ content }}")
	r.await(true, 2, "www", "docs")
	for _, name := range []string{"www", "docs"} {
		if page := r.page(name, true, "/"); !strings.Contains(page, "New layout") || !strings.Contains(page, name) {
			t.Errorf("%s: %s", name, page)
		}
	}
	if b := r.p.last["plain/on"]; b.Round != 1 {
		t.Errorf("a site without the theme was built: %+v", b)
	}
	// An error is shown, and the next edit mends it.
	put(t, theme.Dir, "_layouts/default.html", "{% include nothing.html %}")
	for name, b := range r.await(true, 3, "www", "docs") {
		if !strings.Contains(b.Error, "nothing.html") {
			t.Errorf("%s: %q", name, b.Error)
		}
	}
	put(t, theme.Dir, "_layouts/default.html", "<p>Mended</p>")
	for name, b := range r.await(true, 4, "www", "docs") {
		if b.Error != "" || !strings.Contains(r.page(name, true, "/"), "Mended") {
			t.Errorf("%s: %q", name, b.Error)
		}
	}
}

func TestThePageIsForThisMachine(t *testing.T) {
	t.Parallel()
	s := newSource(t, generator.Plain)
	r := start(t, Options{Sites: []Site{s}, Banner: planned})
	r.await(true, 1, s.Name)
	for host, want := range map[string]int{"127.0.0.1:1": http.StatusOK, "localhost:1": http.StatusOK, "evil.example:1": http.StatusForbidden} {
		req, err := http.NewRequest(http.MethodGet, r.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s got %d", host, resp.StatusCode)
		}
	}
	if page := r.page(s.Name, true, "/../../../../../etc/passwd"); strings.Contains(page, "root:") {
		t.Error("a path leads out of what was built")
	}
}
