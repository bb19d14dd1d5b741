package snapshot

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/proc"
)

const page = "text/html; charset=utf-8"

func file(address, contentType, text string) File {
	return File{Address: address, Type: contentType, Render: func() ([]byte, error) { return []byte(text), nil }}
}

var face = []File{
	file("/", page, "home"), file("/maintenance/pg17", page, "one"), file("/maintenance/pg17.ics", "text/calendar", "ics"),
	file("/history", page, "all"), file("/history/2026-11", page, "november"), file("/history.atom", "application/atom+xml", "feed"),
	file("/api/v2/summary.json", "application/json", "{}"), file("/de/", page, "zuhause"),
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && e.Name() == ".git" {
			return fs.SkipDir
		}
		name, _ := filepath.Rel(dir, path)
		if e.IsDir() || name == manifest {
			return nil
		}
		b, err := os.ReadFile(path)
		out[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var placed = map[string]string{
	"index.html": "home", "maintenance/pg17/index.html": "one", "maintenance/pg17.ics": "ics", "history/index.html": "all",
	"history/2026-11/index.html": "november", "history.atom": "feed", "api/v2/summary.json": "{}", "de/index.html": "zuhause",
}

func TestFolderHoldsExactlyTheFace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "www", "status")
	m := NewFolder(dir)
	c, err := m.Push(t.Context(), face)
	if err != nil || c != (Change{Written: len(face)}) {
		t.Fatalf("%v, %v", c, err)
	}
	if diff := cmp.Diff(placed, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
	before, err := os.Stat(filepath.Join(dir, "history.atom"))
	if err != nil {
		t.Fatal(err)
	}
	next := append(slices.Clone(face[:4]), file("/history.atom", "application/atom+xml", "feed"), file("/", page, "home again"))[1:]
	c, err = NewFolder(dir).Push(t.Context(), next)
	if err != nil || c != (Change{Written: 1, Removed: 3, Same: 4}) {
		t.Errorf("%v, %v", c, err)
	}
	if after, err := os.Stat(filepath.Join(dir, "history.atom")); err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that is as before was written again: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "api")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}
}

// Others' files are not touched: those beside the face stay, and a folder that is theirs is refused.
func TestFolderLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := NewFolder(dir).Push(t.Context(), face); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "robots.txt")
	if err := os.WriteFile(own, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := NewFolder(dir).Push(t.Context(), face[:1]); err != nil || c.Removed != len(face)-1 {
		t.Errorf("%v, %v", c, err)
	}
	if diff := cmp.Diff(map[string]string{"index.html": "home", "robots.txt": "mine"}, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
	theirs := t.TempDir()
	if err := os.WriteFile(filepath.Join(theirs, "index.html"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewFolder(theirs).Push(t.Context(), face); err == nil {
		t.Error("a folder with others' files was written to")
	}
}

// What was cut off half-way is finished by the next push, and nothing of it is forgotten.
func TestFolderAfterAFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := errors.New("cannot be rendered")
	half := append(slices.Clone(face[:3]), File{Address: "/x", Type: page, Render: func() ([]byte, error) { return nil, broken }})
	if _, err := NewFolder(dir).Push(t.Context(), half); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if _, err := NewFolder(dir).Push(t.Context(), face[3:]); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(placed)
	maps.DeleteFunc(want, func(_, text string) bool { return slices.Contains([]string{"home", "one", "ics"}, text) })
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"/../x", "/a/../../x", "/%2e%2e/x", "/.git/config", "/a/.git/x", "/.lull-snapshot", "/%zz", "/..%2fx.json"} {
		if name, err := file(address, "application/json", "").place(); err == nil {
			t.Errorf("%s lies at %s", address, name)
		}
	}
}

func FuzzPlace(f *testing.F) {
	f.Add("/maintenance/pg17", page)
	f.Add("/../x", "")
	f.Fuzz(func(t *testing.T, address, contentType string) {
		name, err := file(address, contentType, "").place()
		if err == nil && (!filepath.IsLocal(name) || hidden(name)) {
			t.Fatalf("%q lies at %q", address, name)
		}
	})
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := proc.Run(t.Context(), proc.Cmd{Name: "git", Args: append([]string{"git"}, args...), Dir: dir, Env: environment(os.Environ())})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// Two replicas push to one branch: neither overwrites the other, and both go on.
func TestGit(t *testing.T) {
	t.Parallel()
	remote := filepath.Join(t.TempDir(), "status.git")
	git(t, "/", "init", "--quiet", "--bare", remote)
	open := func() *Git {
		m, err := NewGit(remote, "pages")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
		return m
	}
	one, other := open(), open()
	push := func(m *Git, files []File, want Change) {
		t.Helper()
		if c, err := m.Push(t.Context(), files); err != nil || c != want {
			t.Errorf("%v, %v; want %v", c, err, want)
		}
	}
	push(one, face, Change{Written: len(face)})
	push(one, face, Change{Same: len(face)})
	if n := git(t, remote, "rev-list", "--count", "pages"); n != "1" {
		t.Errorf("%s commits, and nothing had changed", n)
	}
	push(other, face[:6], Change{Removed: 2, Same: 6})
	push(one, append(slices.Clone(face[1:]), file("/", page, "newer")), Change{Written: 3, Same: 5})
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, "/", "clone", "--quiet", "--branch=pages", remote, clone)
	want := maps.Clone(placed)
	want["index.html"] = "newer"
	if diff := cmp.Diff(want, tree(t, clone)); diff != "" {
		t.Error(diff)
	}
	if n := git(t, remote, "rev-list", "--count", "pages"); n != "3" {
		t.Errorf("%s commits for 3 pushes", n)
	}
}

// A push that failed is owed, also when nothing changes any more.
func TestGitOwes(t *testing.T) {
	t.Parallel()
	remote := filepath.Join(t.TempDir(), "status.git")
	m, err := NewGit(remote, "pages")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	if _, err := m.Push(t.Context(), face); err == nil {
		t.Fatal("it was pushed to nowhere")
	}
	git(t, "/", "init", "--quiet", "--bare", remote)
	if _, err := m.Push(t.Context(), face); err != nil {
		t.Fatal(err)
	}
	if n := git(t, remote, "rev-list", "--count", "pages"); n != "1" {
		t.Errorf("%s commits", n)
	}
}

func TestCommandRunsOnWhatHasChanged(t *testing.T) {
	t.Parallel()
	to := t.TempDir()
	m, err := NewCommand(`test -e "` + to + `/closed" && exit 3; echo ran >>"` + to + `/runs"; cp index.html "` + to + `/"; test "$PWD" = "$LULL_SNAPSHOT"`)
	if err != nil {
		t.Fatal(err)
	}
	runs := func() int {
		b, _ := os.ReadFile(filepath.Join(to, "runs"))
		return strings.Count(string(b), "ran")
	}
	push := func(ctx context.Context, files []File) error {
		_, err := m.Push(ctx, files)
		return err
	}
	if err := errors.Join(push(t.Context(), face), push(t.Context(), face)); err != nil || runs() != 1 {
		t.Errorf("it ran %d times, %v", runs(), err)
	}
	closed := filepath.Join(to, "closed")
	if err := os.WriteFile(closed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var failed *proc.Error
	if err := push(t.Context(), face[:1]); !errors.As(err, &failed) || failed.Code != 3 {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(closed); err != nil {
		t.Fatal(err)
	}
	if err := push(t.Context(), face[:1]); err != nil || runs() != 2 {
		t.Errorf("a failed command was not tried again: %d, %v", runs(), err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(m.folder.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
}
