package sites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// pushTries bounds how often a push that others were quicker than is made anew.
const pushTries = 8

// result is where a change is to be found.
type result struct {
	commit string
	made   bool   // there was something to do
	where  string // "pushed to origin/main"
	itself bool   // there never is: the site asks the status page
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
			return result{commit: commit, made: made, where: "not pushed"}, err
		}
		done, err := r.push(ctx, tip, commit)
		if done || err != nil {
			return result{commit: commit, made: made, where: "pushed to " + r.place()}, err
		}
		if err := pause(ctx, try); err != nil {
			return result{}, err
		}
	}
	return result{}, hint.Errorf("type the same command again when it is quieter", "push to %s: somebody else was quicker %d times", r.place(), pushTries)
}

// push publishes a commit that follows tip. Not done and no error: others have moved the branch on.
func (r *repo) push(ctx context.Context, tip, commit string) (done bool, err error) {
	if !r.follows(ctx, commit, tip) {
		if done, err = r.contains(ctx, tip, commit); done || err != nil {
			return done, err
		}
	}
	_, pushed := r.run(ctx, "push", "--quiet", "--no-follow-tags", r.remote, commit+":"+r.ref)
	if pushed == nil { // the remote has said that the branch is there; whoever called looks again anyway
		return true, nil
	}
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

// follows says that a commit was made right on top of another one, which the commit itself tells.
func (r *repo) follows(ctx context.Context, commit, tip string) bool {
	_, kind, content, err := r.objects.object(ctx, commit)
	return err == nil && kind == "commit" && strings.Contains(string(content), "\nparent "+tip+"\n")
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
	head, err := r.head(ctx)
	if err != nil || head == tip {
		return tip, err
	}
	ahead, err := r.ahead(ctx, c, tip)
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
func (r *repo) ahead(ctx context.Context, c change, tip string) (int, error) {
	subjects, err := r.run(ctx, "log", "--no-show-signature", "--format=%s", tip+"..HEAD")
	if err != nil || subjects == "" {
		return 0, err
	}
	files, err := r.run(ctx, "log", "--no-show-signature", "-m", "--format=", "--name-only", "-z", tip+"..HEAD")
	if err != nil {
		return 0, err
	}
	lines, ours := strings.Split(subjects, "\n"), c.files()
	foreign := slices.ContainsFunc(lines, func(s string) bool { return s != subjectOn && s != subjectOff && !strings.HasPrefix(s, subjectPin) }) ||
		slices.ContainsFunc(strings.Split(files, "\x00"), func(f string) bool { return f != "" && !slices.Contains(ours, f) })
	if foreign {
		return 0, hint.Errorf("push them with `git -C "+r.dir+" push`, or set `push: false`", "%s holds commits that are not on %s yet, and a push would publish them", r.dir, r.place())
	}
	return len(lines), nil
}
