package preview

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/sites/datafile"
	"github.com/lullhq/lull/internal/sites/generator"
	"github.com/lullhq/lull/internal/sites/include"
)

// toolPath is where the generators are: on the machine, and what scripts/toolchain and scripts/clients have fetched.
func toolPath(t *testing.T) string {
	t.Helper()
	cache, err := filepath.Abs("../../../.cache")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join([]string{filepath.Join(cache, "jekyll/bin"), filepath.Join(cache, "hugo/bin"), os.Getenv("PATH")}, ":")
}

// need skips a test whose generator is not there.
func need(t *testing.T, kind generator.Kind) {
	t.Helper()
	switch kind {
	case generator.Jekyll, generator.Hugo:
		for _, dir := range filepath.SplitList(toolPath(t)) {
			if _, err := os.Stat(filepath.Join(dir, string(kind))); err == nil {
				return
			}
		}
		t.Skipf("%s is not there (scripts/toolchain %s)", kind, kind)
	case generator.Eleventy:
		if _, err := exec.LookPath("npx"); err != nil {
			t.Skip("no Node.js on PATH (apt-get install npm)")
		}
		if _, err := os.Stat("../../../.cache/sites/node_modules/@11ty/eleventy"); err != nil {
			t.Skip("Eleventy is not there (scripts/clients)")
		}
	}
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const layout = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Site</title>
<body>
PUT
<main><h1>CONTENT</h1></main>
</body></html>
`

// newSource makes a small site with the include of lull sites init.
func newSource(t *testing.T, kind generator.Kind) Site {
	t.Helper()
	s := Site{Name: string(kind), Dir: filepath.Join(t.TempDir(), string(kind)), Kind: kind, Banner: kind.DataFile("banner_notification")}
	set, err := include.For(kind, "", true, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range set.Files {
		put(t, s.Dir, f.Path, string(f.Content))
	}
	page := func(content string) string {
		return strings.NewReplacer("PUT", set.Put, "CONTENT", content).Replace(layout)
	}
	switch kind {
	case generator.Jekyll:
		put(t, s.Dir, "_config.yml", "title: Site\n")
		put(t, s.Dir, "_layouts/default.html", page("{{ content }}"))
		put(t, s.Dir, "index.md", "---\nlayout: default\n---\nHello\n")
		put(t, s.Dir, "about.md", "---\nlayout: default\n---\nAbout\n")
	case generator.Hugo:
		put(t, s.Dir, "hugo.toml", "title = 'Site'\n")
		put(t, s.Dir, "config.toml", "title = 'Site'\n") // before 0.110
		put(t, s.Dir, "layouts/_default/baseof.html", page(`{{ block "main" . }}{{ end }}`))
		put(t, s.Dir, "layouts/index.html", `{{ define "main" }}Hello{{ end }}`)
		put(t, s.Dir, "layouts/_default/single.html", `{{ define "main" }}{{ .Content }}{{ end }}`)
		put(t, s.Dir, "content/about.md", "---\ntitle: About\n---\nAbout\n")
	case generator.Eleventy:
		put(t, s.Dir, "eleventy.config.mjs", "export default function () {}\n")
		put(t, s.Dir, "_includes/base.njk", page("{{ content | safe }}"))
		put(t, s.Dir, "index.md", "---\nlayout: base.njk\n---\nHello\n")
		put(t, s.Dir, "about.md", "---\nlayout: base.njk\n---\nAbout\n")
		modules, err := filepath.Abs("../../../.cache/sites/node_modules")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(s.Dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
	case generator.Plain:
		put(t, s.Dir, "index.html", page("Hello"))
	}
	return s
}

var planned = datafile.Banner{Text: "Scheduled maintenance", URL: "https://status.example.com/maintenance/pg17", ID: "pg17", Severity: "maintenance"}

// running is a preview, with what it tells.
type running struct {
	t       *testing.T
	p       *Preview
	address string
	builds  chan Build
}

// patience is for a machine on which every start of a process is slow.
const patience = 5 * time.Minute

func start(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{t: t, builds: make(chan Build, 1000)}
	o.Told = func(b Build) { r.builds <- b }
	o.Path, o.Dir = toolPath(t), t.TempDir()
	var err error
	if r.p, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- r.p.Run(ctx, 0, func(a string) { ready <- a }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case r.address = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return r
}

// await waits until each of the sites was built on that side for the round, and gives the builds by site.
func (r *running) await(on bool, round int, names ...string) map[string]Build {
	r.t.Helper()
	got, end := map[string]Build{}, time.After(patience)
	for len(got) < len(names) {
		select {
		case b := <-r.builds:
			if b.On == on && b.Round >= round {
				got[b.Site] = b
			}
		case <-end:
			r.t.Fatalf("built were %v", got)
		}
	}
	return got
}

func (r *running) page(site string, on bool, path string) string {
	r.t.Helper()
	resp, err := http.Get(r.p.sides[on][site].address + strings.TrimPrefix(path, "/"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(body)
}
