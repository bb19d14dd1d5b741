package sites

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rubyTools gives the folder of Debian's Jekyll and Bundler, or skips the test.
func rubyTools(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../.cache/jekyll/bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle")); err != nil {
		t.Skip("Jekyll is not there (scripts/toolchain jekyll)")
	}
	return dir
}

// host builds a site from its remote as a publisher does: Bundler takes the gems of the lock file, or refuses.
func host(t *testing.T, tools, remote string) string {
	t.Helper()
	dir, out := filepath.Join(t.TempDir(), "checkout"), t.TempDir()
	gitIn(t, "", "clone", "--quiet", "file://"+remote, dir)
	ruby(t, tools, dir, []string{"BUNDLE_FROZEN=true"}, "bundle", "install", "--quiet")
	ruby(t, tools, dir, []string{"BUNDLE_FROZEN=true"}, "bundle", "exec", "jekyll", "build", "--quiet", "--destination", out)
	return get(t, out, "index.html")
}

func ruby(t *testing.T, tools, dir string, env []string, argv ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(tools, argv[0]), argv[1:]...)
	cmd.Dir = dir
	home := dir + ".gems" // beside it, as the publisher keeps them
	cmd.Env = append(append(os.Environ(), "GEM_HOME="+home, "HOME="+dir, "BUNDLE_SILENCE_ROOT_WARNING=1", "PATH="+tools+":"+os.Getenv("PATH")), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

// The founding case with its real parts: a theme that is a git gem and carries the data, two sites that have it in
// their lock files, Bundler and Jekyll with jekyll-data at the host. The banner is on both pages, and gone again.
func TestTheFoundingCase(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it installs gems and builds sites: left to the long form")
	}
	tools := rubyTools(t)
	th, themeRemote := newTheme(t)
	put(t, th.Repository, "acme-theme.gemspec", `Gem::Specification.new do |spec|
  spec.name = "acme-theme"
  spec.version = "1.0.0"
  spec.summary = "Theme"
  spec.authors = ["Ann"]
  spec.files = Dir["{_layouts,_data}/**/*"]
  spec.add_runtime_dependency "jekyll", "~> 4.2"
end
`)
	put(t, th.Repository, "_layouts/default.html", `{% if site.data.banner_notification.enabled %}<a href="{{ site.data.banner_notification.url }}">{{ site.data.banner_notification.text }}</a>{% endif %}{{ content }}`)
	gitIn(t, th.Repository, "add", ".")
	gitIn(t, th.Repository, "commit", "--quiet", "-m", "Be a gem")
	gitIn(t, th.Repository, "push", "--quiet")
	var all []Site
	var remotes []string
	for _, name := range []string{"www", "docs"} {
		s, remote := newPushedSite(t, name)
		gitIn(t, s.Repository, "rm", "--quiet", dataName)
		put(t, s.Repository, "Gemfile", "gem \"jekyll\"\ngem \"jekyll-data\"\ngem \"acme-theme\", git: \"file://"+themeRemote+"\", branch: \"main\"\n")
		put(t, s.Repository, "_config.yml", "title: "+name+"\ntheme: acme-theme\nplugins: [jekyll-data]\n")
		put(t, s.Repository, "index.md", "---\nlayout: default\n---\n# "+name+"\n")
		ruby(t, tools, s.Repository, nil, "bundle", "install", "--quiet")
		gitIn(t, s.Repository, "add", "Gemfile", "Gemfile.lock", "_config.yml", "index.md")
		gitIn(t, s.Repository, "commit", "--quiet", "-m", "Use the theme")
		gitIn(t, s.Repository, "push", "--quiet")
		s.Banner, s.Theme = "", th
		all, remotes = append(all, s), append(remotes, remote)
	}
	for _, to := range []bool{on, off} {
		if _, err := switchAll(t, to, all...); err != nil {
			t.Fatal(err)
		}
		for i, remote := range remotes {
			if page := host(t, tools, remote); strings.Contains(page, `<a href="https://example.com/plan">`+planned.Text+"</a>") != to || !strings.Contains(page, all[i].Name) {
				t.Errorf("%s, %v: %s", all[i].Name, to, page)
			}
			if diff := gitIn(t, remote, "show", "--format=", "--numstat", "main"); diff != "1\t1\tGemfile.lock" {
				t.Errorf("%s: %s", all[i].Name, diff)
			}
		}
	}
}
