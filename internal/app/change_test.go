package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
)

// names are the posts that are on the page.
func names(t *testing.T, a *App) (out []string) {
	t.Helper()
	list, err := a.Changes(t.Context())
	check(t, err)
	for _, c := range list {
		out = append(out, c.Name)
	}
	return out
}

// unseen are the posts that nobody sees.
func unseen(t *testing.T, a *App) (out []string) {
	t.Helper()
	list, err := a.Drafts(t.Context())
	check(t, err)
	for _, c := range list {
		out = append(out, c.ID.Name())
	}
	return out
}

func TestPostsAppearAtTheirTime(t *testing.T) {
	t.Parallel()
	a, _ := appFor(t, "")
	a.now = at("2026-11-20 08:00")
	post := func(name, due string, draft bool) {
		t.Helper()
		w := say.Change{Name: name, Title: name, Text: "It is new.", Draft: draft}
		if due != "" {
			w.Date = at(due)()
		}
		_, err := a.PostChange(t.Context(), w)
		check(t, err)
	}
	post("later", "2026-11-20 09:00", false)
	post("held", "2026-11-20 09:00", true)
	post("dropped", "2026-11-20 09:00", false)
	post("old", "2020-01-01 00:00", false)
	post("now", "", false)
	if _, err := a.WithdrawChange(t.Context(), say.Change{Name: "dropped"}); err != nil {
		t.Fatal(err)
	}
	a.now = at("2026-11-20 08:59")
	check(t, a.publishDue(t.Context()))
	if got := names(t, a); !slices.Equal(got, []string{"now", "old"}) {
		t.Errorf("before its time: %v", got)
	}
	// No word of what waits is among what the public face is made of.
	entries, _, err := a.Timeline(t.Context(), 0, 100)
	check(t, err)
	for _, e := range entries {
		if e.Subject == maint.ChangeID("later") || e.Subject == maint.ChangeID("held") {
			t.Errorf("public: %+v", e)
		}
	}
	a.now = at("2026-11-20 09:00")
	check(t, a.publishDue(t.Context()))
	check(t, a.publishDue(t.Context()))
	if got := names(t, a); !slices.Equal(got, []string{"later", "now", "old"}) {
		t.Errorf("at its time: %v", got)
	}
	if got := unseen(t, a); !slices.Equal(got, []string{"held"}) {
		t.Errorf("drafts: %v", got)
	}
	if past, err := a.History(t.Context(), maint.ChangeID("later")); err != nil || len(past) != 2 {
		t.Errorf("%d entries, %v", len(past), err)
	}
	_, err = a.PublishChange(t.Context(), say.Change{Name: "held"})
	check(t, err)
	if got := names(t, a); !slices.Contains(got, "held") {
		t.Errorf("published by hand: %v", got)
	}
	if _, err := a.PublishChange(t.Context(), say.Change{Name: "none"}); !errors.Is(err, maint.ErrUnknownChange) {
		t.Errorf("of nothing: %v", err)
	}
}

// A completed maintenance drafts its post, for as long as it is completed and nobody has decided about it.
func TestCompletedMaintenancesDraftTheirPosts(t *testing.T) {
	t.Parallel()
	a, dir := appFor(t, "page: {languages: [en, de]}\n")
	plan := planFile(t, dir, "")
	a.now = at("2026-11-20 00:00")
	_, err := a.Schedule(t.Context(), plan)
	check(t, err)
	happens := func(when string, e maint.Event) {
		t.Helper()
		_, err := a.store.Append(t.Context(), "pg17", timeline.AnyVersion, timeline.Draft{At: at(when)(), Event: e})
		check(t, err)
	}
	happens("2026-12-05 04:00", maint.Started{Text: "Work has begun."})
	if got := unseen(t, a); got != nil {
		t.Errorf("while it goes on: %v", got)
	}
	happens("2026-12-05 05:12", maint.Completed{Text: "All is green."})
	if got := unseen(t, a); !slices.Equal(got, []string{"pg17"}) {
		t.Fatalf("drafts: %v", got)
	}
	file, err := a.PostFile(t.Context(), "pg17")
	check(t, err)
	const want = `---
title: "Database upgrade"
maintenance: "pg17"
---

We move our database to PostgreSQL 17.

## What changed for you

- We did the work Sat 5 December 2026, 17:00 to 18:12 Auckland time.
- Meanwhile: App (under maintenance).
`
	if string(file) != want {
		t.Errorf("the draft is\n%s", file)
	}
	if got := names(t, a); got != nil {
		t.Errorf("public already: %v", got)
	}
	happens("2026-12-05 06:00", maint.RolledBack{Text: "We are back."})
	if got := unseen(t, a); got != nil {
		t.Errorf("after it was taken back: %v", got)
	}
}

func TestDraftsOfMaintenancesAreDecidedOnce(t *testing.T) {
	t.Parallel()
	a, dir := appFor(t, "")
	a.now = at("2026-11-20 00:00")
	_, err := a.Schedule(t.Context(), planFile(t, dir, ""))
	check(t, err)
	for _, e := range []maint.Event{maint.Started{}, maint.Completed{}} {
		_, err := a.store.Append(t.Context(), "pg17", timeline.AnyVersion, timeline.Draft{At: at("2026-12-05 04:00")(), Event: e})
		check(t, err)
	}
	for range 2 {
		_, err = a.WithdrawChange(t.Context(), say.Change{Name: "pg17"})
		check(t, err)
	}
	if got := unseen(t, a); got != nil {
		t.Errorf("it comes back: %v", got)
	}
	_, err = a.PostChange(t.Context(), say.Change{Name: "pg17", Title: "PostgreSQL 17", Text: "It is faster.", Maintenance: "pg17"})
	check(t, err)
	if got := names(t, a); !slices.Equal(got, []string{"pg17"}) {
		t.Errorf("posts: %v", got)
	}
}

// png is the smallest beginning that tells what it is.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

func TestPicturesOfPosts(t *testing.T) {
	t.Parallel()
	a, dir := appFor(t, "")
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(file), 0o700))
		check(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	write("shots/a.png", png)
	write("evil.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	write("lying.png", "<script>alert(1)</script>")
	write("../outside.png", png)
	check(t, os.Symlink("../outside.png", filepath.Join(dir, "link.png")))
	front := "---\ntitle: Dark mode\n---\n"
	for name, want := range map[string]string{
		"evil.svg": "its bytes are", "lying.png": "its bytes are", "../outside.png": "not below the folder", "link.png": "escapes", "none.png": "no such file", "/etc/passwd": "not below the folder",
	} {
		if _, err := a.PostChangeFile(t.Context(), write("bad.md", front+"![x]("+name+")"), say.Terms{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := a.PostChangeFile(t.Context(), write("dark.md", front+"See ![it](shots/a.png) and ![that](https://x.example/b.png)."), say.Terms{})
	check(t, err)
	_, err = a.PostChangeFile(t.Context(), write("held.md", strings.Replace(front, "title", "draft: true\ntitle", 1)+"![it](own.gif)"), say.Terms{})
	if err == nil {
		t.Fatal("a picture that is not there was posted")
	}
	write("own.gif", "GIF89a")
	_, err = a.PostChangeFile(t.Context(), write("held.md", strings.Replace(front, "title", "draft: true\ntitle", 1)+"![it](own.gif)"), say.Terms{})
	check(t, err)
	s, err := a.server(nil, nil, nil)
	check(t, err)
	face(t, s, func(get func(string) (int, string, map[string][]string)) {
		list, err := a.Changes(t.Context())
		check(t, err)
		path := "/changes/pictures/" + list[0].Pictures["shots/a.png"]
		code, body, headers := get(path)
		if code != 200 || body != png || headers["Content-Type"][0] != "image/png" || !strings.Contains(headers["Content-Security-Policy"][0], "sandbox") || headers["X-Content-Type-Options"][0] != "nosniff" {
			t.Errorf("%d %q %v", code, body, headers)
		}
		if _, page, _ := get("/en/changes/dark"); !strings.Contains(page, `src="`+path+`"`) || !strings.Contains(page, "https://x.example/b.png") {
			t.Errorf("the page does not show it:\n%s", page)
		}
		if _, atom, _ := get("/changes.atom"); !strings.Contains(atom, a.Config.Server.URL+path) {
			t.Errorf("the feed does not show it:\n%s", atom)
		}
		drafts, err := a.Drafts(t.Context())
		check(t, err)
		if code, _, _ := get("/changes/pictures/" + drafts[0].Draft.Post.Pictures["own.gif"]); code != 404 {
			t.Errorf("the picture of a draft is there: %d", code)
		}
	})
}

func TestImportAndExportOfAChangeLog(t *testing.T) {
	t.Parallel()
	a, dir := appFor(t, "zone: Pacific/Auckland\n")
	a.now = at("2026-11-20 00:00")
	const log = `# Changelog

## [Unreleased]

### Added

- Dark mode

## [1.1.0] - 2026-11-01

### Fixed

- See [#12].

[#12]: https://x.example/12

## [1.0.0] - 2026-10-01 [YANKED]

### Added

- All of it
`
	file := filepath.Join(dir, "CHANGELOG.md")
	check(t, os.WriteFile(file, []byte(log), 0o600))
	n, err := a.ImportChanges(t.Context(), file)
	if err != nil || n != (Imported{Published: 2, Drafts: 1}) {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err := a.ImportChanges(t.Context(), file); err != nil || n != (Imported{Unchanged: 3}) {
		t.Errorf("again: %+v, %v", n, err)
	}
	if got := names(t, a); !slices.Equal(got, []string{"1-1-0", "1-0-0"}) {
		t.Errorf("posts: %v", got)
	}
	out, err := a.ExportChanges(t.Context(), true)
	check(t, err)
	_, want, _ := strings.Cut(log, "\n\n")
	if _, got, _ := strings.Cut(string(out), "1.1.0/).\n\n"); got != want {
		t.Errorf("exported:\n%s", out)
	}
	public, err := a.ExportChanges(t.Context(), false)
	check(t, err)
	if strings.Contains(string(public), "Dark mode") {
		t.Errorf("a draft is exported:\n%s", public)
	}
	check(t, os.WriteFile(file, []byte("## [a b] - 2026-01-01\nx\n## [a-b] - 2026-01-02\ny"), 0o600))
	if _, err := a.ImportChanges(t.Context(), file); err == nil || !strings.Contains(err.Error(), `two releases are called "a-b"`) {
		t.Errorf("two of a name: %v", err)
	}
}
