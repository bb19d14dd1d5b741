package sites

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/run/runtest"
)

// plan is a banner on and off again, over its journal.
type plan struct {
	sites   []Site
	items   []run.Item
	journal *runtest.Journal
}

func always(b Banner) func(context.Context) (Banner, error) {
	return func(context.Context) (Banner, error) { return b, nil }
}

func newPlan(sites ...Site) *plan {
	return &plan{sites: sites, journal: &runtest.Journal{}, items: []run.Item{
		{Step: NewBannerStep("banner", sites, always(planned), true), Title: "Banner on", Until: "banner-2"},
		{Step: NewBannerStep("banner-2", sites, always(planned), false), Title: "Banner off"},
	}}
}

func (p *plan) run(ctx context.Context, items ...run.Item) error {
	r := &run.Runner{Journal: p.journal, Log: p.journal, Now: time.Now}
	return r.Run(ctx, "m", items)
}

func (p *plan) abort(ctx context.Context) error {
	r := &run.Runner{Journal: p.journal, Log: p.journal, Now: time.Now}
	return r.Abort(ctx, "m", p.items)
}

// record gives what the timeline says of banners, and the notes of the steps.
func (p *plan) record(t *testing.T) (said []maint.BannerChanged, notes []string) {
	t.Helper()
	entries, err := p.journal.History(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e := e.Event.(type) {
		case maint.BannerChanged:
			said = append(said, e)
		case maint.Noted:
			notes = append(notes, e.Text)
		}
	}
	return said, notes
}

func (p *plan) mustSay(t *testing.T, want ...maint.BannerChanged) {
	t.Helper()
	if said, _ := p.record(t); !slices.Equal(said, want) {
		t.Errorf("the record says %+v\nwant %+v", said, want)
	}
}

func (p *plan) mustNote(t *testing.T, words string) {
	t.Helper()
	if _, notes := p.record(t); !slices.ContainsFunc(notes, func(s string) bool { return strings.Contains(s, words) }) {
		t.Errorf("no note says %q: %q", words, notes)
	}
}

func saidOn(n int) maint.BannerChanged {
	return maint.BannerChanged{On: true, Sites: n, Of: n, Text: planned.Text}
}

func saidOff(n, of int) maint.BannerChanged {
	return maint.BannerChanged{Sites: n, Of: of, Text: "The notice is off our sites."}
}

func TestStepsSwitchAllSitesOnAndOff(t *testing.T) {
	t.Parallel()
	www, remote := newPushedSite(t, "www")
	docs := newSite(t, "docs")
	p := newPlan(www, docs)
	if err := p.run(t.Context(), p.items[0]); err != nil {
		t.Fatal(err)
	}
	mustState(t, www, StateOn)
	mustState(t, docs, StateOn)
	p.mustSay(t, saidOn(2))
	p.mustNote(t, fmt.Sprintf("www: the banner is on, commit %s, pushed to origin/main", gitIn(t, remote, "rev-parse", "main")[:8]))
	p.mustNote(t, fmt.Sprintf("docs: the banner is on, commit %s, not pushed", gitIn(t, docs.Repository, "rev-parse", "main")[:8]))
	if err := p.run(t.Context(), p.items...); err != nil {
		t.Fatal(err)
	}
	mustState(t, www, StateOff)
	mustState(t, docs, StateOff)
	p.mustSay(t, saidOn(2), saidOff(2, 2))
	if n := commits(t, remote) + commits(t, docs.Repository); n != 6 {
		t.Errorf("%d commits in both", n)
	}
}

func TestOneSiteDoesNotKeepTheOthersFromIt(t *testing.T) {
	t.Parallel()
	www, docs, blog := newSite(t, "www"), newSite(t, "docs"), newSite(t, "blog")
	put(t, docs.Repository, dataName, original+"# mine\n")
	p := newPlan(www, docs, blog)
	err := p.run(t.Context(), p.items...)
	refusedWith(t, err, "the banner could not be switched at 1 of 3 sites: docs: _data/banner_notification.yml", "git -C "+docs.Repository+" diff")
	mustState(t, www, StateOn)
	mustState(t, docs, StateOff)
	mustState(t, blog, StateOn)
	p.mustSay(t)
	p.mustNote(t, "docs: the banner could not be switched on")
	put(t, docs.Repository, dataName, original)
	if err := p.run(t.Context(), p.items[0]); err != nil {
		t.Fatal(err)
	}
	mustState(t, docs, StateOn)
	p.mustSay(t, saidOn(3))
	if n := commits(t, www.Repository); n != 2 {
		t.Errorf("%d commits at a site that was done before", n)
	}
}

// The run ends between two sites; the next one does the rest and nothing twice.
func TestACrashBetweenTwoSites(t *testing.T) {
	t.Parallel()
	first, second := newSite(t, "first"), newSite(t, "second")
	p := newPlan(first, second)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	stuck, free := filepath.Join(dir, "stuck"), filepath.Join(dir, "free")
	gitHook(t, second.Repository, "pre-commit", "touch "+stuck+"; while [ ! -e "+free+" ]; do sleep 0.02; done; exit 1")
	go func() {
		for ctx.Err() == nil {
			f, err := Observe(ctx, first, planned)
			if _, gone := os.Stat(stuck); err == nil && gone == nil && f.State == StateOn {
				cancel()
			}
		}
		_ = os.WriteFile(free, nil, 0o600) // else the hook waits until its deadline, and the test fails by that
	}()
	if err := p.run(ctx, p.items...); err == nil {
		t.Fatal("the run went on")
	}
	mustState(t, first, StateOn)
	mustState(t, second, StateOff)
	gitHook(t, second.Repository, "pre-commit", "exit 0")
	if err := p.run(t.Context(), p.items[0]); err != nil {
		t.Fatal(err)
	}
	mustState(t, second, StateOn)
	p.mustSay(t, saidOn(2))
	if n := commits(t, first.Repository); n != 2 {
		t.Errorf("%d commits at the first site", n)
	}
}

func TestAbortTakesTheBannerOffWhereTheStepPutIt(t *testing.T) {
	t.Parallel()
	www, docs, promo := newSite(t, "www"), newSite(t, "docs"), newSite(t, "promo")
	commitFile(t, promo.Repository, dataName, "enabled: true\ntext: Buy now\nurl: /buy\n")
	put(t, promo.Repository, dataName, "enabled: true\ntext: Buy later\nurl: /buy\n") // keeps lull out
	p := newPlan(www, docs, promo)
	if err := p.run(t.Context(), p.items[0]); err == nil {
		t.Fatal("no error")
	}
	commitFile(t, docs.Repository, dataName, mustEdit(t, original, Banner{Enabled: true, Text: "Running late"})) // by hand, after the step
	if err := p.abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustState(t, www, StateOff)
	mustState(t, docs, StateOff)
	mustState(t, promo, StateOther)
	p.mustSay(t, saidOff(2, 3))
}

func TestAbortCleansUpAHalfDoneFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	p := newPlan(s)
	gitHook(t, s.Repository, "pre-commit", "exit 1")
	if err := p.run(t.Context(), p.items[0]); err == nil {
		t.Fatal("no error")
	}
	put(t, s.Repository, dataName, mustEdit(t, original, planned))
	if err := p.abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status := gitIn(t, s.Repository, "status", "--porcelain"); status != "" {
		t.Errorf("left: %s", status)
	}
}

func TestSitesThatShareARepository(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	commitFile(t, s.Repository, "second.yml", original)
	commitFile(t, s.Repository, "third.yml", original)
	all := []Site{s, {Name: "second", Repository: s.Repository, Banner: "second.yml"}, {Name: "third", Repository: s.Repository + "/", Banner: "third.yml"}}
	p := newPlan(all...)
	if err := p.run(t.Context(), p.items[0]); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		mustState(t, s, StateOn)
	}
}

func TestABannerThatNoSiteShouldHave(t *testing.T) {
	t.Parallel()
	s := newSite(t, "www")
	step := NewBannerStep("banner", []Site{s}, always(Banner{Text: "x", URL: "javascript:alert(1)"}), true)
	p := newPlan(s)
	refusedWith(t, p.run(t.Context(), run.Item{Step: step}), "no web address", "https://")
	mustState(t, s, StateOff)
}

func TestNoSites(t *testing.T) {
	t.Parallel()
	p := newPlan()
	if err := p.run(t.Context(), p.items...); err != nil {
		t.Fatal(err)
	}
	p.mustSay(t)
	if err := p.abort(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A crash at any write of the step: one commit, one push, said once.
func TestCrashes(t *testing.T) {
	t.Parallel()
	runtest.Crashes(t, func(t *testing.T) runtest.Case {
		t.Helper()
		s, remote := newPushedSite(t, "www")
		p := newPlan(s)
		return runtest.Case{ID: "m", Items: p.items[:1], Journal: p.journal, Log: p.journal, Finished: func(t *testing.T) {
			t.Helper()
			mustState(t, s, StateOn)
			p.mustSay(t, saidOn(1))
			if n := commits(t, remote); n != 2 {
				t.Errorf("%d commits, want 2", n)
			}
		}}
	})
}

// An abort from any point, and a crash at any write of it: the banner is off.
func TestAborts(t *testing.T) {
	t.Parallel()
	runtest.Aborts(t, func(t *testing.T) runtest.Case {
		t.Helper()
		s := newSite(t, "www")
		p := newPlan(s)
		return runtest.Case{ID: "m", Items: p.items, Journal: p.journal, Log: p.journal, Undone: func(t *testing.T) {
			t.Helper()
			mustState(t, s, StateOff)
		}}
	})
}
