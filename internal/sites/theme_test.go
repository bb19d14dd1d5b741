package sites

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/pin"
)

const gemspec = `Gem::Specification.new do |spec|
  spec.name = "acme-theme"
  spec.version = "1.0.0"
  spec.add_runtime_dependency "jekyll", "~> 4.2"
end
`

const goMod = "module example.com/acme/theme.git\n\ngo 1.21\n"

// newTheme makes a theme that is a gem, a Go module and an npm package at once, and its remote.
func newTheme(t *testing.T) (th *Theme, remote string) {
	t.Helper()
	s := newSite(t, "theme")
	put(t, s.Repository, "acme-theme.gemspec", gemspec)
	put(t, s.Repository, "go.mod", goMod)
	put(t, s.Repository, "package.json", `{"name": "@acme/theme", "version": "1.0.0", "dependencies": {"x": "^1"}}`)
	gitIn(t, s.Repository, "add", ".")
	gitIn(t, s.Repository, "commit", "--quiet", "-m", "Be a theme")
	remote = filepath.Join(t.TempDir(), "theme.git")
	gitIn(t, "", "clone", "--quiet", "--bare", "--template=", s.Repository, remote)
	gitIn(t, s.Repository, "remote", "add", "origin", "file://"+remote)
	gitIn(t, s.Repository, "push", "--quiet", "--set-upstream", "origin", "main")
	return &Theme{Name: "main", Repository: s.Repository, Banner: dataName}, remote
}

func lockOf(remote, commit string) string {
	return fmt.Sprintf(`GIT
  remote: file://%s
  revision: %s
  branch: main
  specs:
    acme-theme (1.0.0)
      jekyll (~> 4.2)

GEM
  remote: https://rubygems.org/
  specs:
    jekyll (4.3.2)

PLATFORMS
  ruby

DEPENDENCIES
  acme-theme!
`, remote, commit)
}

// newPinnedSite makes a site that names the theme's commit in one of the four ways, and its remote.
func newPinnedSite(t *testing.T, name, file string, th *Theme, themeRemote string) (Site, string) {
	t.Helper()
	s, remote := newPushedSite(t, name)
	commit := gitIn(t, themeRemote, "rev-parse", "main")
	switch file {
	case pin.Gemfile:
		put(t, s.Repository, file, lockOf(themeRemote, commit))
	case pin.Submodule:
		gitIn(t, s.Repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "file://"+themeRemote, "themes/acme")
	case pin.Module:
		when := gitIn(t, themeRemote, "log", "-1", "--format=%cd", "--date=format-local:%Y%m%d%H%M%S", "main")
		version := "v0.0.0-" + when + "-" + commit[:12]
		put(t, s.Repository, file, "module example.com/acme/www\n\ngo 1.21\n\nrequire example.com/acme/theme.git "+version+" // indirect\n")
		put(t, s.Repository, "go.sum", "example.com/acme/theme.git "+version+" h1:x=\nexample.com/acme/theme.git "+version+"/go.mod h1:y=\nexample.com/z v1.0.0 h1:z=\n")
	case pin.Package:
		put(t, s.Repository, file, `{
  "name": "www",
  "lockfileVersion": 3,
  "packages": {
    "": {"dependencies": {"@acme/theme": "git+ssh://git@example.com/acme/theme.git"}},
    "node_modules/@acme/theme": {
      "version": "1.0.0",
      "resolved": "git+ssh://git@example.com/acme/theme.git#`+commit+`",
      "dependencies": {"x": "^1"}
    }
  }
}
`)
	}
	gitIn(t, s.Repository, "rm", "--quiet", dataName) // the theme's alone
	gitIn(t, s.Repository, "add", ".")
	gitIn(t, s.Repository, "commit", "--quiet", "-m", "Use the theme")
	gitIn(t, s.Repository, "push", "--quiet")
	s.Banner, s.Theme = "", th
	return s, remote
}

func switchAll(t *testing.T, to bool, all ...Site) ([]Outcome, error) {
	t.Helper()
	return Publish(t.Context(), all, planned, to, nil)
}

// The founding case: one edit in the theme, and in each site the one line that names its commit. All four ways of
// naming it, switched on and off again, each of it twice.
func TestOneThemeAndFourWaysToNameIt(t *testing.T) {
	t.Parallel()
	th, themeRemote := newTheme(t)
	var all []Site
	remotes := map[string]string{}
	for _, file := range pin.Files {
		s, remote := newPinnedSite(t, strings.Trim(strings.ReplaceAll(strings.ToLower(file), ".", "-"), "-"), file, th, themeRemote)
		all, remotes[s.Name] = append(all, s), remote
	}
	for round, to := range []bool{on, on, off, off} {
		if testing.Short() && round%2 == 1 {
			continue // other tests do the same thing twice
		}
		out, err := switchAll(t, to, all...)
		if err != nil {
			t.Fatalf("round %d: %v (%s)", round, err, hint.Of(err))
		}
		for _, o := range out {
			if o.Made != (round%2 == 0) {
				t.Errorf("round %d: %s: %s", round, o.Site.Name, o.Words)
			}
			want := map[bool]State{on: StateOn, off: StateOff}[to]
			mustState(t, o.Site, want)
		}
	}
	if n := commits(t, themeRemote); n != 4 {
		t.Errorf("%d commits in the theme", n)
	}
	tip := gitIn(t, themeRemote, "rev-parse", "main")
	for _, s := range all {
		if n := commits(t, remotes[s.Name]); n != 4 {
			t.Errorf("%s has %d commits", s.Name, n)
		}
		diff := gitIn(t, remotes[s.Name], "show", "--format=", "--unified=0", "--submodule=short", "main")
		if !strings.Contains(diff, tip[:12]) {
			t.Errorf("%s is not at the theme's commit:\n%s", s.Name, diff)
		}
		lines := map[string]int{"go-mod": 3}[s.Name] // the version, and two checksums
		if got := strings.Count(diff, "\n+") - strings.Count(diff, "\n+++"); got != max(lines, 1) {
			t.Errorf("%s: %d lines changed:\n%s", s.Name, got, diff)
		}
		if status := gitIn(t, s.Repository, "status", "--porcelain", "--ignore-submodules=all"); status != "" {
			t.Errorf("%s: left %s", s.Name, status)
		}
	}
}

func TestAThemeThatChangesMoreIsRefused(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct{ name, was, is, command string }{
		pin.Gemfile: {"acme-theme.gemspec", `"~> 4.2"`, `"~> 4.3"`, "bundle lock --update=acme-theme --conservative"},
		pin.Module:  {"go.mod", "go 1.21\n", "go 1.21\n\nrequire example.com/x v1.0.0\n", "hugo mod get example.com/acme/theme.git@"},
		pin.Package: {"package.json", "^1", "^2", "npm update @acme/theme"},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			th, remote := newTheme(t)
			s, siteRemote := newPinnedSite(t, "www", file, th, remote)
			commitFile(t, th.Repository, c.name, strings.Replace(get(t, th.Repository, c.name), c.was, c.is, 1))
			gitIn(t, th.Repository, "push", "--quiet")
			_, err := switchAll(t, on, s)
			refusedWith(t, err, "the theme changes more than its commit", c.command)
			if n := commits(t, siteRemote); n != 2 {
				t.Errorf("%d commits at the site", n)
			}
		})
	}
}

// A new version of the gem changes two lines, and the lock file is right again.
func TestANewVersionOfTheGem(t *testing.T) {
	t.Parallel()
	th, remote := newTheme(t)
	s, siteRemote := newPinnedSite(t, "www", pin.Gemfile, th, remote)
	commitFile(t, th.Repository, "acme-theme.gemspec", strings.Replace(gemspec, "1.0.0", "1.1.0", 1))
	gitIn(t, th.Repository, "push", "--quiet")
	if _, err := switchAll(t, on, s); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(lockOf(remote, gitIn(t, remote, "rev-parse", "main")), "(1.0.0)", "(1.1.0)", 1)
	if got := gitIn(t, siteRemote, "show", "main:Gemfile.lock") + "\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The theme's remote refuses: no site may be set to a commit that only this machine has.
func TestNoPinToACommitThatTheRemoteDoesNotHave(t *testing.T) {
	t.Parallel()
	th, remote := newTheme(t)
	a, _ := newPinnedSite(t, "a", pin.Gemfile, th, remote)
	b, _ := newPinnedSite(t, "b", pin.Submodule, th, remote)
	gitHook(t, remote, "pre-receive", "echo frozen >&2; exit 1")
	_, err := switchAll(t, on, a, b)
	refusedWith(t, err, "at 2 of 2 sites", "")
	if !strings.Contains(err.Error(), "theme main") || !strings.Contains(err.Error(), "frozen") {
		t.Errorf("got %v", err)
	}
	mustState(t, a, StateOff)
	mustState(t, b, StateOff)
	no := *th
	gitIn(t, no.Repository, "remote", "remove", "origin")
	_, err = switchAll(t, on, a)
	refusedWith(t, err, "the theme main has no remote", "remote add origin")
}

// A colleague pushes to the site between the look and the push: the pin is moved on theirs.
func TestAPinIsMovedOnTopOfOthersWork(t *testing.T) {
	t.Parallel()
	th, remote := newTheme(t)
	s, siteRemote := newPinnedSite(t, "www", pin.Gemfile, th, remote)
	other := colleague(t, siteRemote)
	gitHook(t, s.Repository, "pre-push", `[ -e done ] && exit 0; touch done
cd `+other+`; unset $(git rev-parse --local-env-vars)
echo x >theirs; git add theirs; git commit --quiet -m Theirs; git push --quiet`)
	put(t, s.Repository, ".git/info/exclude", "done\n")
	if _, err := switchAll(t, on, s); err != nil {
		t.Fatal(err)
	}
	mustState(t, s, StateOn)
	if log := gitIn(t, siteRemote, "log", "--format=%s", "-2", "main"); !strings.HasPrefix(log, subjectPin+"main at ") || !strings.HasSuffix(log, "\nTheirs") {
		t.Errorf("the remote has %s", log)
	}
}

// Go itself is asked whether the checksums are right: the second opinion on go.sum.
func TestTheChecksumsAreGos(t *testing.T) {
	t.Parallel()
	th, remote := newTheme(t)
	f := newFleet([]Site{{Name: "x", Theme: th}})
	defer f.close()
	x := f.theme(th)
	if err := x.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit := gitIn(t, remote, "rev-parse", "main")
	version, sum, modSum, err := x.goModule(t.Context(), "example.com/acme/theme.git", commit)("v0.0.0-20200101000000-abcdefabcdef")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put(t, dir, "go.mod", "module x\n\ngo 1.21\n\nrequire example.com/acme/theme.git "+version+"\n")
	put(t, dir, ".gitconfig", "[url \"file://"+remote+"\"]\n\tinsteadOf = https://example.com/acme/theme\n")
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "example.com/acme/theme.git@"+commit)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=direct", "GOPRIVATE=*", "GOFLAGS=-mod=mod", "GOMODCACHE="+filepath.Join(dir, "cache"), "GIT_CONFIG_GLOBAL="+filepath.Join(dir, ".gitconfig"))
	said, err := cmd.Output()
	var got struct{ Version, Sum, GoModSum, Error string }
	if jsonErr := json.Unmarshal(said, &got); err != nil || jsonErr != nil {
		t.Fatalf("%v, %v: %s", err, jsonErr, said)
	}
	if got.Version != version || got.Sum != sum || got.GoModSum != modSum {
		t.Errorf("go says %+v, lull %s %s %s", got, version, sum, modSum)
	}
}

func TestRemotesThatAreCloned(t *testing.T) {
	t.Parallel()
	_, fileRemote := newPushedSite(t, "a")
	_, httpRemote := newPushedSite(t, "b")
	work := t.TempDir()
	all := []Site{
		{Name: "a", Repository: "file://" + fileRemote, Clone: filepath.Join(work, "a"), Banner: dataName, Author: "Ops <ops@example.com>"},
		{Name: "b", Repository: gitOverHTTP(t, httpRemote), Clone: filepath.Join(work, "b"), Branch: "main", Banner: dataName, Author: "Ops <ops@example.com>"},
	}
	for _, to := range []bool{on, off} {
		if _, err := switchAll(t, to, all...); err != nil {
			t.Fatalf("%v (%s)", err, hint.Of(err))
		}
	}
	for _, remote := range []string{fileRemote, httpRemote} {
		if n := commits(t, remote); n != 3 {
			t.Errorf("%d commits", n)
		}
	}
	if _, err := os.Stat(filepath.Join(work, "a", "index.md")); err == nil {
		t.Error("the clone holds files that nobody changes")
	}
	// A clone that was cut short is begun anew, and so is one of another address.
	if err := os.RemoveAll(filepath.Join(work, "a", ".git", "HEAD")); err != nil {
		t.Fatal(err)
	}
	all[1].Repository = "file://" + httpRemote
	if _, err := switchAll(t, on, all...); err != nil {
		t.Fatal(err)
	}
	all[0].Clone, all[0].Branch = filepath.Join(work, "c"), "nowhere"
	_, err := switchAll(t, on, all[0])
	refusedWith(t, err, "Remote branch nowhere not found", "correct `branch`")
}
