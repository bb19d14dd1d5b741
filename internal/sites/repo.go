package sites

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
)

// repo is a site's working tree on its branch, and the place that it is pushed to.
type repo struct {
	*git
	site   Site
	file   string // the data file, with slashes, from the root
	branch string
	remote string // "" = the site is not pushed
	ref    string // the branch's name there
}

func open(ctx context.Context, s Site) (*repo, error) {
	if strings.Contains(s.Repository, "://") {
		return nil, hint.Errorf("clone it, and name the folder of the clone as `repository`", "the repository %s is an address, not a folder", proc.Redact(s.Repository))
	}
	if !filepath.IsLocal(s.Banner) {
		return nil, hint.Errorf("name the data file from the repository's root, such as _data/banner_notification.yml", "the data file %q is not in the repository", s.Banner)
	}
	g, err := newGit(s.Repository)
	if err != nil {
		return nil, err
	}
	r := &repo{git: g, site: s, file: path.Clean(filepath.ToSlash(s.Banner))}
	if err := r.locate(ctx); err != nil {
		return nil, err
	}
	err = r.findRemote(ctx)
	return r, err
}

// locate finds the branch, and refuses a plain folder inside somebody's repository: the
// commit would land in that.
func (r *repo) locate(ctx context.Context) error {
	out, err := r.run(ctx, "rev-parse", "--show-toplevel", "--symbolic-full-name", "HEAD")
	if said(err, "ambiguous argument 'HEAD'") {
		return hint.Errorf("commit the site first", "%s has no commit yet", r.dir)
	}
	if err != nil {
		return err
	}
	top, ref, _ := strings.Cut(out, "\n")
	dir, err := filepath.EvalSymlinks(r.dir)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if top != dir {
		return hint.Errorf("name "+top+" as `repository`, and the data file from there", "%s is a folder of the repository %s", r.dir, top)
	}
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return hint.Errorf("type: git -C "+r.dir+" switch main (or whichever branch is published)", "%s is not on a branch", r.dir)
	}
	r.branch = branch
	return nil
}

func (r *repo) findRemote(ctx context.Context) error {
	if r.site.Push != nil && !*r.site.Push {
		return nil
	}
	out, err := r.run(ctx, "for-each-ref", "--format=%(upstream:remotename) %(upstream:remoteref)", "refs/heads/"+r.branch)
	if err != nil {
		return err
	}
	if name, ref, ok := strings.Cut(out, " "); ok && name != "" && name != "." && ref != "" {
		r.remote, r.ref = name, ref
		return nil
	}
	if out, err = r.run(ctx, "remote"); err != nil {
		return err
	}
	names := strings.Fields(out)
	switch {
	case slices.Contains(names, "origin"):
		r.remote = "origin"
	case len(names) == 1:
		r.remote = names[0]
	case r.site.Push != nil:
		return hint.Errorf("add one with `git -C "+r.dir+" remote add origin ADDRESS`, or set `push: false`", "%s is to be pushed, and has no remote", r.dir)
	}
	r.ref = "refs/heads/" + r.branch
	return nil
}

func (r *repo) pushes() bool { return r.remote != "" }

// place is where the public's version lives, in words.
func (r *repo) place() string {
	if r.pushes() {
		return r.remote + "/" + strings.TrimPrefix(r.ref, "refs/heads/")
	}
	return r.branch
}

func (r *repo) head(ctx context.Context) (string, error) {
	return r.run(ctx, "rev-parse", "--verify", "HEAD^{commit}")
}

// published gives the commit that the public's version is built from, and has its objects
// here. It asks the remote itself and moves no name in the repository.
func (r *repo) published(ctx context.Context) (string, error) {
	if !r.pushes() {
		return r.head(ctx)
	}
	for range 3 {
		out, err := r.run(ctx, "ls-remote", "--quiet", r.remote, r.ref)
		if err != nil {
			return "", err
		}
		sha := tipOf(out, r.ref)
		if sha == "" {
			return "", hint.Errorf("publish it once by hand: git -C "+r.dir+" push -u "+r.remote+" "+r.branch, "there is no %s yet", r.place())
		}
		if _, err := r.once(ctx, []string{"cat-file", "-e", sha + "^{commit}"}); err == nil {
			return sha, nil
		}
		if _, err := r.run(ctx, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", r.remote, r.ref); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s moves faster than it can be fetched", r.place())
}

// tipOf reads ls-remote's answer, which may hold other names with the same end.
func tipOf(answer, ref string) string {
	for line := range strings.Lines(answer) {
		if sha, name, _ := strings.Cut(strings.TrimSpace(line), "\t"); name == ref {
			return sha
		}
	}
	return ""
}

// contains says whether an older commit is part of a newer one.
func (r *repo) contains(ctx context.Context, newer, older string) (bool, error) {
	return r.yes(ctx, "merge-base", "--is-ancestor", older, newer)
}

// at gives the data file in a commit, as it is stored there.
func (r *repo) at(ctx context.Context, commit string) ([]byte, error) {
	out, err := r.run(ctx, "ls-tree", commit, "--", r.file)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(out, "100") {
		return nil, hint.Errorf("write it as three lines, `enabled: false`, `text: \"\"` and `url: \"\"`, and commit it, or correct `banner`",
			"there is no file %s in commit %s of %s", r.file, short(commit), r.dir)
	}
	return r.bytes(ctx, "cat-file", "blob", commit+":"+r.file)
}

// committer gives a git that knows who commits: whoever the user told it, or the site's author.
func (r *repo) committer(ctx context.Context) (*git, error) {
	asked := r.with("user.useConfigOnly=true") // else git makes an address up from the machine's name
	for _, who := range []string{"GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"} {
		if _, err := asked.run(ctx, "var", who); code(err) > 0 {
			return r.author()
		} else if err != nil {
			return nil, err
		}
	}
	return r.git, nil
}

func (r *repo) author() (*git, error) {
	next := "type: git -C " + r.dir + " config user.name 'Your Name', and the same with user.email"
	if r.site.Author == "" {
		return nil, hint.Errorf(next, "git does not know who commits in %s", r.dir)
	}
	a, err := mail.ParseAddress(r.site.Author)
	if err != nil || a.Name == "" {
		return nil, hint.Errorf(next, "git does not know who commits in %s, and the author %q is not of the form Name <mail>", r.dir, r.site.Author)
	}
	return r.with("user.name="+a.Name, "user.email="+a.Address), nil
}

// read and write go through os.Root: no symbolic link leads them out of the repository.
func (r *repo) read() ([]byte, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := root.ReadFile(r.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint.Wrap(err, "type: git -C "+r.dir+" checkout -- "+r.file)
	}
	return data, err
}

// write puts a whole new file in the place of the old one, so that a crash leaves one or the other.
func (r *repo) write(data []byte) error {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Stat(r.file)
	if err != nil {
		return err
	}
	next := path.Join(path.Dir(r.file), "."+path.Base(r.file)+".lull")
	if err := r.create(root, next, data, info); err != nil {
		return errors.Join(err, root.RemoveAll(next))
	}
	return root.Rename(next, r.file)
}

func (r *repo) create(root *os.Root, name string, data []byte, like os.FileInfo) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, like.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(like.Mode().Perm()), f.Sync()); err == nil && r.user != nil {
		err = f.Chown(int(r.user.Uid), int(r.user.Gid))
	}
	return errors.Join(err, f.Close())
}

func short(commit string) string { return commit[:min(8, len(commit))] }

// pause waits longer with every try.
func pause(ctx context.Context, try int) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(lockPause << try):
		return nil
	}
}
