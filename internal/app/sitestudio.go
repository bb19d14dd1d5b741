package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites"
	"github.com/lullhq/lull/internal/sites/generator"
	"github.com/lullhq/lull/internal/sites/include"
	"github.com/lullhq/lull/internal/sites/preview"
)

// kindOf is what builds a folder: as lull.yaml says, or as its files do.
func kindOf(named, dir string) (generator.Kind, error) {
	if named != "" {
		return generator.Kind(named), nil
	}
	return generator.Find(os.DirFS(dir))
}

// Included is what lull sites init has written, and what is left to a person.
type Included struct {
	Site    string   `json:"site"`
	Kind    string   `json:"generator"`
	Written []string `json:"written"` // files, from the root
	Kept    []string `json:"kept"`    // that were there
	Put     string   `json:"put"`     // the line for the layout
	Where   string   `json:"where"`
}

// InitSite writes the include and the data file of a site, or of its theme. What is there is left as it is.
func (a *App) InitSite(name string) (Included, error) {
	s, ok := a.Config.Sites[name]
	if !ok {
		return Included{}, hint.Errorf("lull sites list", "there is no site %q", name)
	}
	dir, data := s.Repository, s.Banner
	if s.Theme != "" {
		dir, data = a.Config.Themes[s.Theme].Repository, a.Config.Themes[s.Theme].Banner
	}
	script := a.Config.Server.URL + "/banner.js"
	if s.Snippet || s.Hook != nil {
		set, err := include.For(generator.Plain, "", false, script)
		return Included{Site: name, Kind: string(generator.Plain), Put: set.Put, Where: set.Where}, err
	}
	dir, err := preview.Source(dir)
	if err != nil {
		return Included{}, err
	}
	kind, err := kindOf(s.Generator, cmp.Or(s.Repository, dir))
	if err != nil {
		return Included{}, err
	}
	njk, _ := filepath.Glob(filepath.Join(dir, "_includes", "*.njk")) // the pattern is right
	set, err := include.For(kind, data, len(njk) > 0, script)
	if err != nil {
		return Included{}, err
	}
	out := Included{Site: name, Kind: string(kind), Put: set.Put, Where: set.Where}
	for _, f := range set.Files {
		made, err := writeNew(dir, f)
		if err != nil {
			return out, fmt.Errorf("write %s: %w", f.Path, err)
		}
		if made {
			out.Written = append(out.Written, f.Path)
		} else {
			out.Kept = append(out.Kept, f.Path)
		}
	}
	return out, nil
}

// writeNew writes a file that is not there, and nowhere but in the folder.
func writeNew(dir string, f include.File) (made bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return false, err
	}
	file, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = file.Write(f.Content)
	return true, errors.Join(err, file.Close())
}

// PreviewOptions say where the preview is served, and who is told of builds.
type PreviewOptions struct {
	Port  int
	Only  []string
	Ready func(address string)
	Told  func(preview.Build)
}

// PreviewSites builds the sites that are folders on this machine, and shows them until ctx ends.
func (a *App) PreviewSites(ctx context.Context, planFile string, o PreviewOptions) error {
	b := sites.Banner{
		Enabled: true, Text: "Maintenance is planned: this is how the banner looks", URL: a.Config.Server.URL, ID: "preview", Severity: severity,
	}
	if planFile != "" {
		p, m, err := a.plan(ctx, planFile)
		if err != nil {
			return err
		}
		b = a.banner(p, lateUntil(m))
	}
	list, themes, err := a.sources(o.Only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lull-preview-")
	if err != nil {
		return fmt.Errorf("make a folder for the preview: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p, err := preview.New(preview.Options{Sites: list, Themes: themes, Banner: b, Dir: dir, Told: o.Told})
	if err != nil {
		return hint.Or(err, "name the folders of clones as `repository` in lull.yaml")
	}
	return p.Run(ctx, o.Port, o.Ready)
}

// sources are the folders to build. A site that is none is left out, unless it was asked for.
func (a *App) sources(only []string) (list []preview.Site, themes []preview.Theme, err error) {
	chosen, err := a.chosen(only)
	if err != nil {
		return nil, nil, err
	}
	used := map[string]bool{}
	for _, x := range chosen {
		s := a.Config.Sites[x.Name]
		dir, err := preview.Source(s.Repository)
		if err != nil {
			if len(only) > 0 {
				return nil, nil, fmt.Errorf("site %s: %w", x.Name, err)
			}
			continue
		}
		p := preview.Site{Name: x.Name, Dir: dir, Banner: s.Banner}
		if p.Kind, err = kindOf(s.Generator, dir); err != nil {
			return nil, nil, fmt.Errorf("site %s: %w", x.Name, err)
		}
		if s.Theme != "" {
			if err := a.withTheme(&p, a.Config.Themes[s.Theme], dir); err != nil {
				return nil, nil, fmt.Errorf("site %s: %w", x.Name, err)
			}
			used[s.Theme] = true
		}
		list = append(list, p)
	}
	for name := range used {
		t := a.Config.Themes[name]
		themes = append(themes, preview.Theme{Name: name, Dir: t.Repository, Banner: t.Banner})
	}
	slices.SortFunc(themes, func(x, y preview.Theme) int { return strings.Compare(x.Name, y.Name) })
	return list, themes, nil
}

// withTheme says how the site comes to the theme's working folder instead of the commit that it is published with.
func (a *App) withTheme(p *preview.Site, t config.Theme, dir string) error {
	source, err := preview.Source(t.Repository)
	if err != nil {
		return fmt.Errorf("theme %s: %w", t.ID, err)
	}
	p.Theme = t.ID
	at, module, err := sites.ThemeIn(dir, source)
	p.ThemeAt, p.ThemeName = at, module
	return err
}
