package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
)

// previewed is one edit of a theme: until its sites were shown anew, and how long each takes to build by itself.
type previewed struct{ preview, slowest, sum float64 } // s

const (
	previewSites = 4
	previewPages = 40
)

const themeLayout = `<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ page.title }}</title><body>
{% if site.data.banner_notification.enabled %}<a href="{{ site.data.banner_notification.url | escape }}">{{ site.data.banner_notification.text | escape }}</a>{% endif %}
<nav>{% for p in site.pages %}<a href="{{ p.url }}">{{ p.title | escape }}</a> {% endfor %}</nav>
<main>{{ content }}</main><footer>EDIT</footer></body></html>
`

// previewRuns edits the theme of four Jekyll sites, over and over.
func previewRuns(ctx context.Context, o SitesOptions) (all []previewed, err error) {
	dir, err := filepath.Abs(filepath.Join(o.Dir, "preview"))
	if err != nil {
		return nil, err
	}
	p := &previewGround{dir: dir, path: o.Path}
	if err := p.lay(); err != nil {
		return nil, err
	}
	builds, stop, err := p.start(ctx, o.Self)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := errors.Join(awaitRound(ctx, builds, 1, true), awaitRound(ctx, builds, 1, false)); err != nil {
		return nil, err
	}
	for n := range o.Runs {
		var x previewed
		begun := time.Now()
		if err := p.edit(fmt.Sprintf("edit %d", n)); err != nil {
			return nil, err
		}
		if err := awaitRound(ctx, builds, n+2, true); err != nil {
			return nil, err
		}
		x.preview = time.Since(begun).Seconds()
		if err := awaitRound(ctx, builds, n+2, false); err != nil { // it would be measured with what follows
			return nil, err
		}
		if x.slowest, x.sum, err = p.single(ctx); err != nil {
			return nil, err
		}
		fmt.Fprintf(o.Out, "edit %d of %d: %d sites shown in %.2f s; the slowest single build takes %.2f s, all one by one %.2f s\n", n+1, o.Runs, previewSites, x.preview, x.slowest, x.sum)
		all = append(all, x)
	}
	return all, nil
}

type previewGround struct{ dir, path string }

func (p *previewGround) theme() string     { return filepath.Join(p.dir, "theme") }
func (p *previewGround) site(i int) string { return filepath.Join(p.dir, fmt.Sprintf("site-%d", i)) }
func (p *previewGround) environment() []string {
	return append(os.Environ(), "PATH="+p.path+":"+os.Getenv("PATH"))
}

func (p *previewGround) lay() error {
	config := "organization: Example\nthemes:\n  main: {repository: theme, banner: " + bannerFile + "}\nsites:\n"
	files := map[string]string{"theme/" + bannerFile: bannerText}
	for i := range previewSites {
		name := fmt.Sprintf("site-%d", i)
		config += fmt.Sprintf("  %s: {repository: %s, theme: main, generator: jekyll, url: https://%s.example.com/}\n", name, name, name)
		files[name+"/_config.yml"] = "title: " + name + "\ntheme: bench-theme\n"
		for n := range previewPages {
			page := "page-" + fmt.Sprint(n)
			if n == 0 {
				page = "index"
			}
			files[name+"/"+page+".md"] = "---\nlayout: default\ntitle: " + page + "\n---\n" + strings.Repeat("Some *words* of a page, and a [link](https://example.com/).\n\n", 20)
		}
	}
	files["lull.yaml"] = config
	if err := os.RemoveAll(p.dir); err != nil {
		return err
	}
	for name, content := range files {
		if err := writeFile(filepath.Join(p.dir, name), content); err != nil {
			return err
		}
	}
	return p.edit("first")
}

func writeFile(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o644)
}

func (p *previewGround) edit(word string) error {
	return writeFile(filepath.Join(p.theme(), "_layouts/default.html"), strings.Replace(themeLayout, "EDIT", word, 1))
}

// start runs lull sites preview, and gives what its page is told.
func (p *previewGround) start(ctx context.Context, self string) (<-chan string, func() error, error) {
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "--config", filepath.Join(p.dir, "lull.yaml"), "sites", "preview", "--port", fmt.Sprint(ports[0]))
	cmd.Env = p.environment()
	address := fmt.Sprintf("http://127.0.0.1:%d/", ports[0])
	c, err := start(cmd, address)
	if err != nil {
		return nil, nil, err
	}
	resp, err := http.Get(address + "events") //nolint:noctx // it ends with the preview
	if err != nil {
		return nil, nil, errors.Join(err, c.stop())
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			lines <- in.Text()
		}
	}()
	return lines, func() error { return errors.Join(c.stop(), resp.Body.Close()) }, nil
}

// awaitRound waits until each site was built with the banner on, or off, after that many edits. The side with the banner
// on is to be waited for first: it is built first.
func awaitRound(ctx context.Context, lines <-chan string, round int, on bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for done := map[string]bool{}; len(done) < previewSites; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d sites were built: %w", len(done), previewSites, ctx.Err())
		case line, ok := <-lines:
			if !ok {
				return errors.New("the preview has ended")
			}
			b, ok := decodeBuild(line)
			switch {
			case ok && b.Error != "":
				return fmt.Errorf("%s: %s", b.Site, b.Error)
			case ok && b.On == on && b.Round >= round:
				done[b.Site] = true
			}
		}
	}
	return nil
}

// single builds each site with the theme by itself, as a person does: jekyll build, from nothing.
func (p *previewGround) single(ctx context.Context) (slowest, sum float64, err error) {
	for i := range previewSites {
		source := filepath.Join(p.dir, "single")
		if err := os.RemoveAll(source); err != nil {
			return 0, 0, err
		}
		for _, from := range []string{p.theme(), p.site(i)} {
			if err := os.CopyFS(source, os.DirFS(from)); err != nil {
				return 0, 0, err
			}
		}
		if err := writeFile(filepath.Join(source, "_config.yml"), "title: x\n"); err != nil {
			return 0, 0, err
		}
		begun := time.Now()
		cmd := exec.CommandContext(ctx, "sh", "-c", "exec jekyll build --quiet")
		cmd.Dir, cmd.Env = source, p.environment()
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, 0, fmt.Errorf("jekyll build: %w: %s", err, out)
		}
		took := time.Since(begun).Seconds()
		slowest, sum = max(slowest, took), sum+took
	}
	return slowest, sum, nil
}
