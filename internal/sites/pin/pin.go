// Package pin moves the commit of a shared theme that a site is built with: the `revision:` of a Gemfile.lock, a Hugo
// module's line in go.mod, an entry of package-lock.json, a submodule. It changes the bytes of the commit and of what
// follows from it, and refuses where more than that would have to change.
//
// It must not know of git, of folders, or of the banner.
package pin

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// The files by which a site names a commit.
const (
	Gemfile   = "Gemfile.lock"
	Module    = "go.mod"
	Package   = "package-lock.json"
	Submodule = ".gitmodules"
	None      = "none" // the theme is fetched anew at each build
)

// Files lists them, in the order in which they are looked at.
var Files = []string{Gemfile, Module, Package, Submodule}

// Source gives a file of one commit of a repository, and whether there is one.
type Source func(name string) (data []byte, found bool, err error)

// Theme is what a theme is called by those that use it. What does not apply is "".
type Theme struct {
	Addresses []string // of its repository
	Gem       string
	Gemspec   string // the file
	Module    string // path of the Go module
	Package   string // of npm
}

// Pin is where a site names a commit of a theme.
type Pin struct {
	File   string
	Commit string // of a Go module the first 12 digits; "" = it is not in the file (a submodule), or not known
	Path   string // of a submodule
	entry  entry
}

// entry is what moves it.
type entry interface {
	// move gives what is done to which file.
	move(t Theme, old, now Source, to Target) ([]Edit, error)
}

// Edit is what is done to one file; the file is a submodule when Link is set.
type Edit struct {
	File string
	Do   func([]byte) ([]byte, error)
	Link string
}

// Target is the commit to move to.
type Target struct {
	Commit string
	// GoModule gives the version and the two checksums of go.sum for the commit; it is asked for Go modules only.
	GoModule func(older string) (version, sum, modSum string, err error)
}

// ErrMore says that a pin cannot be moved by its commit alone.
var ErrMore = errors.New("the theme changes more than its commit")

// ErrNone says that no file names the theme.
var ErrNone = errors.New("the site does not name a commit of the theme")

// Find looks for the pin in a site's files. Only the given file is looked at, unless it is "".
func Find(site Source, t Theme, file string) (Pin, error) {
	names := Files
	if file != "" {
		names = []string{file}
	}
	for _, name := range names {
		data, found, err := site(name)
		if err != nil {
			return Pin{}, err
		}
		if !found {
			continue
		}
		p, err := find(path.Base(name), data, site, t)
		if errors.Is(err, ErrNone) {
			continue
		}
		if err != nil {
			return Pin{}, fmt.Errorf("%s: %w", name, err)
		}
		p.File = name
		return p, nil
	}
	return Pin{}, hint.Wrap(ErrNone, "name the file by which it does as `pin`: Gemfile.lock, go.mod, package-lock.json or .gitmodules; `pin: none` when each build takes the newest one")
}

func find(name string, data []byte, site Source, t Theme) (Pin, error) {
	switch name {
	case Gemfile:
		return findGem(data, t)
	case Module:
		return findModule(data, site, t)
	case Package:
		return findPackage(data, t)
	case Submodule:
		return findSubmodule(data, t)
	}
	return Pin{}, fmt.Errorf("%s is no file that lull knows to name a commit", name)
}

// Move gives the edits that move the pin. old and now are the theme at both commits.
func (p Pin) Move(t Theme, old, now Source, to Target) ([]Edit, error) {
	edits, err := p.entry.move(t, old, now, to)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(p.File)
	for i := range edits {
		if edits[i].Link == "" && dir != "." {
			edits[i].File = path.Join(dir, edits[i].File)
		}
	}
	return edits, nil
}

// more refuses with the command that does all that is needed.
func more(command, format string, args ...any) error {
	return hint.Wrap(fmt.Errorf("%w: "+format, append([]any{ErrMore}, args...)...), "type in the site's folder: "+command+"; commit what it changes, then type the same command again")
}

// sameAddress compares addresses of git repositories whatever way they are reached by.
func sameAddress(a, b string) bool {
	a, b = plainAddress(a), plainAddress(b)
	return a != "" && a == b
}

func (t Theme) isAt(address string) bool {
	for _, a := range t.Addresses {
		if sameAddress(a, address) {
			return true
		}
	}
	return false
}

// plainAddress is host and path, of https://host/path.git, git+ssh://git@host/path and git@host:path alike.
func plainAddress(s string) string {
	s = strings.TrimPrefix(s, "git+")
	if !strings.Contains(s, "://") {
		if host, p, ok := strings.Cut(s, ":"); ok && !strings.Contains(host, "/") {
			s = "ssh://" + host + "/" + strings.TrimPrefix(p, "/")
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname()) + strings.TrimSuffix(strings.TrimSuffix(path.Clean("/"+u.Path), "/"), ".git")
}
