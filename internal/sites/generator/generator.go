// Package generator knows the programs that build static sites: how a folder is told to be one of theirs, how each is
// run, and where it keeps data.
//
// It must not know of git, of banners' words, or of who looks at what is built.
package generator

import (
	"encoding/json"
	"io/fs"
	"path"
	"slices"

	"github.com/lullhq/lull/internal/hint"
)

// Kind is one of the programs.
type Kind string

// The programs. Plain is a folder that is served as it is.
const (
	Jekyll   Kind = "jekyll"
	Hugo     Kind = "hugo"
	Eleventy Kind = "eleventy"
	Astro    Kind = "astro"
	Plain    Kind = "plain"
)

// marks are files by which a site is known. The first kind that fits is it.
var marks = []struct {
	kind  Kind
	files []string
}{
	{Eleventy, []string{".eleventy.js", "eleventy.config.js", "eleventy.config.mjs", "eleventy.config.cjs", "eleventy.config.ts"}},
	{Astro, []string{"astro.config.mjs", "astro.config.js", "astro.config.ts", "astro.config.cjs", "astro.config.mts"}},
	{Hugo, []string{"hugo.toml", "hugo.yaml", "hugo.json", "config/_default"}},
	{Jekyll, []string{"_config.yml", "_config.yaml", "_config.toml"}},
	{Hugo, []string{"config.toml", "config.yaml", "config.json"}}, // with a folder of Hugo's, see below
}

// Find tells by what builds a folder.
func Find(dir fs.FS) (Kind, error) {
	there := func(name string) bool {
		_, err := fs.Stat(dir, name)
		return err == nil
	}
	for i, m := range marks {
		found := slices.ContainsFunc(m.files, there)
		if i == len(marks)-1 {
			found = found && slices.ContainsFunc([]string{"layouts", "content", "themes", "archetypes"}, there)
		}
		if found {
			return m.kind, nil
		}
	}
	if k := byPackage(dir); k != "" {
		return k, nil
	}
	if there("index.html") {
		return Plain, nil
	}
	return "", hint.Errorf("name it as `generator`: jekyll, hugo, eleventy, astro or plain", "nobody can tell by its files what builds the site")
}

// byPackage looks for a generator among the packages that npm installs.
func byPackage(dir fs.FS) Kind {
	data, err := fs.ReadFile(dir, "package.json")
	if err != nil {
		return ""
	}
	var p struct{ Dependencies, DevDependencies map[string]any }
	if json.Unmarshal(data, &p) != nil {
		return ""
	}
	for _, k := range []struct {
		name string
		kind Kind
	}{{"@11ty/eleventy", Eleventy}, {"astro", Astro}} {
		if p.Dependencies[k.name] != nil || p.DevDependencies[k.name] != nil {
			return k.kind
		}
	}
	return ""
}

// DataFile is where a generator looks for a data file of that name, in the syntax that it reads without being told.
func (k Kind) DataFile(name string) string {
	switch k {
	case Jekyll:
		return "_data/" + name + ".yml"
	case Hugo:
		return "data/" + name + ".yaml"
	case Eleventy:
		return "_data/" + name + ".json"
	case Astro:
		return "src/data/" + name + ".json"
	}
	return ""
}

// Output are folders, from the root, that hold what was built or fetched: they are no part of the source.
func (k Kind) Output() []string {
	common := []string{".git", "node_modules"}
	switch k {
	case Jekyll:
		return append(common, "_site", ".jekyll-cache", ".jekyll-metadata", ".sass-cache", "vendor", ".bundle")
	case Hugo:
		return append(common, "public", "resources/_gen", ".hugo_build.lock")
	case Eleventy:
		return append(common, "_site", ".cache")
	case Astro:
		return append(common, "dist", ".astro")
	}
	return common
}

// Ignored says that a path, from the root, is no part of the source.
func (k Kind) Ignored(name string) bool {
	for _, o := range k.Output() {
		for at := path.Clean(name); at != "." && at != "/"; at = path.Dir(at) {
			if at == o || path.Base(at) == o && o == "node_modules" {
				return true
			}
		}
	}
	return false
}

// Command is what builds the site in a folder into another one. It runs in the source folder. address is where it will
// be looked at. No words: nothing is to be run, the source is the site.
func (k Kind) Command(dir fs.FS, out, address string) (argv []string) {
	has := func(name string) bool {
		_, err := fs.Stat(dir, name)
		return err == nil
	}
	switch k {
	case Jekyll:
		argv = []string{"jekyll", "build", "--quiet", "--destination", out}
		if has("Gemfile") {
			argv = append([]string{"bundle", "exec"}, argv...)
		}
	case Hugo:
		argv = []string{"hugo", "--quiet", "--noBuildLock", "--buildDrafts=false", "--destination", out, "--baseURL", address}
	case Eleventy:
		argv = []string{installed("eleventy"), "--quiet", "--output=" + out}
	case Astro:
		argv = []string{installed("astro"), "build", "--outDir", out}
	}
	return argv
}

// installed is a program that npm has installed for the site. Asking npx for it takes longer than building a small site.
func installed(name string) string { return "node_modules/.bin/" + name }
