package pin

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// gem is a section of a Gemfile.lock:
//
//	GIT
//	  remote: https://github.com/acme/theme.git
//	  revision: 5f0c...
//	  branch: master
//	  specs:
//	    theme (1.2.0)
//	      jekyll (~> 4.2)
type gem struct {
	name, revision, version string
	depends                 []string // names, in order
	alone                   bool     // no other gem is in the section
}

var (
	specLine   = regexp.MustCompile(`^    ([^\s(]+) \(([^)]+)\)$`)
	dependLine = regexp.MustCompile(`^      ([^\s(]+)`)
	hexID      = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
)

func findGem(lock []byte, t Theme) (Pin, error) {
	var found []gem
	for _, s := range gitSections(lock) {
		if g, ok := s.gem(t); ok {
			found = append(found, g)
		}
	}
	switch {
	case len(found) == 0:
		return Pin{}, ErrNone
	case len(found) > 1:
		return Pin{}, errors.New("the theme is there twice")
	case !hexID.MatchString(found[0].revision):
		return Pin{}, fmt.Errorf("the revision %q of %s is no commit", found[0].revision, found[0].name)
	}
	return Pin{Commit: found[0].revision, entry: found[0]}, nil
}

// section is a GIT section of the lock file, line by line.
type section []string

func gitSections(lock []byte) (out []section) {
	var at section
	for line := range strings.Lines(string(lock) + "\n\n") {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "GIT":
			at = section{line}
		case at != nil && line == "":
			out, at = append(out, at), nil
		case at != nil:
			at = append(at, line)
		}
	}
	return out
}

// gem gives the theme's gem of a section, if it is in it.
func (s section) gem(t Theme) (g gem, ok bool) {
	remote, in := "", ""
	gems := map[string]gem{}
	for _, line := range s {
		if v, ok := strings.CutPrefix(line, "  remote: "); ok {
			remote = v
		}
		if v, ok := strings.CutPrefix(line, "  revision: "); ok {
			g.revision = v
		}
		if m := specLine.FindStringSubmatch(line); m != nil {
			in = m[1]
			gems[in] = gem{name: in, version: m[2]}
		} else if m := dependLine.FindStringSubmatch(line); m != nil && in != "" {
			x := gems[in]
			x.depends = append(x.depends, strings.TrimSuffix(m[1], "!"))
			gems[in] = x
		}
	}
	revision := g.revision
	g, ok = gems[t.Gem]
	if !ok && t.Gem == "" && t.isAt(remote) && len(gems) == 1 {
		for _, g = range gems {
			ok = true
		}
	}
	g.revision, g.alone = revision, len(gems) == 1
	return g, ok
}

func (g gem) move(t Theme, old, now Source, to Target) ([]Edit, error) {
	command := "bundle lock --update=" + g.name + " --conservative"
	if !g.alone {
		return nil, more(command, "its repository holds other gems, too")
	}
	was, err := declared(old, t.Gemspec)
	if err != nil {
		return nil, more(command, "%w", err)
	}
	is, err := declared(now, t.Gemspec)
	if err != nil {
		return nil, more(command, "%w", err)
	}
	if !slices.Equal(was.lines, is.lines) {
		return nil, more(command, "%s depends on other gems, or other versions, than before", g.name)
	}
	if names := slices.Sorted(slices.Values(g.depends)); !slices.Equal(names, is.names) {
		return nil, more(command, "%s depends on %s, and Gemfile.lock says %s", g.name, list(is.names), list(names))
	}
	version := is.version
	if version == "" || was.version == "" {
		if !bytes.Equal(was.source, is.source) {
			return nil, more(command, "its version cannot be read from %s", t.Gemspec)
		}
		version = g.version
	}
	return []Edit{{File: Gemfile, Do: func(lock []byte) ([]byte, error) { return g.rewrite(lock, to.Commit, version) }}}, nil
}

// rewrite puts the commit into the section, and the version where the theme's was.
func (g gem) rewrite(lock []byte, commit, version string) ([]byte, error) {
	text, inGit, changed := "", false, 0
	for line := range strings.Lines(string(lock)) {
		bare := strings.TrimRight(line, "\r\n")
		switch bare {
		case "GIT":
			inGit = true
		case "":
			inGit = false
		}
		if inGit && bare == "  revision: "+g.revision {
			line, changed = strings.Replace(line, g.revision, commit, 1), changed+1
		}
		for _, indent := range []string{"    ", "  "} { // in specs, and in CHECKSUMS
			if version != g.version && strings.HasPrefix(line, indent+g.name+" ("+g.version+")") {
				line = strings.Replace(line, "("+g.version+")", "("+version+")", 1)
			}
		}
		if bare == "  "+g.name+" (= "+g.version+")!" && version != g.version {
			return nil, more("bundle lock --update="+g.name, "the Gemfile asks for version %s of it", g.version)
		}
		text += line
	}
	switch {
	case commit == g.revision:
		return []byte(text), nil
	case changed == 0 && strings.Contains(string(lock), "  revision: "+commit): // it is there
		return lock, nil
	case changed != 1:
		return nil, fmt.Errorf("the revision %s of %s is there %d times", g.revision, g.name, changed)
	}
	return []byte(text), nil
}

// gemspec is what a theme declares.
type gemspec struct {
	lines   []string // of what it needs, sorted
	names   []string // of the gems among it, sorted
	version string   // "" = not known
	source  []byte   // all that was read
}

var (
	dependency     = regexp.MustCompile(`^\s*\w+\.(?:add_dependency|add_runtime_dependency)[\s(]+["']([^"']+)["'](.*)$`)
	rubyVersion    = regexp.MustCompile(`^\s*\w+\.required_(?:ruby|rubygems)_version\s*=.*$`)
	literalVersion = regexp.MustCompile(`(?m)^\s*\w+\.version\s*=\s*["']([^"']+)["']`)
	constVersion   = regexp.MustCompile(`(?m)^\s*VERSION\s*=\s*["']([^"']+)["']`)
	required       = regexp.MustCompile(`(?m)^\s*require(?:_relative)?[\s(]+(?:File\.\w+\([^"']*)?["']([^"']*version)["']`)
	comment        = regexp.MustCompile(`\s+#.*$`)
)

func declared(from Source, file string) (g gemspec, err error) {
	if file == "" {
		return g, errors.New("it has no gemspec")
	}
	text, found, err := from(file)
	if err != nil {
		return g, err
	}
	if !found {
		return g, fmt.Errorf("there is no %s", file)
	}
	g.source = text
	for line := range strings.Lines(string(text)) {
		line = comment.ReplaceAllString(strings.TrimSpace(line), "")
		if m := dependency.FindStringSubmatch(line); m != nil {
			g.names = append(g.names, m[1])
			g.lines = append(g.lines, m[1]+strings.NewReplacer(" ", "", "'", `"`, ")", "").Replace(m[2]))
		} else if rubyVersion.MatchString(line) {
			g.lines = append(g.lines, line)
		}
	}
	slices.Sort(g.lines)
	slices.Sort(g.names)
	if m := literalVersion.FindSubmatch(text); m != nil {
		g.version = string(m[1])
		return g, nil
	}
	for _, m := range required.FindAllSubmatch(text, -1) {
		name := strings.TrimPrefix(path.Clean("/"+string(m[1])), "/") + ".rb"
		for _, name := range []string{name, "lib/" + name} {
			data, found, err := from(name)
			if err != nil {
				return g, err
			}
			if v := constVersion.FindSubmatch(data); found && v != nil {
				g.version = string(v[1])
				return g, nil
			}
		}
	}
	return g, nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
