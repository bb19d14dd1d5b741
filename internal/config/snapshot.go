package config

import (
	"net/url"
	"regexp"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Snapshot is where the public face is kept beside the server. One of Folder, Git and Command is set, or none.
type Snapshot struct {
	Folder  string
	Git     string // a remote
	Branch  string
	Command string // a line for the shell
}

// Set says whether there is a place to keep it.
func (s Snapshot) Set() bool { return s != Snapshot{} }

// pagesBranch is what hosts of static pages publish when they are told nothing else.
const pagesBranch = "gh-pages"

var (
	scpLike = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:`)
	branch  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)
)

// ParseSnapshot reads a place as it is written in lull.yaml and after --to: a folder, "command:LINE", or
// the address of a git repository with "#branch" after it, if it is to be another one than gh-pages. It
// says what is wrong with it, or "". absolute makes a path of a folder's name.
func ParseSnapshot(s string, absolute func(string) string) (out Snapshot, complaint string) {
	if line, found := strings.CutPrefix(s, "command:"); found {
		out.Command = strings.TrimSpace(line)
		if out.Command == "" {
			return out, "names no command"
		}
		return out, proseComplaint(line, maxText)
	}
	remote, name, _ := strings.Cut(s, "#")
	if !strings.Contains(remote, "://") && !scpLike.MatchString(remote) && !strings.HasSuffix(remote, ".git") {
		if strings.HasPrefix(s, "~") {
			return out, "has a tilde, which is the shell's and means nothing here"
		}
		out.Folder = absolute(s)
		return out, proseComplaint(s, maxLine)
	}
	out.Git, out.Branch = remote, pagesBranch
	if name != "" {
		out.Branch = name
	}
	if u, err := url.Parse(remote); err == nil && u.User != nil {
		if _, secret := u.User.Password(); secret {
			return out, "carries a password; leave it to a credential helper of git"
		}
	}
	if !branch.MatchString(out.Branch) || strings.Contains(out.Branch, "..") {
		return out, "names no branch after #"
	}
	if strings.HasPrefix(remote, "-") {
		return out, "is no address"
	}
	if !strings.Contains(remote, "://") && !scpLike.MatchString(remote) {
		out.Git = absolute(remote)
	}
	return out, proseComplaint(s, maxLine)
}

func (d *document) snapshot(into *Snapshot) reader {
	return func(n *yaml.Node) {
		d.object(n, "snapshot", need("to", func(n *yaml.Node) {
			s, ok := d.scalar(n)
			if !ok {
				return
			}
			place, complaint := ParseSnapshot(s, d.path)
			if complaint != "" { // it may hold a password: it is not repeated
				d.problem(n, `such as "/srv/status", "git@example.com:acme/status.git#gh-pages" or "command:rsync -a --delete ./ web:/srv/status/"`, "the place %s", complaint)
				return
			}
			*into = place
		}))
	}
}
