package snapshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
)

// Git is a mirror on a branch of a remote, from where others publish it.
type Git struct {
	remote, branch string
	folder         *Folder // the work tree
	based          bool    // on what the remote has
	owed           bool    // there is a commit that the remote has not taken
}

// NewGit keeps a work tree in a folder of its own until Close.
func NewGit(remote, branch string) (*Git, error) {
	dir, err := os.MkdirTemp("", "lull-snapshot-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the snapshot: %w", err)
	}
	return &Git{remote: remote, branch: branch, folder: NewFolder(dir)}, nil
}

// Close implements Mirror.
func (m *Git) Close() error { return os.RemoveAll(m.folder.dir) }

// Push implements Mirror. When somebody else has pushed meanwhile, another replica of the server
// for one, it begins anew from what is there; it never overwrites.
func (m *Git) Push(ctx context.Context, files []File) (Change, error) {
	c, err := m.push(ctx, files)
	if refused(err) {
		m.based = false
		c, err = m.push(ctx, files)
	}
	return c, m.advise(err)
}

func (m *Git) push(ctx context.Context, files []File) (Change, error) {
	if err := m.base(ctx); err != nil {
		return Change{}, err
	}
	c, err := m.folder.Push(ctx, files)
	if err != nil {
		return c, err
	}
	if err := m.commit(ctx); err != nil || !m.owed {
		return c, err
	}
	if _, err := m.git(ctx, "push", "--quiet", m.remote, "HEAD:refs/heads/"+m.branch); err != nil {
		return c, err
	}
	m.owed = false
	return c, nil
}

// base brings the work tree to what the remote has. A branch that is not there begins empty.
func (m *Git) base(ctx context.Context) error {
	if m.based {
		return nil
	}
	if _, err := m.git(ctx, "init", "--quiet", "--initial-branch="+m.branch); err != nil {
		return err
	}
	_, err := m.git(ctx, "fetch", "--quiet", "--depth=1", m.remote, "refs/heads/"+m.branch)
	switch {
	case said(err, "couldn't find remote ref"):
	case err != nil:
		return err
	default:
		if _, err := m.git(ctx, "reset", "--quiet", "--hard", "FETCH_HEAD"); err != nil {
			return err
		}
	}
	m.based, m.owed = true, false
	return nil
}

func (m *Git) commit(ctx context.Context) error {
	if _, err := m.git(ctx, "add", "--all", "--force"); err != nil { // whatever is ignored elsewhere is part of the face
		return err
	}
	changed, err := m.git(ctx, "status", "--porcelain")
	if err != nil || len(changed) == 0 {
		return err
	}
	_, err = m.git(ctx, "commit", "--quiet", "--message=Publish the status page")
	m.owed = m.owed || err == nil
	return err
}

// settings keep what the machine is set up for out of it: its hooks, its signing, its idea of line ends.
var settings = []string{
	"user.name=Lull", "user.email=lull@localhost", "core.hooksPath=/dev/null", "commit.gpgSign=false",
	"core.autocrlf=false", "core.excludesFile=/dev/null", "gc.auto=0",
}

func (m *Git) git(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitDeadline)
	defer cancel()
	argv := []string{"git"}
	for _, s := range settings {
		argv = append(argv, "-c", s)
	}
	return proc.Run(ctx, proc.Cmd{Name: "git " + args[0], Args: append(argv, args...), Dir: m.folder.dir, Env: environment(os.Environ())})
}

// environment leaves out what points git at another repository: lull may have been started by a hook of one.
func environment(from []string) []string {
	env := slices.DeleteFunc(slices.Clone(from), func(kv string) bool {
		return strings.HasPrefix(kv, "GIT_") && !strings.HasPrefix(kv, "GIT_SSH") && !strings.HasPrefix(kv, "GIT_SSL") && !strings.HasPrefix(kv, "GIT_ASKPASS")
	})
	return append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS_REQUIRE=never")
}

func said(err error, words string) bool {
	var e *proc.Error
	return errors.As(err, &e) && strings.Contains(e.Output, words)
}

func refused(err error) bool { return said(err, "[rejected]") || said(err, "fetch first") }

func (m *Git) advise(err error) error {
	var failed *proc.Error
	switch {
	case !errors.As(err, &failed):
		return err
	case said(err, "Permission denied (publickey") || said(err, "could not read Username") || said(err, "Authentication failed"):
		return hint.Wrap(err, "let git push without asking: an ssh key or a credential helper; try: git ls-remote "+proc.Redact(m.remote))
	case said(err, "does not appear to be a git repository") || said(err, "not found"):
		return hint.Wrap(err, "make an empty repository there, or name another one")
	}
	return hint.Wrap(err, "try it by hand: git ls-remote "+proc.Redact(m.remote))
}
