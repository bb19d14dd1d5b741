package sites

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/lullhq/lull/internal/golden"
)

func remoteFile(t *testing.T, remote string) string {
	t.Helper()
	return gitIn(t, remote, "show", "main:"+dataName) + "\n"
}

func TestAPushIsSeenOnTheRemote(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	mustBring(t, s, on)
	if got := remoteFile(t, remote); got != mustEdit(t, original, planned) {
		t.Errorf("the remote has %s", got)
	}
	if f := mustState(t, s, StateOn); f.Place != "origin/main" || !reflect.DeepEqual(f.Banner, planned) {
		t.Errorf("got %+v", f)
	}
	if out := gitIn(t, s.Repository, "status", "--short", "--branch"); out != "## main...origin/main" {
		t.Errorf("the branch is %s", out)
	}
}

func TestPushFalseStaysLocal(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	no := false
	s.Push = &no
	mustBring(t, s, on)
	if f := mustState(t, s, StateOn); f.Place != "main" {
		t.Errorf("got %+v", f)
	}
	if n := commits(t, remote); n != 1 {
		t.Errorf("%d commits on the remote", n)
	}
}

// A branch without an upstream goes to the branch of its name on origin.
func TestABranchWithoutAnUpstream(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	gitIn(t, s.Repository, "branch", "--unset-upstream")
	gitIn(t, s.Repository, "remote", "add", "backup", "file:///nonexistent")
	mustBring(t, s, on)
	if n := commits(t, remote); n != 2 {
		t.Errorf("%d commits on the remote", n)
	}
	gitIn(t, s.Repository, "switch", "--quiet", "--create", "draft")
	_, err := bring(t, s, off)
	refusedWith(t, err, "there is no origin/draft yet", "push -u origin draft")
}

// Somebody pushes between lull's look and lull's push, three times in a row.
func TestARejectedPushGoesOnFromTheirs(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	other := colleague(t, remote)
	put(t, s.Repository, "staged.md", "staged\n")
	gitIn(t, s.Repository, "add", "staged.md")
	put(t, s.Repository, "index.md", "# Work in progress\n")
	// pre-push runs before git talks to the remote: there the colleague is quicker.
	gitHook(t, s.Repository, "pre-push", `n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n >n
[ $n -gt 3 ] && exit 0
cd `+other+`; unset $(git rev-parse --local-env-vars)
git pull --quiet --rebase; echo $n >theirs; git add theirs; git commit --quiet -m "Theirs $n"; git push --quiet`)
	put(t, s.Repository, ".git/info/exclude", "n\n")
	mustBring(t, s, on)
	want := "Switch the maintenance banner on\nTheirs 3\nTheirs 2\nTheirs 1\nBegin"
	if got := gitIn(t, remote, "log", "--format=%s", "main"); got != want {
		t.Errorf("the remote has\n%s", got)
	}
	golden.Equal(t, "on.diff", blobIDs.ReplaceAllString(diff(t, s.Repository), ""))
	if got := gitIn(t, s.Repository, "status", "--porcelain"); got != " M index.md\nA  staged.md" {
		t.Errorf("left\n%s", got)
	}
	if get(t, s.Repository, "n") != "4\n" {
		t.Error("it was not rejected three times")
	}
}

// They changed the very file: the edit is made anew on theirs.
func TestARejectedPushOverTheSameFile(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	mustBring(t, Site{Name: s.Name, Repository: s.Repository, Banner: s.Banner, Push: new(bool)}, on) // not pushed
	other := colleague(t, remote)
	theirs := "# new head\n" + strings.Replace(original, "Nothing is planned", "'Quiet'", 1)
	commitFile(t, other, dataName, theirs)
	gitIn(t, other, "push", "--quiet")
	mustBring(t, s, on)
	if got, want := remoteFile(t, remote), mustEdit(t, theirs, planned); got != want {
		t.Errorf("the remote has\n%s\nwant\n%s", got, want)
	}
	if n := commits(t, s.Repository); n != 3 {
		t.Errorf("%d commits", n)
	}
}

// Many sites' clones of one remote, all at once: every push but one is rejected, and all arrive.
func TestPushesAtTheSameTime(t *testing.T) {
	t.Parallel()
	_, remote := newPushedSite(t, "www")
	clones := make([]Site, 4)
	for i := range clones {
		dir := colleague(t, remote)
		name := fmt.Sprintf("banner%d.yml", i)
		commitFile(t, dir, name, original)
		gitIn(t, dir, "pull", "--quiet", "--rebase")
		gitIn(t, dir, "push", "--quiet")
		clones[i] = Site{Name: name, Repository: dir, Banner: name}
	}
	errs := make([]error, len(clones))
	var wg sync.WaitGroup
	for i, s := range clones {
		wg.Go(func() {
			_, errs[i] = Publish(t.Context(), []Site{s}, planned, on, nil)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", clones[i].Name, err)
		}
	}
	for _, s := range clones {
		mustState(t, s, StateOn)
	}
	if n := commits(t, remote); n != 1+2*len(clones) {
		t.Errorf("%d commits", n)
	}
}

func TestUnpublishedCommitsOfOthersAreNotPublished(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"another file": "draft.md", "the same file": dataName} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, remote := newPushedSite(t, "www")
			commitFile(t, s.Repository, file, original+"# mine\n")
			_, err := bring(t, s, on)
			refusedWith(t, err, "a push would publish them", "set `push: false`")
			if n := commits(t, remote) + commits(t, s.Repository); n != 3 {
				t.Errorf("%d commits in both", n)
			}
		})
	}
}

func TestBehindTheRemoteWithOtherChanges(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	other := colleague(t, remote)
	commitFile(t, other, "index.md", "# Theirs\n")
	gitIn(t, other, "push", "--quiet")
	put(t, s.Repository, "index.md", "# Mine\n")
	_, err := bring(t, s, on)
	refusedWith(t, err, "would be overwritten", "commit or stash your changes")
	put(t, s.Repository, "index.md", "# Hello\n")
	mustBring(t, s, on)
	mustState(t, s, StateOn)
}

func TestARemoteThatRefuses(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	gitHook(t, remote, "pre-receive", "echo 'main is frozen' >&2; exit 1")
	_, err := bring(t, s, on)
	refusedWith(t, err, "main is frozen", "push origin main")
	mustState(t, s, StateOff)
	if err := os.Remove(filepath.Join(remote, "hooks", "pre-receive")); err != nil {
		t.Fatal(err)
	}
	if res := mustBring(t, s, on); res.made {
		t.Error("committed a second time")
	}
	mustState(t, s, StateOn)
}

// The remote takes the push, and the answer is lost: only looking tells.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	gitHook(t, remote, "post-update", "kill -9 $PPID")
	mustBring(t, s, on)
	mustState(t, s, StateOn)
	if n := commits(t, remote); n != 2 {
		t.Errorf("%d commits on the remote", n)
	}
}

func TestARemoteThatIsAway(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	if err := os.Rename(remote, remote+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := bring(t, s, on); err == nil {
		t.Error("no error")
	}
	if n := commits(t, s.Repository); n != 1 {
		t.Errorf("%d commits", n)
	}
}

func TestTheEnvironmentOfAHookDoesNotLeadAstray(t *testing.T) {
	t.Parallel()
	got := environment([]string{"PATH=/bin", "GIT_DIR=/elsewhere", "GIT_INDEX_FILE=x", "GIT_SSH_COMMAND=ssh -i key"})
	if joined := strings.Join(got, " "); strings.Contains(joined, "elsewhere") || strings.Contains(joined, "INDEX") ||
		!strings.Contains(joined, "ssh -i key") || !strings.Contains(joined, "GIT_TERMINAL_PROMPT=0") {
		t.Errorf("got %s", joined)
	}
}
