package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parseSites(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return parseConfig("/srv/lull/lull.yaml", []byte("organization: Example\n"+text))
}

func TestSites(t *testing.T) {
	t.Parallel()
	c, err := parseSites(t, `
themes:
  main: {repository: "git@example.com:acme/theme.git", branch: master, banner: _data/banner_notification.yml}
sites:
  www: {repository: ../www, branch: main, generator: jekyll, url: https://www.example.com/, banner: _data/b.yml, schedule: _schedule.txt, live_within: 10m}
  docs: {repository: https://example.com/acme/docs.git, url: https://docs.example.com/, theme: main, pin: Gemfile.lock}
  blog: {url: https://blog.example.com/, snippet: on, sitemap: https://blog.example.com/map.xml}
  shop: {url: https://shop.example.com/, hook: {on: [./banner, on], off: [./banner, off], state: [banner-state], within: 30s}}
  help:
    repository: ssh://git@example.com:22/acme/help.git
    url: https://help.example.com/
    banner: data/banner.toml
    pull_request: {forge: gitea, api: https://git.example.com/api/v1/, project: acme/help, token_file: secrets/gitea}
  news: {repository: ../news, url: https://news.example.com/, banner: b.json, pull_request: {forge: github, project: acme/news, token_file: t}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Site{
		"www":  {ID: "www", Repository: "/srv/www", Branch: "main", Generator: "jekyll", URL: "https://www.example.com/", Banner: "_data/b.yml", Schedule: "_schedule.txt", LiveWithin: 10 * time.Minute},
		"docs": {ID: "docs", Repository: "https://example.com/acme/docs.git", URL: "https://docs.example.com/", Theme: "main", Pin: "Gemfile.lock"},
		"blog": {ID: "blog", URL: "https://blog.example.com/", Snippet: true, Sitemap: "https://blog.example.com/map.xml"},
		"shop": {ID: "shop", URL: "https://shop.example.com/", Hook: &SiteHook{On: []string{"/srv/lull/banner", "on"}, Off: []string{"/srv/lull/banner", "off"}, State: []string{"banner-state"}, Within: 30 * time.Second, Dir: "/srv/lull"}},
		"help": {ID: "help", Repository: "ssh://git@example.com:22/acme/help.git", URL: "https://help.example.com/", Banner: "data/banner.toml", Pull: &Pull{Forge: "gitea", API: "https://git.example.com/api/v1", Project: "acme/help", Token: "/srv/lull/secrets/gitea"}},
		"news": {ID: "news", Repository: "/srv/news", URL: "https://news.example.com/", Banner: "b.json", Pull: &Pull{Forge: "github", API: "https://api.github.com", Project: "acme/news", Token: "/srv/lull/t"}},
	}
	if diff := cmp.Diff(want, c.Sites); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Theme{ID: "main", Repository: "git@example.com:acme/theme.git", Branch: "master", Banner: "_data/banner_notification.yml"}, c.Themes["main"]); diff != "" {
		t.Error(diff)
	}
}

func TestSitesThatSayTooLittleOrTooMuch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{url: 'https://a.example/', repository: ../a}":                                                                           "does not say how the banner gets there",
		"{url: 'https://a.example/', repository: ../a, banner: b.yml, snippet: on}":                                               "in more ways than one",
		"{url: 'https://a.example/', snippet: off}":                                                                               "the snippet is off",
		"{url: 'https://a.example/', banner: b.yml}":                                                                              `site www has no "repository"`,
		"{url: 'https://a.example/', repository: ../a, theme: main}":                                                              `unknown theme "main"`,
		"{url: 'https://a.example/', repository: ../a, banner: b.yml, pin: Gemfile.lock}":                                         `"pin" goes with "theme" alone`,
		"{url: 'https://a.example/', snippet: on, schedule: _schedule.txt}":                                                       `"schedule" goes with "banner" alone`,
		"{url: 'https://a.example/', repository: 'https://u:p@a.example/a.git', banner: b.yml}":                                   "carries a password or a token",
		"{url: 'https://a.example/', repository: 'https://token@a.example/a', banner: b.yml}":                                     "carries a password or a token",
		"{url: 'https://a.example/', repository: ../a, banner: b.yml, branch: '-x'}":                                              "is no name of a branch",
		"{url: 'https://a.example/', repository: ../a, banner: b.yml, generator: jekyl}":                                          `unknown generator "jekyl"`,
		"{url: 'https://a.example/', hook: {on: [a], off: [b]}}":                                                                  `hook has no "state"`,
		"{url: 'https://a.example/', repository: ../a, banner: b.yml, pull_request: {forge: gitea, project: a/b, token_file: t}}": "nobody knows where this gitea is",
		"{url: 'https://a.example/', repository: ../a, banner: b.yml, pull_request: {forge: github, project: ab, token_file: t}}": "is no project",
	} {
		_, err := parseSites(t, "sites:\n  www: "+text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n   gave %v\n   want %s", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "u:p") || strings.Contains(err.Error(), "token@")) {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}
