package sites

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/hint"
)

const on, off = true, false

func bring(t *testing.T, s Site, to bool) (result, error) {
	t.Helper()
	d, err := opened(t, s)
	if err != nil {
		return result{}, err
	}
	return d.put(t.Context(), planned, to)
}

func opened(t *testing.T, s Site) (dataFile, error) {
	t.Helper()
	c, err := openData(t.Context(), s)
	if err != nil {
		return dataFile{}, err
	}
	t.Cleanup(c.close)
	return c.(dataFile), nil
}

func mustBring(t *testing.T, s Site, to bool) result {
	t.Helper()
	res, err := bring(t, s, to)
	if err != nil {
		t.Fatalf("%v (%s)", err, hint.Of(err))
	}
	return res
}

func mustState(t *testing.T, s Site, want State) Finding {
	t.Helper()
	f, err := Observe(t.Context(), s, planned)
	if err != nil || f.State != want {
		t.Fatalf("%s is %+v, %v; want %s", s.Name, f, err, want)
	}
	return f
}

// refusedWith wants an error and a next step that hold these words.
func refusedWith(t *testing.T, err error, words, next string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(hint.Of(err), next) {
		t.Errorf("got %v (%s); want %q (%q)", err, hint.Of(err), words, next)
	}
}

var blobIDs = regexp.MustCompile(`(?m)^index .*\n`)

func TestOneCommitShowsTheChangedValuesAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	res := mustBring(t, s, on)
	if !res.made || res.commit != gitIn(t, s.Repository, "rev-parse", "HEAD") {
		t.Errorf("got %+v", res)
	}
	golden.Equal(t, "on.diff", blobIDs.ReplaceAllString(diff(t, s.Repository), ""))
	mustState(t, s, StateOn)
	mustBring(t, s, off)
	golden.Equal(t, "off.diff", blobIDs.ReplaceAllString(diff(t, s.Repository), ""))
	mustState(t, s, StateOff)
	if n := commits(t, s.Repository); n != 3 {
		t.Errorf("%d commits", n)
	}
}

func TestTwiceIsNothingToDo(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	first := mustBring(t, s, on)
	if second := mustBring(t, s, on); second.made || second.commit != first.commit {
		t.Errorf("got %+v, then %+v", first, second)
	}
	if n := commits(t, remote); n != 2 {
		t.Errorf("%d commits on the remote", n)
	}
}

func TestOtherChangesStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	s, _ := newPushedSite(t, "www")
	put(t, s.Repository, "index.md", "# Work in progress\n")
	put(t, s.Repository, "staged.md", "staged\n")
	put(t, s.Repository, "untracked.md", "untracked\n")
	gitIn(t, s.Repository, "add", "staged.md")
	before := gitIn(t, s.Repository, "status", "--porcelain")
	mustBring(t, s, on)
	if after := gitIn(t, s.Repository, "status", "--porcelain"); after != before {
		t.Errorf("status was\n%s\nis\n%s", before, after)
	}
	if files := gitIn(t, s.Repository, "show", "--format=", "--name-only"); files != dataName {
		t.Errorf("the commit holds %s", files)
	}
}

func TestAChangedDataFileIsRefused(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]bool{"changed": false, "staged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "www")
			mine := strings.Replace(original, "Nothing", "Something", 1)
			put(t, s.Repository, dataName, mine)
			if stage {
				gitIn(t, s.Repository, "add", ".")
			}
			_, err := bring(t, s, on)
			refusedWith(t, err, "has changes that are not committed", "git -C "+s.Repository+" checkout HEAD -- "+dataName)
			if got := get(t, s.Repository, dataName); got != mine {
				t.Errorf("the file became %s", got)
			}
		})
	}
}

func TestItsOwnHalfDoneWorkIsFinished(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]bool{"written": false, "staged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "www")
			put(t, s.Repository, dataName, mustEdit(t, original, planned))
			if stage {
				gitIn(t, s.Repository, "add", ".")
			}
			mustBring(t, s, on)
			mustState(t, s, StateOn)
			if status := gitIn(t, s.Repository, "status", "--porcelain"); status != "" {
				t.Errorf("left: %s", status)
			}
		})
	}
}

func TestLineEndsThatGitConverts(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	commitFile(t, s.Repository, ".gitattributes", "*.yml text eol=crlf\n")
	crlf := strings.ReplaceAll(original, "\n", "\r\n")
	put(t, s.Repository, dataName, strings.Replace(crlf, "false", "true", 1)) // half done by hand, and not by lull
	_, err := bring(t, s, off)
	if err != nil {
		t.Fatal(err) // HEAD is off: nothing to do, and nothing touched
	}
	put(t, s.Repository, dataName, crlf)
	mustBring(t, s, on)
	if got := get(t, s.Repository, dataName); got != strings.ReplaceAll(mustEdit(t, original, planned), "\n", "\r\n") {
		t.Errorf("got %q", got)
	}
	if n := strings.Count(diff(t, s.Repository), "\n+"); n != 4 { // three lines and the +++ of the file
		t.Errorf("%d lines: %s", n, diff(t, s.Repository))
	}
}

func TestHooksAreObeyed(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	gitHook(t, s.Repository, "pre-commit", "echo 'no commits on Fridays' >&2; exit 1")
	_, err := bring(t, s, on)
	refusedWith(t, err, "no commits on Fridays", "see what git or a hook refuses")
	if status := gitIn(t, s.Repository, "status", "--porcelain"); status != "" {
		t.Errorf("left: %s", status)
	}
	mustState(t, s, StateOff)
}

// A commit may be there although git said no: only looking tells.
func TestACommitThatOnlySeemedToFail(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	gitHook(t, s.Repository, "post-commit", "kill -9 $PPID")
	if res := mustBring(t, s, on); !res.made {
		t.Errorf("got %+v", res)
	}
	mustState(t, s, StateOn)
}

func TestAHookThatChangesTheFileIsFoundOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	gitHook(t, s.Repository, "pre-commit", "git show HEAD:"+dataName+" | sed s/Nothing/Little/ >"+dataName+"; git add "+dataName)
	_, err := bring(t, s, on)
	refusedWith(t, err, "not as wanted after the commit", "hooks and filters")
}

func TestWhoCommits(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	gitIn(t, s.Repository, "config", "--unset", "user.name")
	gitIn(t, s.Repository, "config", "--unset", "user.email")
	_, err := bring(t, s, on)
	refusedWith(t, err, "does not know who commits", "config user.name")
	s.Author = "Example Ops"
	_, err = bring(t, s, on)
	refusedWith(t, err, "not of the form Name <mail>", "config user.name")
	s.Author = "Example Ops <ops@example.com>"
	mustBring(t, s, on)
	if who := gitIn(t, s.Repository, "log", "-1", "--format=%an <%ae>, %cn <%ce>"); who != "Example Ops <ops@example.com>, Example Ops <ops@example.com>" {
		t.Errorf("committed by %s", who)
	}
}

func TestRepositoriesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	empty := filepath.Join(t.TempDir(), "empty")
	gitIn(t, "", "init", "--quiet", empty)
	plain := t.TempDir()
	detached := newSite(t, "detached").Repository
	gitIn(t, detached, "checkout", "--quiet", "--detach")
	link := newSite(t, "link").Repository
	gitIn(t, link, "mv", dataName, "real.yml")
	if err := os.Symlink("../real.yml", filepath.Join(link, dataName)); err != nil {
		t.Fatal(err)
	}
	gitIn(t, link, "add", ".")
	gitIn(t, link, "commit", "--quiet", "-m", "Link")
	yes := true
	for name, c := range map[string]struct {
		site        Site
		words, next string
	}{
		"address":      {Site{Repository: "https://me:secret@example.com/www.git", Banner: dataName}, "clone https://example.com/www.git: there is no folder for it", ""},
		"missing":      {Site{Repository: filepath.Join(plain, "nowhere"), Banner: dataName}, "no such file", "clone the site"},
		"no git":       {Site{Repository: plain, Banner: dataName}, "not a git repository", "root of a git working tree"},
		"not the root": {Site{Repository: filepath.Join(s.Repository, "_data"), Banner: "banner_notification.yml"}, "is a folder of the repository", "name " + s.Repository},
		"no commit":    {Site{Repository: empty, Banner: dataName}, "no commit yet", "commit the site first"},
		"detached":     {Site{Repository: detached, Banner: dataName}, "not on a branch", "switch main"},
		"no file":      {Site{Repository: s.Repository, Banner: "_data/none.yml"}, "there is no file _data/none.yml", "three lines"},
		"symlink":      {Site{Repository: link, Banner: dataName}, "there is no file", "correct `banner`"},
		"outside":      {Site{Repository: s.Repository, Banner: "../banner.yml"}, "is not in the repository", "_data/banner_notification.yml"},
		"no remote":    {Site{Repository: s.Repository, Banner: dataName, Push: &yes}, "has no remote", "remote add origin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bring(t, c.site, on)
			refusedWith(t, err, c.words, c.next)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret is shown: %v", err)
			}
		})
	}
}

func TestAFolderThatLeadsOutOfTheRepository(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	outside := t.TempDir()
	put(t, outside, "banner_notification.yml", original)
	if err := os.RemoveAll(filepath.Join(s.Repository, "_data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.Repository, "_data")); err != nil {
		t.Fatal(err)
	}
	if _, err := bring(t, s, on); err == nil {
		t.Error("no error")
	}
	if got := get(t, outside, "banner_notification.yml"); got != original {
		t.Errorf("the file outside became %s", got)
	}
}

// As root, git runs as the folder's owner: the owner's hooks do not run as root, and the
// owner can still write to the repository afterwards.
func TestRootWorksAsTheOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can work as somebody else")
	}
	const owner = 65534
	s := newSite(t, "www")
	gitHook(t, s.Repository, "pre-commit", "id -u >who; id -G >>who")
	for dir := s.Repository; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	chown := func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	}
	if err := filepath.WalkDir(s.Repository, chown); err != nil {
		t.Fatal(err)
	}
	mustBring(t, s, on)
	if who := get(t, s.Repository, "who"); who != "65534\n65534\n" {
		t.Errorf("the hook ran as %q", who)
	}
	err := filepath.WalkDir(s.Repository, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if st, ok := info.Sys().(*syscall.Stat_t); err == nil && ok && st.Uid != owner {
			t.Errorf("%s belongs to %d", path, st.Uid)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnotherGitIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	lock := filepath.Join(s.Repository, ".git", "index.lock")
	put(t, s.Repository, ".git/index.lock", "")
	r, err := opened(t, s)
	if err != nil {
		t.Fatal(err)
	}
	var waited int
	r.waiting = func() {
		if waited++; waited == 2 {
			if err := os.Remove(lock); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := r.put(t.Context(), planned, on); err != nil || waited < 2 {
		t.Errorf("%v after %d waits", err, waited)
	}
}

func TestALockThatStaysIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	put(t, s.Repository, ".git/index.lock", "")
	r, err := opened(t, s)
	if err != nil {
		t.Fatal(err)
	}
	r.patience = 0
	_, err = r.put(t.Context(), planned, on)
	refusedWith(t, err, "index.lock", "remove the lock file that is named")
	if got := get(t, s.Repository, dataName); got != original {
		t.Errorf("left: %s", got)
	}
}
