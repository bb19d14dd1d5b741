package config

import (
	"net/url"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Site is a static site, and how the banner gets there: one of Banner, Theme, Snippet and Hook is set.
type Site struct {
	ID         string
	Repository string // a folder, absolute; or an address of git's; "" with a snippet or a hook
	Branch     string // "" = the one that is checked out, or the remote's own
	Generator  string // one of Generators, "" = it is found
	URL        string
	Sitemap    string // "" = it is looked for
	Push       *bool  // nil: push when the repository has a remote
	Banner     string // the data file, relative to the repository
	Theme      string // whose data file it is
	Pin        string // the file by which the site names a commit of the theme, "" = it is found
	Snippet    bool   // the pages load the status page's script
	Hook       *SiteHook
	Schedule   string        // CloudCannon's _schedule.txt, relative to the repository, "" = none
	Pull       *Pull         // changes are proposed and not pushed
	LiveWithin time.Duration // how long the banner's step waits until it is live, 0 = it does not look
}

// Theme is the repository of a theme that sites share, with the data file in it.
type Theme struct {
	ID         string
	Repository string
	Branch     string
	Banner     string
}

// SiteHook are the operator's commands. They run in Dir.
type SiteHook struct {
	On, Off, State []string
	Within         time.Duration
	Dir            string
}

// Pull is where a site's changes are proposed.
type Pull struct {
	Forge   string // one of Forges
	API     string // without a slash at its end
	Project string // "acme/www"
	Token   string // path of the file
}

// Generators are what builds a site.
var Generators = []string{"jekyll", "hugo", "eleventy", "astro", "plain"}

// Forges are where changes can be proposed.
var Forges = []string{"github", "gitlab", "gitea"}

// publicForges are the addresses of those that are not everybody's own.
var publicForges = map[string]string{"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}

const hookWithin = 2 * time.Minute

func (d *document) theme(id string, n *yaml.Node) Theme {
	x := Theme{ID: id}
	d.object(n, "theme "+id,
		need("repository", d.repository(&x.Repository)),
		may("branch", d.branchName(&x.Branch)),
		need("banner", d.inside(&x.Banner)))
	return x
}

func (d *document) site(id string, n *yaml.Node, c *Config) Site {
	x, ways := Site{ID: id}, 0
	var snippet, schedule, pull, pin *yaml.Node
	d.object(n, "site "+id,
		may("repository", d.repository(&x.Repository)),
		may("branch", d.branchName(&x.Branch)),
		may("generator", d.oneOf(&x.Generator, "generator", Generators)),
		need("url", d.url(&x.URL)),
		may("sitemap", d.url(&x.Sitemap)),
		may("push", d.yesNo(&x.Push)),
		may("banner", d.counted(&ways, d.inside(&x.Banner))),
		may("theme", d.counted(&ways, d.oneOf(&x.Theme, "theme", keys(c.Themes)))),
		may("pin", d.at(&pin, d.inside(&x.Pin))),
		may("snippet", d.counted(&ways, d.at(&snippet, d.onOff(&x.Snippet)))),
		may("hook", d.counted(&ways, d.siteHook(&x.Hook))),
		may("schedule", d.at(&schedule, d.inside(&x.Schedule))),
		may("pull_request", d.at(&pull, d.pull(&x.Pull))),
		may("live_within", d.duration(&x.LiveWithin)))
	if n.Kind != yaml.MappingNode || d.complainedAt(n) {
		return x
	}
	const one = "write one of: banner, theme, snippet, hook"
	switch {
	case ways == 0:
		d.problem(n, one, "site %s does not say how the banner gets there", id)
	case ways > 1:
		d.problem(n, one, "the banner gets to site %s in more ways than one", id)
	case snippet != nil && !x.Snippet:
		d.problem(snippet, "write \"snippet: on\", or take it out", "the snippet is off, and no other way is named")
	case x.Repository == "" && (x.Banner != "" || x.Theme != ""):
		d.problem(n, `add "repository:"`, "site %s has no %q", id, "repository")
	}
	for _, only := range []struct {
		at   *yaml.Node
		key  string
		when bool
		way  string
	}{{pin, "pin", x.Theme != "", "theme"}, {schedule, "schedule", x.Banner != "", "banner"}, {pull, "pull_request", x.Banner != "", "banner"}} {
		if only.at != nil && !only.when {
			d.problem(only.at, "take it out", "%q goes with %q alone", only.key, only.way)
		}
	}
	return x
}

// repository reads a folder, or the address of a git remote. It never repeats it: there may be a password in it.
func (d *document) repository(into *string) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		if !strings.Contains(s, "://") && !scpLike.MatchString(s) {
			d.absolute(into)(n)
			return
		}
		u, err := url.Parse(s)
		if err == nil && u.User != nil {
			if _, secret := u.User.Password(); secret || u.Scheme == "https" || u.Scheme == "http" {
				d.problem(n, "take it out, and leave it to a credential helper of git", "the address carries a password or a token")
				return
			}
		}
		if proseComplaint(s, maxLine) != "" || strings.HasPrefix(s, "-") || strings.ContainsAny(s, " \n\t") {
			d.problem(n, `such as "../www", "https://example.com/acme/www.git" or "git@example.com:acme/www.git"`, "this is no folder and no address of git's")
			return
		}
		*into = s
	}
}

func (d *document) branchName(into *string) reader {
	return d.checked(into, func(s string) string {
		if !branch.MatchString(s) || strings.Contains(s, "..") {
			return "is no name of a branch"
		}
		return ""
	}, `such as "main"`)
}

func (d *document) siteHook(into **SiteHook) reader {
	return func(n *yaml.Node) {
		h := &SiteHook{Dir: d.dir, Within: hookWithin}
		*into = h
		d.object(n, "hook",
			need("on", d.program(&h.On)), need("off", d.program(&h.Off)), need("state", d.program(&h.State)),
			may("within", d.duration(&h.Within)))
	}
}

func (d *document) pull(into **Pull) reader {
	return func(n *yaml.Node) {
		p := &Pull{}
		*into = p
		d.object(n, "pull_request",
			need("forge", d.oneOf(&p.Forge, "forge", Forges)),
			may("api", d.url(&p.API)),
			need("project", d.checked(&p.Project, func(s string) string {
				if strings.Count(s, "/") < 1 || strings.ContainsAny(s, " ?#%") || strings.HasPrefix(s, "/") || strings.Contains(s, "..") {
					return "is no project"
				}
				return proseComplaint(s, maxLine)
			}, `such as "acme/www"`)),
			need("token_file", d.absolute(&p.Token)))
		p.API = strings.TrimSuffix(p.API, "/")
		if p.API == "" {
			p.API = publicForges[p.Forge]
		}
		if p.API == "" && p.Forge != "" && !d.complainedAt(n) {
			d.problem(n, `add "api: https://gitea.example.com/api/v1"`, "nobody knows where this %s is", p.Forge)
		}
	}
}
