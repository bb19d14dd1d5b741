package sites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/datafile"
)

// The subjects of lull's commits. A commit is lull's when it has one of them and touches only the files of the change.
const (
	subjectOn  = "Switch the maintenance banner on"
	subjectOff = "Switch the maintenance banner off"
)

// change is what is done to files of a repository in one commit, and the words of it.
type change struct {
	edits   []edit
	subject string
	body    string
}

// edit is what is done to one file.
type edit struct {
	file string // from the root, with slashes
	do   func([]byte) ([]byte, error)
	// create says that the file may be missing, and is begun empty.
	create bool
	// link is the commit that a submodule shall be at; the file is its folder then.
	link string
}

// switchOn puts the banner into a data file, and what goes with it.
func switchOn(b Banner, file string, more ...edit) change {
	b.Enabled = true
	on := func(data []byte) ([]byte, error) { return datafile.Edit(file, data, b) }
	return change{edits: append([]edit{{file: file, do: on}}, more...), subject: subjectOn, body: strings.TrimSpace(b.Text + "\n" + b.URL)}
}

func switchOff(file string, more ...edit) change {
	off := func(data []byte) ([]byte, error) { return datafile.Off(file, data) }
	return change{edits: append([]edit{{file: file, do: off}}, more...), subject: subjectOff}
}

// dataPath cleans the name of a data file, which may not leave its repository.
func dataPath(file string) (string, error) {
	if !filepath.IsLocal(file) {
		return "", hint.Errorf("name the data file from the repository's root, such as _data/banner_notification.yml", "the data file %q is not in the repository", file)
	}
	return path.Clean(filepath.ToSlash(file)), nil
}

func (c change) files() []string {
	var out []string
	for _, e := range c.edits {
		out = append(out, e.file)
	}
	return out
}

// link is the submodule that the change moves, if it is of that kind. It stands alone then.
func (c change) link() *edit {
	if len(c.edits) == 1 && c.edits[0].link != "" {
		return &c.edits[0]
	}
	return nil
}

// holds says that a file needs no change.
func (e edit) holds(data []byte) (bool, error) {
	out, err := e.do(data)
	return err == nil && bytes.Equal(out, data), err
}

// holdsAt says that a commit needs no change.
func (r *repo) holdsAt(ctx context.Context, c change, commit string) (bool, error) {
	for _, e := range c.edits {
		if e.link != "" {
			at, err := r.objects.entryAt(ctx, commit, e.file)
			if err != nil || at.id != e.link {
				return false, err
			}
			continue
		}
		data, err := r.existing(ctx, e, commit)
		if err != nil {
			return false, err
		}
		if ok, err := e.holds(data); !ok || err != nil {
			return false, inFile(e.file, err)
		}
	}
	return true, nil
}

// existing gives a file of a commit, or nothing where it may be missing.
func (r *repo) existing(ctx context.Context, e edit, commit string) ([]byte, error) {
	data, found, err := r.at(ctx, commit, e.file)
	if err == nil && !found && !e.create {
		return nil, noFile(e.file, r.dir, commit)
	}
	return data, err
}

func inFile(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file, err)
}

// written is a file of the working tree as it is and as it shall be.
type written struct {
	edit
	was, want []byte
	missing   bool
}

// commit writes the change and commits its files alone. Nothing to do is no error.
func (r *repo) commit(ctx context.Context, c change) (head string, made bool, err error) {
	if link := c.link(); link != nil {
		made, err = r.commitLink(ctx, c, *link)
	} else {
		made, err = r.commitFiles(ctx, c)
	}
	if err != nil {
		return "", false, err
	}
	head, err = r.head(ctx)
	return head, made, err
}

func (r *repo) commitFiles(ctx context.Context, c change) (made bool, err error) {
	if err := r.want(ctx, c.files()...); err != nil {
		return false, err
	}
	plan, err := r.plan(ctx, c)
	if err != nil || len(plan) == 0 {
		return false, err
	}
	return true, r.record(ctx, c, plan)
}

// plan gives the files that are to be written; none is nothing to do. It refuses to touch changes that somebody has
// not committed, but for its own of a run that ended too early.
func (r *repo) plan(ctx context.Context, c change) ([]written, error) {
	status, err := r.status(ctx, c.files()...)
	if err != nil {
		return nil, err
	}
	var out []written
	for _, e := range c.edits {
		w, err := r.planFile(ctx, e, status[e.file])
		if err != nil {
			return nil, err
		}
		if w != nil {
			out = append(out, *w)
		}
	}
	return out, nil
}

func (r *repo) planFile(ctx context.Context, e edit, status string) (*written, error) {
	committed, err := r.existing(ctx, e, "HEAD")
	if err != nil {
		return nil, err
	}
	w := written{edit: e, missing: committed == nil}
	if w.was, err = r.read(e.file); err != nil && !w.missing {
		return nil, err
	}
	base := w.was
	switch {
	case w.missing:
		base = nil
	case status != "":
		if base, err = r.bytes(ctx, "cat-file", "--filters", "HEAD:"+e.file); err != nil {
			return nil, err
		}
	}
	if w.want, err = e.do(base); err != nil {
		return nil, inFile(e.file, err)
	}
	switch {
	case bytes.Equal(w.want, base):
		return nil, nil
	case status == "", halfDone(status) && (bytes.Equal(w.was, w.want) || bytes.Equal(w.was, base)): // git compares sizes before it compares line ends
		return &w, nil
	}
	return nil, hint.Errorf("see them with `git -C "+r.dir+" diff HEAD -- "+e.file+"`, and commit them, or drop them with `git -C "+r.dir+" checkout HEAD -- "+e.file+"`",
		"%s in %s has changes that are not committed", e.file, r.dir)
}

// status gives what git-status(1) says of the files that are not as they were committed.
func (r *repo) status(ctx context.Context, files ...string) (map[string]string, error) {
	out, err := r.run(ctx, append([]string{"status", "--porcelain=v1", "-z", "--untracked-files=all", "--"}, files...)...)
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, line := range strings.Split(out, "\x00") {
		if len(line) > 3 {
			states[line[3:]] = line[:2]
		}
	}
	return states, nil
}

// halfDone says that the file is changed, or changed and staged, or new, and not both in different ways.
func halfDone(status string) bool {
	return len(status) == 2 && (status[0] == ' ' || status[1] == ' ' || status == "??")
}

func (r *repo) record(ctx context.Context, c change, plan []written) error {
	for _, w := range plan {
		if bytes.Equal(w.was, w.want) {
			continue
		}
		if err := r.write(w.file, w.want); err != nil {
			return fmt.Errorf("write %s: %w", w.file, err)
		}
	}
	var files []string
	for _, w := range plan {
		if w.missing {
			if _, err := r.run(ctx, "add", "--intent-to-add", "--sparse", "--", w.file); err != nil {
				return err
			}
		}
		files = append(files, w.file)
	}
	failed := r.commitAs(ctx, append(c.message(), append([]string{"--only", "--"}, files...)...))
	return r.settle(context.WithoutCancel(ctx), c, plan, failed)
}

// message are git's words for the commit's own.
func (c change) message() []string {
	args := []string{"-m", c.subject}
	if c.body != "" {
		args = append(args, "-m", c.body)
	}
	return args
}

// commitAs commits as whoever git knows, or as the site's author. Git must not make an address up from the machine's name.
func (r *repo) commitAs(ctx context.Context, args []string) error {
	args = append([]string{"commit", "--quiet"}, args...)
	// Nor does it clean up after this one commit: that would be a process more for each site.
	_, err := r.with("user.useConfigOnly=true", "maintenance.auto=false").run(ctx, args...)
	if !said(err, "Please tell me who you are") && !said(err, "no email was given") && !said(err, "no name was given") {
		return err
	}
	g, err := r.author()
	if err != nil {
		return err
	}
	_, err = g.run(ctx, args...)
	return err
}

// settle looks whether the commit is there, whatever git answered, and cleans up when it is not.
func (r *repo) settle(ctx context.Context, c change, plan []written, failed error) error {
	ok, err := r.holdsAt(ctx, c, "HEAD")
	if err != nil {
		return errors.Join(failed, err)
	}
	if ok {
		return nil
	}
	if failed == nil {
		return hint.Errorf("see what its hooks and filters do to the file: git -C "+r.dir+" show", "%s in %s is not as wanted after the commit", plan[0].file, r.dir)
	}
	for _, w := range plan {
		if err := r.putBack(ctx, w); err != nil {
			return errors.Join(failed, err)
		}
	}
	if hint.Of(failed) == "" {
		failed = hint.Wrap(failed, "see what git or a hook refuses, in "+r.dir)
	}
	return failed
}

func (r *repo) putBack(ctx context.Context, w written) error {
	if !w.missing {
		return r.write(w.file, w.was)
	}
	_, err := r.run(ctx, "rm", "--quiet", "--force", "--sparse", "--", w.file)
	return err
}

// begun says that a file holds a change which an earlier run had written and not committed.
func (r *repo) begun(ctx context.Context, c change) (files []string, err error) {
	if c.link() != nil {
		return nil, nil
	}
	status, err := r.status(ctx, c.files()...)
	if err != nil || len(status) == 0 {
		return nil, err
	}
	for _, e := range c.edits {
		committed, found, err := r.at(ctx, "HEAD", e.file)
		if err != nil {
			return nil, err
		}
		if !found || !halfDone(status[e.file]) {
			continue
		}
		base, err := r.bytes(ctx, "cat-file", "--filters", "HEAD:"+e.file)
		if err != nil {
			base = committed
		}
		want, err := e.do(base)
		if err != nil || bytes.Equal(want, base) {
			continue
		}
		if is, err := r.read(e.file); err == nil && bytes.Equal(want, is) {
			files = append(files, e.file)
		}
	}
	return files, nil
}

func (r *repo) dropBegun(ctx context.Context, c change) error {
	files, err := r.begun(ctx, c)
	if err != nil || len(files) == 0 {
		return err
	}
	_, err = r.run(ctx, append([]string{"checkout", "--quiet", "HEAD", "--"}, files...)...)
	return err
}

// commitLink moves a submodule to another commit. It goes through an index of its own, so that nothing which somebody
// has staged is committed with it, and leaves the submodule's folder as it is.
func (r *repo) commitLink(ctx context.Context, c change, e edit) (made bool, err error) {
	is, err := r.objects.entryAt(ctx, "HEAD", e.file)
	if err != nil {
		return false, inFile(e.file, err)
	}
	if is.mode != "160000" {
		return false, hint.Errorf("correct `pin`", "%s in %s is no submodule", e.file, r.dir)
	}
	if is.id == e.link {
		return false, nil
	}
	dir, err := r.run(ctx, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return false, err
	}
	own := *r
	g := *r.git
	g.env = append(append([]string{}, g.env...), "GIT_INDEX_FILE="+filepath.Join(dir, "lull-index"))
	own.git = &g
	for _, args := range [][]string{{"read-tree", "HEAD"}, {"update-index", "--cacheinfo", "160000," + e.link + "," + e.file}} {
		if _, err := own.run(ctx, args...); err != nil {
			return false, err
		}
	}
	failed := own.commitAs(ctx, c.message())
	ok, err := r.holdsAt(context.WithoutCancel(ctx), c, "HEAD")
	switch {
	case err != nil:
		return false, errors.Join(failed, err)
	case !ok && failed == nil:
		failed = fmt.Errorf("%s in %s is not as wanted after the commit", e.file, r.dir)
		fallthrough
	case !ok:
		return false, hint.Or(failed, "see what git or a hook refuses, in "+r.dir)
	}
	_, err = r.run(ctx, "reset", "--quiet", "--", e.file)
	return true, err
}
