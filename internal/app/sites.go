package app

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/sites"
	"github.com/lullhq/lull/internal/sites/forge"
	"github.com/lullhq/lull/internal/sites/live"
)

// sites are all sites of lull.yaml, by name.
func (a *App) sites() []sites.Site {
	guard := a.guard()
	themes := map[string]*sites.Theme{}
	for name, t := range a.Config.Themes {
		themes[name] = &sites.Theme{
			Name: name, Repository: t.Repository, Clone: a.clone("theme-" + name), Branch: t.Branch, Banner: t.Banner, Author: a.Config.Author,
		}
	}
	var out []sites.Site
	for _, name := range slices.Sorted(maps.Keys(a.Config.Sites)) {
		s := a.Config.Sites[name]
		x := sites.Site{
			Name: name, Repository: s.Repository, Clone: a.clone(name), Branch: s.Branch, Banner: s.Banner, Theme: themes[s.Theme], Pin: s.Pin,
			Snippet: s.Snippet, Schedule: s.Schedule, URL: s.URL, Sitemap: s.Sitemap, Push: s.Push, Author: a.Config.Author, LiveWithin: s.LiveWithin,
		}
		if s.Snippet {
			x.Script = a.Config.Server.URL + "/banner.js"
		}
		if h := s.Hook; h != nil {
			x.Hook = &sites.Hook{On: h.On, Off: h.Off, State: h.State, Dir: h.Dir, Within: h.Within}
		}
		if p := s.Pull; p != nil {
			x.Pull = &sites.Pull{Forge: forge.Forge{Kind: p.Forge, API: p.API, Project: p.Project, Token: tokenIn(p.Token), Client: guard.Client()}}
		}
		out = append(out, x)
	}
	return out
}

// clone is where Lull keeps a clone of its own.
func (a *App) clone(name string) string {
	return filepath.Join(a.Config.Store.WorkDir, "sites", name)
}

func tokenIn(file string) func() (string, error) {
	return func() (string, error) {
		s, err := config.ReadPassword(file)
		return s.Reveal(), err
	}
}

// guard is the way to addresses that people name.
func (a *App) guard() *netguard.Guard { return netguard.New(a.Config.Notices.Private...) }

// checker looks at sites as their public does.
func (a *App) checker() *live.Checker { return &live.Checker{Client: a.guard().Client()} }
