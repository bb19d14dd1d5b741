package sites

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
)

const (
	localDeadline  = 2 * time.Minute // hooks of the repository may build something
	remoteDeadline = time.Minute
	writeGrace     = 10 * time.Second // for a git that writes, after lull was told to stop
	lockPatience   = 5 * time.Second
	lockPause      = 50 * time.Millisecond
)

// git runs in one folder, as one user.
type git struct {
	dir    string
	env    []string
	user   *syscall.Credential
	config []string // -c key=value

	patience time.Duration // for another git in the same repository
	waiting  func()        // told before each wait; tests use it
}

// newGit prepares git for a folder. When lull runs as root, git runs as the folder's owner:
// the repository's hooks and settings are the owner's, and so must be the objects that are written.
func newGit(dir string) (*git, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, hint.Wrap(err, "clone the site's repository there, or correct `repository`")
	}
	g := &git{dir: dir, env: environment(os.Environ()), patience: lockPatience, waiting: func() {}}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || st.Uid == 0 {
		return g, nil
	}
	g.user = &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
	g.env = append(slices.DeleteFunc(g.env, ofRoot), "HOME=/nonexistent")
	if u, err := user.LookupId(strconv.FormatUint(uint64(st.Uid), 10)); err == nil {
		g.env = append(g.env, "HOME="+u.HomeDir, "USER="+u.Username, "LOGNAME="+u.Username)
	}
	return g, nil
}

// ofRoot are variables that say who root is, or open root's agents.
func ofRoot(kv string) bool {
	key, _, _ := strings.Cut(kv, "=")
	return strings.HasPrefix(key, "XDG_") || strings.HasPrefix(key, "SUDO_") || strings.HasPrefix(key, "GIT_CONFIG") ||
		slices.Contains([]string{"HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "GNUPGHOME", "MAIL"}, key)
}

// elsewhere are the variables by which a git hook points its children at another
// repository: `git rev-parse --local-env-vars`.
var elsewhere = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY",
	"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS",
	"GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_QUARANTINE_PATH",
}

func environment(from []string) []string {
	env := slices.DeleteFunc(slices.Clone(from), func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		return slices.Contains(elsewhere, key)
	})
	return append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_EDITOR=true", "SSH_ASKPASS_REQUIRE=never")
}

// with gives the same git with more settings.
func (g *git) with(settings ...string) *git {
	next := *g
	for _, s := range settings {
		next.config = append(slices.Clip(next.config), "-c", s)
	}
	return &next
}

// run gives what git says, without the line break at its end.
func (g *git) run(ctx context.Context, args ...string) (string, error) {
	out, err := g.bytes(ctx, args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// bytes runs git once, and again while another git holds the repository's lock.
func (g *git) bytes(ctx context.Context, args ...string) ([]byte, error) {
	for deadline := time.Now().Add(g.patience); ; {
		out, err := g.once(ctx, args)
		if !isLocked(err) || time.Now().After(deadline) {
			return out, advise(err, g.dir)
		}
		g.waiting()
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPause):
		}
	}
}

func (g *git) once(ctx context.Context, args []string) ([]byte, error) {
	limit := localDeadline
	if slices.Contains([]string{"push", "fetch", "ls-remote", "clone"}, args[0]) {
		limit = remoteDeadline
	}
	if slices.Contains([]string{"commit", "checkout", "merge", "push"}, args[0]) {
		var done context.CancelFunc
		ctx, done = lasting(ctx)
		defer done()
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return proc.Run(ctx, proc.Cmd{
		Name: "git " + args[0],
		Args: slices.Concat([]string{"git", "--literal-pathspecs"}, g.config, args),
		Dir:  g.dir, Env: g.env, User: g.user,
	})
}

// yes runs a git that answers by its exit code: 0 is yes, 1 is no.
func (g *git) yes(ctx context.Context, args ...string) (bool, error) {
	_, err := g.bytes(ctx, args...)
	if code(err) == 1 {
		return false, nil
	}
	return err == nil, err
}

// lasting gives a git that writes some time to end by itself: stopped in the wrong moment,
// it leaves a lock behind that nobody removes.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(writeGrace, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(nil) }
}

func code(err error) int {
	var e *proc.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func said(err error, words string) bool {
	var e *proc.Error
	return errors.As(err, &e) && strings.Contains(e.Output, words)
}

func isLocked(err error) bool { return said(err, ".lock': File exists") }

// advise adds what to type to the errors that people meet most.
func advise(err error, dir string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return hint.Wrap(err, "install git: apt-get install git")
	case said(err, "dubious ownership"):
		return hint.Wrap(err, "run lull as the owner of "+dir+", or type: git config --global --add safe.directory "+dir)
	case said(err, "not a git repository"):
		return hint.Wrap(err, "name the root of a git working tree as `repository`; a clone of the site makes one")
	case isLocked(err):
		return hint.Wrap(err, "wait for the other git in "+dir+"; if there is none, remove the lock file that is named")
	case said(err, "would be overwritten"):
		return hint.Wrap(err, "commit or stash your changes in "+dir+", then type the same command again")
	case said(err, "Permission denied (publickey") || said(err, "could not read Username") || said(err, "Authentication failed"):
		return hint.Wrap(err, "let git push without asking: an ssh key or a credential helper; try `git -C "+dir+" push --dry-run`")
	}
	return err
}
