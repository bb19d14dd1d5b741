package sites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// The subjects of lull's commits. A commit is lull's when it has one of them and touches only the data file.
const (
	subjectOn  = "Switch the maintenance banner on"
	subjectOff = "Switch the maintenance banner off"
)

// pushTries bounds how often a push that others were quicker than is made anew.
const pushTries = 8

// change is what is done to a data file, and the words of the commit.
type change struct {
	edit    func([]byte) ([]byte, error)
	subject string
	body    string
}

func switchOn(b Banner) change {
	b.Enabled = true
	return change{
		edit:    func(data []byte) ([]byte, error) { return Edit(data, b) },
		subject: subjectOn, body: strings.TrimSpace(b.Text + "\n" + b.URL),
	}
}

func switchOff() change { return change{edit: Off, subject: subjectOff} }

// holds says that a data file needs no change.
func (c change) holds(data []byte) (bool, error) {
	out, err := c.edit(data)
	return err == nil && bytes.Equal(out, data), err
}

// result is where a change is to be found.
type result struct {
	commit string
	made   bool // there was something to do
}

// bring commits the change, once, and publishes it. A push that somebody was quicker than
// is settled by going on from theirs; a push whose answer was lost, by looking.
func (r *repo) bring(ctx context.Context, c change) (result, error) {
	var made bool
	for try := range pushTries {
		tip, err := r.follow(ctx, c)
		if err != nil {
			return result{}, err
		}
		commit, did, err := r.commit(ctx, c)
		made = made || did
		if err != nil || !r.pushes() {
			return result{commit, made}, err
		}
		done, err := r.push(ctx, tip, commit)
		if done || err != nil {
			return result{commit, made}, err
		}
		if err := pause(ctx, try); err != nil {
			return result{}, err
		}
	}
	return result{}, hint.Errorf("type the same command again when it is quieter", "push to %s: somebody else was quicker %d times", r.place(), pushTries)
}

// push publishes a commit that follows tip. Not done and no error: others have moved the branch on.
func (r *repo) push(ctx context.Context, tip, commit string) (done bool, err error) {
	if done, err = r.contains(ctx, tip, commit); done || err != nil {
		return done, err
	}
	_, pushed := r.run(ctx, "push", "--quiet", "--no-follow-tags", r.remote, commit+":"+r.ref)
	now, err := r.published(ctx)
	if err != nil {
		return false, errors.Join(pushed, err)
	}
	if done, err = r.contains(ctx, now, commit); done || err != nil {
		return done, err
	}
	if now == tip && !raced(pushed) {
		return false, refused(pushed, r)
	}
	return false, nil
}

// raced says that two pushes met in the remote: the other one holds the lock of the branch.
func raced(err error) bool {
	return said(err, "cannot lock ref") || said(err, "failed to update ref") || said(err, "failed to lock")
}

func refused(err error, r *repo) error {
	if err == nil {
		return fmt.Errorf("push to %s: git was content, but the commit is not there", r.place())
	}
	if hint.Of(err) != "" {
		return err
	}
	return hint.Wrap(err, "see why the remote refuses: git -C "+r.dir+" push "+r.remote+" "+r.branch+"; or set `push: false` and publish by hand")
}

// follow brings the branch up to the published one, so that the change can be pushed.
func (r *repo) follow(ctx context.Context, c change) (tip string, err error) {
	if !r.pushes() {
		return "", nil
	}
	if tip, err = r.published(ctx); err != nil {
		return "", err
	}
	ahead, err := r.ahead(ctx, tip)
	if err != nil {
		return "", err
	}
	if upToDate, err := r.contains(ctx, "HEAD", tip); upToDate || err != nil {
		return tip, err
	}
	if err := r.dropBegun(ctx, c); err != nil {
		return "", err
	}
	if ahead == 0 {
		_, err = r.run(ctx, "merge", "--quiet", "--ff-only", tip)
		return tip, err
	}
	// Our commit was overtaken: it is given up and made anew. Like any checkout, this keeps
	// changes in other files, staged or not, and refuses where they are in the way.
	_, err = r.run(ctx, "checkout", "--quiet", "--no-track", "-B", r.branch, tip)
	return tip, err
}

// ahead counts lull's own commits that are not published, and refuses when there are others:
// a push would publish them too.
func (r *repo) ahead(ctx context.Context, tip string) (int, error) {
	subjects, err := r.run(ctx, "log", "--no-show-signature", "--format=%s", tip+"..HEAD")
	if err != nil || subjects == "" {
		return 0, err
	}
	files, err := r.run(ctx, "log", "--no-show-signature", "-m", "--format=", "--name-only", "-z", tip+"..HEAD")
	if err != nil {
		return 0, err
	}
	lines := strings.Split(subjects, "\n")
	foreign := slices.ContainsFunc(lines, func(s string) bool { return s != subjectOn && s != subjectOff }) ||
		slices.ContainsFunc(strings.Split(files, "\x00"), func(f string) bool { return f != "" && f != r.file })
	if foreign {
		return 0, hint.Errorf("push them with `git -C "+r.dir+" push`, or set `push: false`", "%s holds commits that are not on %s yet, and a push would publish them", r.dir, r.place())
	}
	return len(lines), nil
}

// commit writes the change and commits that file alone. Nothing to do is no error.
func (r *repo) commit(ctx context.Context, c change) (head string, made bool, err error) {
	was, want, err := r.plan(ctx, c)
	if err != nil {
		return "", false, err
	}
	if want != nil {
		err = r.record(ctx, c, was, want)
	}
	if err != nil {
		return "", false, err
	}
	head, err = r.head(ctx)
	return head, want != nil, err
}

// plan gives the file as it is and as it shall be; nil is nothing to do. It refuses to touch
// changes that somebody has not committed, but for its own of a run that ended too early.
func (r *repo) plan(ctx context.Context, c change) (was, want []byte, err error) {
	if _, err := r.at(ctx, "HEAD"); err != nil {
		return nil, nil, err
	}
	status, err := r.status(ctx)
	if err != nil {
		return nil, nil, err
	}
	if was, err = r.read(); err != nil {
		return nil, nil, err
	}
	base := was
	if status != "" {
		if base, err = r.bytes(ctx, "cat-file", "--filters", "HEAD:"+r.file); err != nil {
			return nil, nil, err
		}
	}
	if want, err = c.edit(base); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.file, err)
	}
	switch {
	case bytes.Equal(want, base):
		return was, nil, nil
	case status == "", halfDone(status) && (bytes.Equal(was, want) || bytes.Equal(was, base)): // git compares sizes before it compares line ends
		return was, want, nil
	}
	return nil, nil, hint.Errorf("see them with `git -C "+r.dir+" diff HEAD -- "+r.file+"`, and commit them, or drop them with `git -C "+r.dir+" checkout HEAD -- "+r.file+"`",
		"%s in %s has changes that are not committed", r.file, r.dir)
}

func (r *repo) status(ctx context.Context) (string, error) {
	return r.run(ctx, "status", "--porcelain=v1", "-z", "--", r.file)
}

// halfDone says that the file is changed, or changed and staged, and not both in different ways.
func halfDone(status string) bool { return len(status) > 2 && (status[0] == ' ' || status[1] == ' ') }

func (r *repo) record(ctx context.Context, c change, was, want []byte) error {
	g, err := r.committer(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(was, want) {
		if err := r.write(want); err != nil {
			return fmt.Errorf("write %s: %w", r.file, err)
		}
	}
	args := []string{"commit", "--quiet", "--only", "-m", c.subject}
	if c.body != "" {
		args = append(args, "-m", c.body)
	}
	_, failed := g.run(ctx, append(args, "--", r.file)...)
	return r.settle(context.WithoutCancel(ctx), c, was, failed)
}

// settle looks whether the commit is there, whatever git answered, and cleans up when it is not.
func (r *repo) settle(ctx context.Context, c change, was []byte, failed error) error {
	data, err := r.at(ctx, "HEAD")
	if err != nil {
		return errors.Join(failed, err)
	}
	if ok, err := c.holds(data); ok || err != nil {
		return err
	}
	if failed == nil {
		return hint.Errorf("see what its hooks and filters do to the file: git -C "+r.dir+" show", "%s in %s is not as wanted after the commit", r.file, r.dir)
	}
	if err := r.write(was); err != nil {
		return errors.Join(failed, err)
	}
	if hint.Of(failed) == "" {
		failed = hint.Wrap(failed, "see what git or a hook refuses, in "+r.dir)
	}
	return failed
}

// begun says that the file holds a change which an earlier run had written and not committed.
func (r *repo) begun(ctx context.Context, c change) (bool, error) {
	status, err := r.status(ctx)
	if err != nil || !halfDone(status) {
		return false, err
	}
	base, err := r.bytes(ctx, "cat-file", "--filters", "HEAD:"+r.file)
	if err != nil {
		return false, err
	}
	want, err := c.edit(base)
	if err != nil || bytes.Equal(want, base) {
		return false, err
	}
	is, err := r.read()
	return bytes.Equal(want, is), err
}

func (r *repo) dropBegun(ctx context.Context, c change) error {
	begun, err := r.begun(ctx, c)
	if begun && err == nil {
		_, err = r.run(ctx, "checkout", "--quiet", "HEAD", "--", r.file)
	}
	return err
}
