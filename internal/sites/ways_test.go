package sites

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/run/runtest"
	"github.com/lullhq/lull/internal/sites/datafile"
	"github.com/lullhq/lull/internal/sites/forge"
	"github.com/lullhq/lull/internal/sites/live"
	"github.com/lullhq/lull/internal/sites/pin"
)

// gitea keeps requests that are open, by head.
func gitea(t *testing.T) (srv *httptest.Server, open map[string]bool) {
	t.Helper()
	open = map[string]bool{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/acme/www/pulls/main/{head}", func(w http.ResponseWriter, r *http.Request) {
		if !open[r.PathValue("head")] {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"number": 7, "html_url": "https://git.example/7", "state": "open"}`)
	})
	mux.HandleFunc("POST /repos/acme/www/pulls", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Head string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || open[body.Head] {
			w.WriteHeader(http.StatusConflict)
			return
		}
		open[body.Head] = true
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"number": 7, "html_url": "https://git.example/7", "state": "open"}`)
	})
	mux.HandleFunc("PATCH /repos/acme/www/pulls/7", func(w http.ResponseWriter, _ *http.Request) {
		for head := range open {
			delete(open, head)
		}
		w.WriteHeader(http.StatusCreated)
	})
	srv = httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv, open
}

// A change is proposed on a branch of its own; the branch that is published, and the person's folder, stay as they are
// until somebody merges it.
func TestAChangeIsProposed(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	srv, open := gitea(t)
	s.Clone, s.Author = filepath.Join(t.TempDir(), "clone"), "Ops <ops@example.com>"
	s.Pull = &Pull{Forge: forge.Forge{Kind: forge.Gitea, API: srv.URL, Project: "acme/www", Client: srv.Client(), Token: func() (string, error) { return "t", nil }}}
	b := planned
	b.ID = "pg17"
	put := func(to bool, made bool) {
		t.Helper()
		out, err := Publish(t.Context(), []Site{s}, b, to, nil)
		if err != nil || out[0].Made != made {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	put(on, true)
	put(on, false)
	if !open["lull/banner-on-pg17"] || commits(t, remote) != 1 {
		t.Errorf("open are %v", open)
	}
	if f, err := Observe(t.Context(), s, b); err != nil || f.State != StateOn || f.Proposed != "lull/banner-on-pg17" {
		t.Errorf("%+v, %v", f, err)
	}
	if status := gitIn(t, s.Repository, "status", "--porcelain", "--branch"); status != "## main...origin/main" {
		t.Errorf("the folder is %s", status)
	}
	gitIn(t, remote, "update-ref", "refs/heads/main", "refs/heads/lull/banner-on-pg17") // merged
	put(on, false)
	if out := gitIn(t, remote, "branch", "--list", "lull/*"); out != "" || len(open) != 0 {
		t.Errorf("merged, and there still are %q and %v", out, open)
	}
	put(off, true)
	if !open["lull/banner-off-pg17"] {
		t.Errorf("open are %v", open)
	}
	put(on, false) // never mind: what asks for the contrary goes
	if out := gitIn(t, remote, "branch", "--list", "lull/*"); out != "" || len(open) != 0 {
		t.Errorf("there still are %q and %v", out, open)
	}
}

func TestCommandsOfTheOperators(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := Site{Name: "shop", Hook: &Hook{
		On: []string{"sh", "-c", "cat >banner; echo x >>count"}, Off: []string{"sh", "-c", "rm banner; echo x >>count"},
		State: []string{"sh", "-c", "cat >asked; if cmp -s asked banner; then echo on; elif [ -e banner ]; then echo other; else echo off; fi"}, Dir: dir, Within: 3 * time.Minute,
	}}
	b := planned
	b.ID, b.EndsAt, b.Texts = "pg17", time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC), map[string]string{"de": "Geplant"}
	for n, to := range []bool{on, on, off, off} {
		out, err := Publish(t.Context(), []Site{s}, b, to, nil)
		if err != nil || out[0].Made != (n%2 == 0) {
			t.Fatalf("%d: %+v, %v", n, out, err)
		}
		if to {
			want := `{"site":"shop","enabled":true,"text":"Scheduled maintenance on 5 December","url":"https://example.com/plan","id":"pg17","starts_at":null,"ends_at":"2026-12-05T06:00:00Z","severity":"","locale":{"de":"Geplant"}}` + "\n"
			if got := get(t, dir, "banner"); got != want {
				t.Errorf("got %s", got)
			}
		}
	}
	if n := strings.Count(get(t, dir, "count"), "x"); n != 2 {
		t.Errorf("%d commands", n)
	}
	s.Hook.On = []string{"true"}
	_, err := Publish(t.Context(), []Site{s}, b, on, nil)
	refusedWith(t, err, "the command `on` ended well, and the site is off", "let the command `state` print on")
	s.Hook.On = []string{"sh", "-c", "echo no host >&2; exit 3"}
	_, err = Publish(t.Context(), []Site{s}, b, on, nil)
	refusedWith(t, err, "no host", "try it by hand")
}

func TestTheScheduleOfCloudCannon(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	s.Schedule = "_schedule.txt"
	commitFile(t, s.Repository, "_schedule.txt", "2026-01-01T00:00:00Z,Mine,_posts/a.md\r\n")
	gitIn(t, s.Repository, "push", "--quiet")
	b := planned
	b.StartsAt, b.EndsAt = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC), time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC)
	for _, want := range []string{
		"2026-01-01T00:00:00Z,Mine,_posts/a.md\r\n2026-12-05T04:00:00Z,Lull banner on," + dataName + "\r\n2026-12-05T06:00:00Z,Lull banner off," + dataName + "\r\n",
		"2026-01-01T00:00:00Z,Mine,_posts/a.md\r\n2026-12-05T06:00:00Z,Lull banner off," + dataName + "\r\n",
	} {
		if _, err := Publish(t.Context(), []Site{s}, b, on, nil); err != nil {
			t.Fatal(err)
		}
		if got := gitIn(t, remote, "show", "main:_schedule.txt") + "\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if f, err := Observe(t.Context(), s, b); err != nil || f.State != StateOn {
			t.Errorf("%+v, %v", f, err)
		}
		b.StartsAt = time.Time{}
	}
	if _, err := Publish(t.Context(), []Site{s}, b, off, nil); err != nil {
		t.Fatal(err)
	}
	if got := gitIn(t, remote, "show", "main:_schedule.txt") + "\n"; got != "2026-01-01T00:00:00Z,Mine,_posts/a.md\r\n" {
		t.Errorf("got %q", got)
	}
}

// A site that has no schedule gets one, in the same commit.
func TestANewFileIsCommittedAlong(t *testing.T) {
	t.Parallel()
	s, remote := newPushedSite(t, "www")
	s.Schedule = "static/_schedule.txt"
	b := planned
	b.EndsAt = time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC)
	if _, err := Publish(t.Context(), []Site{s}, b, on, nil); err != nil {
		t.Fatal(err)
	}
	if files := gitIn(t, remote, "show", "--format=", "--name-only", "main"); files != dataName+"\nstatic/_schedule.txt" {
		t.Errorf("the commit holds %s", files)
	}
	if status := gitIn(t, s.Repository, "status", "--porcelain"); status != "" {
		t.Errorf("left %s", status)
	}
}

// published serves a site as its host does: what the remote has.
func published(t *testing.T, remote string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		b, err := datafile.Read(dataName, []byte(gitIn(t, remote, "show", "main:"+dataName)))
		if err == nil && b.Enabled {
			fmt.Fprintf(w, "<body><p>%s</p>", b.Text)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

// The step waits where it is told to, and what it saw is a fact with its figures; a site that never shows it stops nothing.
func TestTheStepSeesItLive(t *testing.T) {
	t.Parallel()
	www, remote := newPushedSite(t, "www")
	docs, _ := newPushedSite(t, "docs")
	_, elsewhere := newPushedSite(t, "elsewhere")
	www.URL, www.LiveWithin = published(t, remote), 3*time.Minute
	docs.URL, docs.LiveWithin = published(t, elsewhere), time.Millisecond
	p := newPlan(www, docs)
	for _, x := range p.items {
		x.Step.(*BannerStep).Watching(&live.Checker{Client: http.DefaultClient})
	}
	if err := p.run(t.Context(), p.items[0]); err != nil {
		t.Fatal(err)
	}
	p.mustNote(t, "The banner is live on 1 of 2 sites, 1 of 2 pages; not all of docs.")
	if err := p.run(t.Context(), p.items...); err != nil {
		t.Fatal(err)
	}
	p.mustNote(t, "The banner is gone from 2 of 2 sites, 2 of 2 pages, ")
	_, notes := p.record(t)
	if n := len(notes) - len(slices.Compact(slices.Sorted(slices.Values(notes)))); n != 0 {
		t.Errorf("%d notes are there twice: %q", n, notes)
	}
}

// A crash at any write of the step, with a theme and two sites: the theme is switched once, and each site moved once.
func TestCrashesWithATheme(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each crash is a run of its own with a dozen gits: left to the long form")
	}
	runtest.Crashes(t, func(t *testing.T) runtest.Case {
		t.Helper()
		th, themeRemote := newTheme(t)
		a, aRemote := newPinnedSite(t, "a", pin.Gemfile, th, themeRemote)
		b, bRemote := newPinnedSite(t, "b", pin.Submodule, th, themeRemote)
		p := newPlan(a, b)
		return runtest.Case{ID: "m", Items: p.items[:1], Journal: p.journal, Log: p.journal, Finished: func(t *testing.T) {
			t.Helper()
			mustState(t, a, StateOn)
			mustState(t, b, StateOn)
			p.mustSay(t, saidOn(2))
			for name, remote := range map[string]string{"theme": themeRemote, "a": aRemote, "b": bRemote} {
				if n := commits(t, remote); n != 3 {
					t.Errorf("%s has %d commits", name, n)
				}
			}
		}}
	})
}

func TestAFolderOnAnotherBranch(t *testing.T) {
	t.Parallel()
	s, _ := newPushedSite(t, "www")
	gitIn(t, s.Repository, "switch", "--quiet", "--create", "draft")
	s.Branch = "main"
	_, err := Publish(t.Context(), []Site{s}, planned, on, nil)
	refusedWith(t, err, "is on the branch draft, and the site is published from main", "switch main")
}

func TestObjectsThatAreNotThere(t *testing.T) {
	t.Parallel()
	s, _ := newPushedSite(t, "www")
	d, err := opened(t, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"HEAD:nothing", "0123456789012345678901234567890123456789", "nothing at all", "HEAD:" + filepath.Dir(dataName) + "/x y"} {
		if _, _, _, err := d.objects.object(t.Context(), name); err == nil {
			t.Errorf("%q is there", name)
		}
	}
	if _, _, _, err := d.objects.object(t.Context(), "a\nb"); err == nil {
		t.Error("a line break was taken")
	}
	if err := os.Remove(filepath.Join(s.Repository, "index.md")); err != nil {
		t.Fatal(err)
	}
	if _, kind, _, err := d.objects.object(t.Context(), "HEAD:index.md"); err != nil || kind != "blob" { // the process lives on
		t.Errorf("%s, %v", kind, err)
	}
}
