package sites

import (
	"errors"
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lullhq/lull/internal/sites/datafile"
)

// TestMain keeps the settings of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	for k, v := range map[string]string{
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "EMAIL": "", "XDG_CONFIG_HOME": "/nonexistent",
	} {
		if err := os.Setenv(k, v); err != nil {
			panic(err)
		}
	}
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	code := m.Run()
	if dir, err := template(); err == nil {
		err = os.RemoveAll(dir)
		if err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

const dataName = "_data/banner_notification.yml"

// template is a site that every test copies.
var template = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lull-sites-")
	if err != nil {
		return "", err
	}
	put := func(name, content string) {
		full := filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(content), 0o644))
	}
	put(dataName, original)
	put("index.md", "# Hello\n")
	for _, args := range [][]string{
		{"init", "--quiet", "--template=", "--initial-branch=main"}, {"config", "user.name", "Ann Author"},
		{"config", "user.email", "ann@example.com"}, {"add", "."}, {"commit", "--quiet", "-m", "Begin"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		err = errors.Join(err, cmd.Run())
	}
	return dir, err
})

// newSite makes a working tree with the data file, without a remote.
func newSite(t *testing.T, name string) Site {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return Site{Name: name, Repository: dir, Banner: dataName, URL: "http://127.0.0.1/"}
}

// newPushedSite makes a bare remote, and a working tree that follows it.
func newPushedSite(t *testing.T, name string) (s Site, remote string) {
	t.Helper()
	s = newSite(t, name)
	remote = filepath.Join(t.TempDir(), name+".git")
	gitIn(t, "", "clone", "--quiet", "--bare", "--template=", s.Repository, remote)
	gitIn(t, s.Repository, "remote", "add", "origin", "file://"+remote)
	gitIn(t, s.Repository, "push", "--quiet", "--set-upstream", "origin", "main")
	return s, remote
}

// colleague is somebody else's clone of the same remote.
func colleague(t *testing.T, remote string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "colleague")
	gitIn(t, "", "clone", "--quiet", "file://"+remote, dir)
	setUser(t, dir)
	return dir
}

func setUser(t *testing.T, dir string) {
	t.Helper()
	gitIn(t, dir, "config", "user.name", "Ann Author")
	gitIn(t, dir, "config", "user.email", "ann@example.com")
}

func commitFile(t *testing.T, dir, name, content string) {
	t.Helper()
	put(t, dir, name, content)
	gitIn(t, dir, "add", name)
	gitIn(t, dir, "commit", "--quiet", "-m", "Write "+name)
}

func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
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

func get(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// gitHook puts a script in the way of git.
func gitHook(t *testing.T, dir, name, script string) {
	t.Helper()
	gitDir := gitIn(t, dir, "rev-parse", "--absolute-git-dir")
	full := filepath.Join(gitDir, "hooks", name)
	put(t, filepath.Dir(full), name, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(full, 0o755); err != nil {
		t.Fatal(err)
	}
}

// diff is what the last commit of a branch changed, without its ids.
func diff(t *testing.T, dir string) string {
	t.Helper()
	return gitIn(t, dir, "show", "--format=%an <%ae>%n%n%B", "--unified=0", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--abbrev=4", "--no-renames", "HEAD")
}

func commits(t *testing.T, dir string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(gitIn(t, dir, "rev-list", "--count", "HEAD"), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

const original = `# The strip on top of every page.
enabled: false # true shows it
text: Nothing is planned

# where it leads
url: https://example.com/status
extra: {a: [1, 2]}
`

var planned = Banner{Enabled: true, Text: "Scheduled maintenance on 5 December", URL: "https://example.com/plan"}

func mustEdit(t *testing.T, in string, b Banner) string {
	t.Helper()
	out, err := datafile.Edit(dataName, []byte(in), b)
	if err != nil {
		t.Fatalf("edit %q: %v", in, err)
	}
	return string(out)
}

// gitOverHTTP serves a bare repository with git's own program for it (git-http-backend(1)), and gives its address.
func gitOverHTTP(t *testing.T, remote string) string {
	t.Helper()
	gitIn(t, remote, "config", "http.receivepack", "true")
	gitIn(t, remote, "config", "uploadpack.allowFilter", "true")
	backend := filepath.Join(gitIn(t, remote, "--exec-path"), "git-http-backend")
	srv := httptest.NewServer(&cgi.Handler{Path: backend, Env: []string{
		"GIT_PROJECT_ROOT=" + filepath.Dir(remote), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "REMOTE_USER=test",
	}})
	t.Cleanup(srv.Close)
	return srv.URL + "/" + filepath.Base(remote)
}
