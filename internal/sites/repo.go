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

// tree names a working tree: what is common to the repositories of sites and of themes.
type tree struct {
	repository, clone, branch string
	push                      *bool
	author                    string
}

func (s Site) tree() tree {
	return tree{repository: s.Repository, clone: s.Clone, branch: s.Branch, push: s.Push, author: s.Author}
}

func (t Theme) tree() tree {
	return tree{repository: t.Repository, clone: t.Clone, branch: t.Branch, author: t.Author}
}

// repo is a working tree on its branch, and the place that it is pushed to.
type repo struct {
	*git
	objects *objects
	of      tree
	branch  string
	remote  string // "" = it is not pushed
	ref     string // the branch's name there
}

// open gives the repository, which is to be closed. A remote is cloned into Lull's own folder first.
func open(ctx context.Context, t tree) (*repo, error) {
	dir := t.repository
	if isAddress(t.repository) {
		if err := ensureClone(ctx, t); err != nil {
			return nil, err
		}
		dir = t.clone
	}
	g, err := newGit(dir)
	if err != nil {
		return nil, err
	}
	r := &repo{git: g, objects: g.newObjects(), of: t}
	err = r.locate(ctx)
	return r, err
}

func (r *repo) close() { r.objects.close() }

// locate finds the branch and where it is pushed to.
func (r *repo) locate(ctx context.Context) error {
	if err := r.isRoot(ctx); err != nil {
		return err
	}
	out, err := r.run(ctx, "for-each-ref", "--format=%(HEAD)%00%(refname)%00%(upstream:remotename)%00%(upstream:remoteref)", "refs/heads")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) == 4 && f[0] == "*" {
			r.branch = strings.TrimPrefix(f[1], "refs/heads/")
			r.remote, r.ref = f[2], f[3]
		}
	}
	switch {
	case r.branch == "" && out == "":
		return hint.Errorf("commit the site first", "%s has no commit yet", r.dir)
	case r.branch == "":
		return hint.Errorf("type: git -C "+r.dir+" switch main (or whichever branch is published)", "%s is not on a branch", r.dir)
	case isAddress(r.of.repository) && strings.HasPrefix(r.branch, branchPrefix): // a run was ended while it proposed something
		return r.goBack(ctx)
	case r.of.branch != "" && r.branch != r.of.branch:
		return hint.Errorf("type: git -C "+r.dir+" switch "+r.of.branch+"; or name the remote as `repository`, and lull works in a clone of its own",
			"%s is on the branch %s, and the site is published from %s", r.dir, r.branch, r.of.branch)
	}
	return r.findRemote(ctx)
}

// goBack leads Lull's own clone back to the branch that is published.
func (r *repo) goBack(ctx context.Context) error {
	branch := r.of.branch
	if branch == "" {
		ref, err := r.run(ctx, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
		if err != nil {
			return err
		}
		branch = strings.TrimPrefix(ref, "origin/")
	}
	if _, err := r.run(ctx, "checkout", "--quiet", "--force", branch); err != nil {
		return err
	}
	return r.locate(ctx)
}

// isRoot refuses a plain folder inside somebody's repository: the commit would land in that.
func (r *repo) isRoot(ctx context.Context) error {
	if _, err := os.Lstat(filepath.Join(r.dir, ".git")); err == nil {
		return nil
	}
	top, err := r.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	return hint.Errorf("name "+top+" as `repository`, and the data file from there", "%s is a folder of the repository %s", r.dir, top)
}

func (r *repo) findRemote(ctx context.Context) error {
	if r.of.push != nil && !*r.of.push {
		r.remote, r.ref = "", ""
		return nil
	}
	if r.remote != "" && r.remote != "." && r.ref != "" {
		return nil
	}
	out, err := r.run(ctx, "remote")
	if err != nil {
		return err
	}
	names := strings.Fields(out)
	r.remote, r.ref = "", "refs/heads/"+r.branch
	switch {
	case slices.Contains(names, "origin"):
		r.remote = "origin"
	case len(names) == 1:
		r.remote = names[0]
	case r.of.push != nil:
		return hint.Errorf("add one with `git -C "+r.dir+" remote add origin ADDRESS`, or set `push: false`", "%s is to be pushed, and has no remote", r.dir)
	}
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
	id, _, _, err := r.objects.object(ctx, "HEAD^{commit}")
	return id, err
}

// published gives the commit that the public's version is built from, and has its objects
// here. It asks the remote itself and moves no name in the repository.
func (r *repo) published(ctx context.Context) (string, error) {
	if !r.pushes() {
		return r.head(ctx)
	}
	return r.tip(ctx, r.ref, "publish it once by hand: git -C "+r.dir+" push -u "+r.remote+" "+r.branch)
}

// tip gives the commit of a branch of the remote.
func (r *repo) tip(ctx context.Context, ref, whenMissing string) (string, error) {
	for range 3 {
		sha, err := r.ask(ctx, ref)
		if err != nil {
			return "", err
		}
		if sha == "" {
			return "", hint.Errorf(whenMissing, "there is no %s/%s yet", r.remote, strings.TrimPrefix(ref, "refs/heads/"))
		}
		if _, _, _, err := r.objects.object(ctx, sha+"^{tree}"); err == nil {
			return sha, nil
		} else if !errors.Is(err, errMissing) {
			return "", err
		}
		if _, err := r.run(ctx, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", r.remote, ref); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s moves faster than it can be fetched", r.place())
}

// ask gives the commit that a branch of the remote is at, "" when there is none.
func (r *repo) ask(ctx context.Context, ref string) (string, error) {
	out, err := r.run(ctx, "ls-remote", "--quiet", r.remote, ref)
	return tipOf(out, ref), err
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
	if newer == older {
		return true, nil
	}
	return r.yes(ctx, "merge-base", "--is-ancestor", older, newer)
}

// at gives a file in a commit, as it is stored there, and whether there is one.
func (r *repo) at(ctx context.Context, commit, file string) (data []byte, found bool, err error) {
	e, err := r.objects.entryAt(ctx, commit, file)
	if errors.Is(err, errMissing) || err == nil && !strings.HasPrefix(e.mode, "100") {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	_, _, data, err = r.objects.object(ctx, e.id)
	return data, err == nil, err
}

// dataAt gives the data file in a commit.
func (r *repo) dataAt(ctx context.Context, commit, file string) ([]byte, error) {
	data, found, err := r.at(ctx, commit, file)
	if err == nil && !found {
		return nil, noFile(file, r.dir, commit)
	}
	return data, err
}

func noFile(file, dir, commit string) error {
	return hint.Errorf("type `lull sites init`, which writes one; or write it as three lines, `enabled: false`, `text: \"\"` and `url: \"\"`, and commit it, or correct `banner`",
		"there is no file %s in commit %s of %s", file, short(commit), dir)
}

// author gives a git that commits as the site's author, because git knows nobody.
func (r *repo) author() (*git, error) {
	next := "type: git -C " + r.dir + " config user.name 'Your Name', and the same with user.email"
	if r.of.author == "" {
		return nil, hint.Errorf(next, "git does not know who commits in %s", r.dir)
	}
	a, err := mail.ParseAddress(r.of.author)
	if err != nil || a.Name == "" {
		return nil, hint.Errorf(next, "git does not know who commits in %s, and the author %q is not of the form Name <mail>", r.dir, r.of.author)
	}
	return r.with("user.name="+a.Name, "user.email="+a.Address), nil
}

// read and write go through os.Root: no symbolic link leads them out of the repository.
func (r *repo) read(file string) ([]byte, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	data, err := root.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint.Wrap(err, "type: git -C "+r.dir+" checkout -- "+file)
	}
	return data, err
}

// write puts a whole new file in the place of the old one, so that a crash leaves one or the other.
func (r *repo) write(file string, data []byte) error {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	mode := os.FileMode(0o644)
	if info, err := root.Stat(file); err == nil {
		mode = info.Mode().Perm()
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := r.makeDir(root, path.Dir(file)); err != nil {
		return err
	}
	next := path.Join(path.Dir(file), "."+path.Base(file)+".lull")
	if err := r.create(root, next, data, mode); err != nil {
		return errors.Join(err, root.RemoveAll(next))
	}
	return root.Rename(next, file)
}

// makeDir makes the folder of a new file, for whoever owns the repository.
func (r *repo) makeDir(root *os.Root, dir string) error {
	if _, err := root.Stat(dir); dir == "." || err == nil {
		return nil
	}
	if err := r.makeDir(root, path.Dir(dir)); err != nil {
		return err
	}
	err := root.Mkdir(dir, 0o755)
	if err == nil && r.user != nil {
		err = root.Chown(dir, int(r.user.Uid), int(r.user.Gid))
	}
	return err
}

func (r *repo) create(root *os.Root, name string, data []byte, mode os.FileMode) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync()); err == nil && r.user != nil {
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

// isAddress tells the address of a remote from a folder's path.
func isAddress(s string) bool {
	if strings.Contains(s, "://") {
		return true
	}
	host, rest, ok := strings.Cut(s, ":")
	return ok && !strings.Contains(host, "/") && rest != "" && len(host) > 1 // user@host:path, as git reads it
}

// shown is an address without what people should not read.
func shown(s string) string { return proc.Redact(s) }
