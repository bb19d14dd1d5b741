package sites

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/sites/pin"
)

// childVariable makes of the test's program one that switches the banner on, at the sites on its standard input.
const childVariable = "LULL_TEST_SITES_CHILD"

func child() int {
	var all []Site
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := Publish(context.Background(), all, planned, true, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Lull is killed with kill -9 when the theme and one site are done, and the commit of another site is under way. The
// git that it had started goes on without it. The same command does the rest, and nothing twice.
func TestAKillBetweenTwoSites(t *testing.T) {
	t.Parallel()
	th, themeRemote := newTheme(t)
	first, firstRemote := newPinnedSite(t, "first", pin.Gemfile, th, themeRemote)
	second, secondRemote := newPushedSite(t, "second")
	third, thirdRemote := newPinnedSite(t, "third", pin.Gemfile, th, themeRemote)
	dir := t.TempDir()
	stuck, free := filepath.Join(dir, "stuck"), filepath.Join(dir, "free")
	for _, s := range []Site{second, third} {
		gitHook(t, s.Repository, "pre-commit", "touch "+stuck+"; while [ ! -e "+free+" ]; do sleep 0.05; done")
	}
	all := []Site{first, second, third}
	in, err := json.Marshal(all) //nolint:staticcheck // none of them has a forge, whose token is a function
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stdin = append(os.Environ(), childVariable+"=1"), bytes.NewReader(in)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, at := os.Stat(stuck)
		if f, err := Observe(t.Context(), first, planned); err == nil && at == nil && f.State == StateOn {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it never came that far")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	put(t, dir, "free", "")
	out, err := Publish(t.Context(), all, planned, on, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Made {
		t.Errorf("what was done is done again: %s", out[0].Words)
	}
	for remote, want := range map[string]int{themeRemote: 3, firstRemote: 3, secondRemote: 2, thirdRemote: 3} {
		if n := commits(t, remote); n != want {
			t.Errorf("%s has %d commits, want %d", filepath.Base(remote), n, want)
		}
	}
	for _, s := range all {
		mustState(t, s, StateOn)
		if status := gitIn(t, s.Repository, "status", "--porcelain"); status != "" {
			t.Errorf("%s: left %s", s.Name, status)
		}
	}
}

// What a killed run had written into a lock file is taken back by an abort; what somebody else has written there is not.
func TestAHalfMovedPinIsTakenBack(t *testing.T) {
	t.Parallel()
	th, themeRemote := newTheme(t)
	moved, _ := newPinnedSite(t, "moved", pin.Gemfile, th, themeRemote)
	other, _ := newPinnedSite(t, "other", pin.Gemfile, th, themeRemote)
	was := gitIn(t, themeRemote, "rev-parse", "main")
	if _, err := switchAll(t, on, other); err != nil {
		t.Fatal(err)
	}
	lock, err := os.ReadFile(filepath.Join(moved.Repository, pin.Gemfile))
	if err != nil {
		t.Fatal(err)
	}
	half := strings.ReplaceAll(string(lock), was, gitIn(t, themeRemote, "rev-parse", "main"))
	for name, c := range map[string]struct {
		text string
		ours bool
	}{"ours": {half, true}, "more than ours": {half + "\n# mine\n", false}, "nothing": {string(lock), false}, "no pin": {"GEM\n", false}} {
		put(t, moved.Repository, pin.Gemfile, c.text)
		f := newFleet([]Site{moved})
		var begun bool
		err := f.with(t.Context(), moved, func(c carrier) (err error) {
			if begun, err = c.begun(t.Context(), planned); err != nil {
				return err
			}
			return c.drop(t.Context(), planned)
		})
		f.close()
		if err != nil || begun != c.ours {
			t.Errorf("%s: begun is %v: %v", name, begun, err)
		}
		want := c.text
		if c.ours {
			want = string(lock)
		}
		if is, err := os.ReadFile(filepath.Join(moved.Repository, pin.Gemfile)); err != nil || string(is) != want {
			t.Errorf("%s: left is %q: %v", name, is, err)
		}
	}
}
