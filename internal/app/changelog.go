package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/changelog"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

const (
	biggestLog   = 8 << 20 // bytes of a change log's file
	yanked       = "Yanked"
	mostLabels   = 10
	longestName  = 64
	longestLabel = 40
)

// Imported counts what became of the releases of a file.
type Imported struct {
	Published int `json:"published"`
	Drafts    int `json:"drafts"` // without a date, or with one that is to come
	Unchanged int `json:"unchanged"`
	Empty     int `json:"empty"` // nothing is said in them
}

// ImportChanges makes posts of the releases of a keepachangelog file. The same file again changes nothing. All are looked at
// before one is published.
func (a *App) ImportChanges(ctx context.Context, file string) (Imported, error) {
	data, err := readLog(file)
	if err != nil {
		return Imported{}, err
	}
	releases := changelog.Parse(data)
	if len(releases) == 0 {
		return Imported{}, hint.Errorf("write each release below a heading such as: ## [1.2.0] - 2026-11-25", "%s has no release in it", file)
	}
	posts, empty, err := a.posts(releases)
	if err != nil {
		return Imported{}, err
	}
	out := Imported{Empty: empty}
	for _, w := range slices.Backward(posts) { // the oldest is the first to be published
		s, err := a.PostChange(ctx, w)
		if err != nil {
			return out, fmt.Errorf("post %s: %w", w.Name, err)
		}
		switch {
		case len(s.Entries) == 0:
			out.Unchanged++
		case s.Entries[0].Event.Kind() == maint.ChangeDrafted{}.Kind():
			out.Drafts++
		default:
			out.Published++
		}
	}
	return out, nil
}

func readLog(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, hint.Wrap(err, "name the file, or go to its folder first")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, biggestLog+1))
	if err == nil && len(data) > biggestLog {
		err = hint.Errorf("cut it into parts", "%s is larger than %d MB", file, biggestLog>>20)
	}
	return data, err
}

// posts are what the releases become.
func (a *App) posts(releases []changelog.Release) (out []say.Change, empty int, err error) {
	names := map[string]bool{}
	for _, r := range releases {
		if strings.TrimSpace(r.Text) == "" {
			empty++
			continue
		}
		w := say.Change{Name: slug(r.Version), Title: r.Version, Text: r.Text, Labels: labels(r), Draft: r.Date.IsZero()}
		if !r.Date.IsZero() {
			w.Date = time.Date(r.Date.Year(), r.Date.Month(), r.Date.Day(), 0, 0, 0, 0, a.zone())
		}
		if !r.Valid() || w.Name == "" {
			return nil, 0, hint.Errorf("give each release a short name with letters or digits in it", "release %q has no name for an address", r.Version)
		}
		if names[w.Name] {
			return nil, 0, hint.Errorf("give each release a name of its own", "two releases are called %q", w.Name)
		}
		names[w.Name] = true
		out = append(out, w)
	}
	return out, empty, nil
}

func labels(r changelog.Release) (out []string) {
	for _, l := range r.Labels() {
		if len(l) <= longestLabel && len(out) < mostLabels && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if r.Yanked {
		out = append(out, yanked)
	}
	return out
}

// slug is a version as an address can have it: "v1.2.0" is v1-2-0.
func slug(version string) string {
	parts := strings.FieldsFunc(strings.ToLower(version), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	name := strings.Join(parts, "-")
	return strings.Trim(name[:min(len(name), longestName)], "-")
}

// ExportChanges writes the posts that are on the page as a keepachangelog file, newest first; with the drafts, which have no date, if
// they are wanted.
func (a *App) ExportChanges(ctx context.Context, drafts bool) ([]byte, error) {
	var out []changelog.Release
	if drafts {
		list, err := a.Drafts(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			out = append(out, changelog.Release{Version: c.Draft.Post.Title, Text: c.Draft.Post.Text})
		}
	}
	posts, err := a.Changes(ctx)
	for _, c := range posts {
		out = append(out, changelog.Release{Version: c.Title, Date: c.Posted, Text: c.Text, Yanked: slices.Contains(c.Labels, yanked)})
	}
	return changelog.Write(out), err
}

// PostFile is a post as its file would be: front matter, and below it the words. A draft comes before what is on the page.
func (a *App) PostFile(ctx context.Context, name string) ([]byte, error) {
	c, err := a.Change(ctx, name)
	if errors.Is(err, maint.ErrUnknownChange) {
		return nil, hint.Wrap(err, "lull change list")
	}
	if err != nil {
		return nil, err
	}
	return c.File(a.zone()), nil
}
