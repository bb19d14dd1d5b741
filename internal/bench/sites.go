package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
)

// SitesOptions are the size of the measurement.
type SitesOptions struct {
	Runs    int
	Sites   int // with a remote each
	Self    string
	Dir     string
	Path    string // where Jekyll is looked for, besides $PATH
	Out     io.Writer
	Figures string // the file to write
}

// switched is one run: the banner on at all sites and seen on every page, by Lull, and by a shell in a loop.
type switched struct{ lull, loop float64 } // s

const (
	sitePages  = 3
	bannerFile = "_data/banner_notification.yml"
	bannerText = "# The strip on top of every page.\nenabled: false\ntext: Nothing is planned\nurl: https://status.example.com/\n"
)

const sitesPlan = `maintenance: bench-%d
title: Database upgrade
summary: We move our database to the next version.
window: {start: "%s 17:00", zone: Pacific/Auckland, allow: 2h}
steps:
  - wait: 1m
`

// Sites measures how long it takes until the banner is switched on at many sites, pushed, and seen on every page, and
// how long a preview of Jekyll sites takes to show an edit of their theme.
func Sites(ctx context.Context, o SitesOptions) error {
	var all []switched
	for n := range o.Runs {
		f, err := layFleet(ctx, o, n)
		if err != nil {
			return err
		}
		s, err := f.measure(ctx)
		if err = errors.Join(err, f.close()); err != nil {
			return err
		}
		fmt.Fprintf(o.Out, "run %d of %d: %d sites on and verified in %.1f s; one after the other by a shell in %.1f s\n", n+1, o.Runs, o.Sites, s.lull, s.loop)
		all = append(all, s)
	}
	previews, err := previewRuns(ctx, o)
	if err != nil {
		return err
	}
	rows := []Row{
		columnOf(all, "sites", "sites", func(switched) float64 { return float64(o.Sites) }),
		columnOf(all, "on_and_verified_s", "on and verified, s", func(s switched) float64 { return s.lull }),
		columnOf(all, "one_by_one_s", "one by one in a shell, s", func(s switched) float64 { return s.loop }),
		columnOf(previews, "preview_s", "preview after a theme's edit, s", func(p previewed) float64 { return p.preview }),
		columnOf(previews, "single_build_s", "the slowest single build, s", func(p previewed) float64 { return p.slowest }),
		columnOf(previews, "builds_one_by_one_s", "all builds one by one, s", func(p previewed) float64 { return p.sum }),
		columnOf(previews, "preview_ratio", "preview to single build", func(p previewed) float64 { return p.preview / p.slowest }),
	}
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

// benchFleet is the sites with their remotes, and the host that serves what the remotes have.
type benchFleet struct {
	*face
	n     int
	sites []string // names
	host  *http.Server
	hosts string // its address
	mu    sync.Mutex
	shown map[string]published
}

type published struct {
	commit string
	text   string // "" = off
}

func layFleet(ctx context.Context, o SitesOptions, n int) (*benchFleet, error) {
	dir, err := filepath.Abs(filepath.Join(o.Dir, strconv.Itoa(n)))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, fmt.Errorf("make the folder of the sites: %w", err)
	}
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		return nil, err
	}
	f := &benchFleet{face: &face{self: o.Self, dir: dir}, n: n, shown: map[string]published{}, hosts: "127.0.0.1:" + strconv.Itoa(ports[0])}
	config := "organization: Example\nnotices: {private: [127.0.0.1/32]}\nsites:\n"
	for i := range o.Sites {
		name := fmt.Sprintf("site-%03d", i)
		f.sites = append(f.sites, name)
		if err := f.layRepository(ctx, name); err != nil {
			return nil, err
		}
		config += fmt.Sprintf("  %s: {repository: %s, banner: %s, url: http://%s/%s/, sitemap: http://%s/%s/sitemap.xml}\n", name, name, bannerFile, f.hosts, name, f.hosts, name)
	}
	plan := fmt.Sprintf(sitesPlan, n, time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	if err := errors.Join(f.write("lull.yaml", config), f.write("plan.yaml", plan)); err != nil {
		return nil, err
	}
	if err := f.lull(ctx, "schedule", filepath.Join(dir, "plan.yaml")); err != nil {
		return nil, err
	}
	f.host = &http.Server{Addr: f.hosts, Handler: f, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = f.host.ListenAndServe() }() // it ends with close
	return f, nil
}

func (f *benchFleet) close() error { return errors.Join(f.host.Close(), os.RemoveAll(f.dir)) }

// layRepository makes a working folder and the bare remote that it pushes to. The first is copied for all others.
func (f *benchFleet) layRepository(ctx context.Context, name string) error {
	work, remote := filepath.Join(f.dir, name), filepath.Join(f.dir, name+".git")
	if len(f.sites) > 1 {
		return f.copyRepository(f.sites[0], name)
	}
	if err := os.MkdirAll(filepath.Join(work, filepath.Dir(bannerFile)), 0o755); err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(filepath.Join(work, bannerFile), []byte(bannerText), 0o644),
		os.WriteFile(filepath.Join(work, "index.md"), []byte("# "+name+"\n"), 0o644)); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"}, {"config", "user.name", "Bench"}, {"config", "user.email", "bench@example.com"},
		{"add", "."}, {"commit", "--quiet", "--message", "Begin"}, {"clone", "--quiet", "--bare", ".", remote},
		{"remote", "add", "origin", remote}, {"push", "--quiet", "--set-upstream", "origin", "main"},
	} {
		if _, err := shell(ctx, work, append([]string{"git"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func (f *benchFleet) copyRepository(from, to string) error {
	for _, end := range []string{"", ".git"} {
		if err := os.CopyFS(filepath.Join(f.dir, to+end), os.DirFS(filepath.Join(f.dir, from+end))); err != nil {
			return err
		}
	}
	file := filepath.Join(f.dir, to, ".git/config")
	config, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	remote := func(name string) string { return "url = " + filepath.Join(f.dir, name+".git") }
	return os.WriteFile(file, []byte(strings.Replace(string(config), remote(from), remote(to), 1)), 0o644)
}

func shell(ctx context.Context, dir string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return string(out), nil
}

// ServeHTTP is a host: it shows what was pushed.
func (f *benchFleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, page, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if page == "sitemap.xml" {
		fmt.Fprint(w, `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`)
		for i := range sitePages {
			fmt.Fprintf(w, "<url><loc>http://%s/%s/%s</loc></url>", f.hosts, name, strings.Trim(strconv.Itoa(i), "0"))
		}
		fmt.Fprint(w, "</urlset>")
		return
	}
	p, err := f.published(r.Context(), name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "<!doctype html><title>%s</title><p>%s</p><main>%s</main>", name, p.text, page)
}

func (f *benchFleet) published(ctx context.Context, name string) (published, error) {
	remote := filepath.Join(f.dir, name+".git")
	tip, err := os.ReadFile(filepath.Join(remote, "refs/heads/main"))
	if err != nil {
		return published{}, err
	}
	f.mu.Lock()
	p := f.shown[name]
	f.mu.Unlock()
	if p.commit == string(tip) {
		return p, nil
	}
	data, err := shell(context.WithoutCancel(ctx), remote, "git", "show", strings.TrimSpace(string(tip))+":"+bannerFile)
	if err != nil {
		return p, err
	}
	p = published{commit: string(tip)}
	for line := range strings.Lines(data) {
		if text, ok := strings.CutPrefix(line, "text: "); ok && strings.Contains(data, "enabled: true") {
			p.text = strings.Trim(strings.TrimSpace(text), `"`)
		}
	}
	f.mu.Lock()
	f.shown[name] = p
	f.mu.Unlock()
	return p, nil
}

// measure switches on by Lull, off again, and on by what a person would write without it.
func (f *benchFleet) measure(ctx context.Context) (s switched, err error) {
	plan := filepath.Join(f.dir, "plan.yaml")
	begun := time.Now()
	out, err := f.command(ctx, "sites", "on", plan, "--wait", "5m").CombinedOutput()
	if s.lull = time.Since(begun).Seconds(); err != nil {
		return s, fmt.Errorf("lull sites on: %w: %s", err, out)
	}
	want := fmt.Sprintf("live on %d of %d sites, %d of %d pages", len(f.sites), len(f.sites), sitePages*len(f.sites), sitePages*len(f.sites))
	if !strings.Contains(string(out), want) {
		return s, fmt.Errorf("lull sites on does not say %q: %s", want, out)
	}
	if err := f.lull(ctx, "sites", "off", plan, "--wait", "5m"); err != nil {
		return s, err
	}
	begun = time.Now()
	for _, name := range f.sites {
		if err := f.byHand(ctx, name); err != nil {
			return s, err
		}
	}
	s.loop = time.Since(begun).Seconds()
	return s, nil
}

// byHand is one site's part of a loop in a shell: edit, commit, push, look at each page.
func (f *benchFleet) byHand(ctx context.Context, name string) error {
	script := `sed -i 's/^enabled: .*/enabled: true/; s/^text: .*/text: By hand/' ` + bannerFile + ` && git commit --quiet --all --message "Banner on" && git push --quiet`
	if _, err := shell(ctx, filepath.Join(f.dir, name), "sh", "-c", script); err != nil {
		return err
	}
	for i := range sitePages {
		page, _, err := fetch(ctx, fmt.Sprintf("http://%s/%s/%s", f.hosts, name, strings.Trim(strconv.Itoa(i), "0")))
		if err != nil || !strings.Contains(string(page), "By hand") {
			return errors.Join(fmt.Errorf("%s does not show what was pushed by hand", name), err)
		}
	}
	return nil
}

// decodeBuild reads a line of the preview's events.
func decodeBuild(line string) (b struct {
	Site  string `json:"site"`
	On    bool   `json:"on"`
	Error string `json:"error"`
	Round int    `json:"round"`
}, ok bool,
) {
	data, ok := strings.CutPrefix(line, "data: ")
	return b, ok && json.Unmarshal([]byte(data), &b) == nil
}
