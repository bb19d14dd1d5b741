package sites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
)

// ensureClone makes Lull's own clone of a remote, once. It holds the branch alone, and the content of the files that
// are changed: a site may have gigabytes of pictures. What a clone that was cut short has left is begun anew.
func ensureClone(ctx context.Context, t tree) error {
	if t.clone == "" {
		return fmt.Errorf("clone %s: there is no folder for it", shown(t.repository))
	}
	if _, err := os.Stat(filepath.Join(t.clone, ".git", "HEAD")); err == nil {
		return sameRemote(ctx, t)
	}
	if err := os.MkdirAll(filepath.Dir(t.clone), 0o755); err != nil {
		return fmt.Errorf("make a folder for the clone: %w", err)
	}
	fresh := t.clone + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.RemoveAll(t.clone)); err != nil {
		return fmt.Errorf("clone %s: %w", shown(t.repository), err)
	}
	g := &git{dir: filepath.Dir(t.clone), env: environment(os.Environ()), waiting: func() {}}
	args := []string{"clone", "--quiet", "--single-branch", "--no-tags", "--filter=blob:none", "--no-checkout"}
	if t.branch != "" {
		args = append(args, "--branch", t.branch)
	}
	_, err := g.run(ctx, append(args, "--", t.repository, fresh)...)
	if err != nil {
		return advisedClone(err, t)
	}
	g.dir = fresh
	for _, args := range [][]string{
		{"sparse-checkout", "set", "--no-cone", "/.gitattributes"}, // line ends and filters of the files that are changed
		{"checkout", "--quiet"},
	} {
		if _, err := g.run(ctx, args...); err != nil {
			return advisedClone(err, t)
		}
	}
	return os.Rename(fresh, t.clone)
}

func advisedClone(err error, t tree) error {
	var failed *proc.Error
	if hint.Of(err) != "" || !errors.As(err, &failed) {
		return err
	}
	if said(err, "Remote branch") {
		return hint.Wrap(err, "correct `branch`, or push it once")
	}
	return hint.Wrap(err, "try it by hand: git ls-remote "+shown(t.repository))
}

// sameRemote clones anew when lull.yaml names another address than before.
func sameRemote(ctx context.Context, t tree) error {
	g, err := newGit(t.clone)
	if err != nil {
		return err
	}
	url, err := g.run(ctx, "config", "--get", "remote.origin.url")
	if err == nil && url == t.repository {
		return nil
	}
	if err != nil && code(err) != 1 {
		return err
	}
	if err := os.RemoveAll(t.clone); err != nil {
		return err
	}
	return ensureClone(ctx, t)
}

// want has a file in the working tree of Lull's own clone, which holds none but those it changes.
func (r *repo) want(ctx context.Context, files ...string) error {
	if !isAddress(r.of.repository) {
		return nil
	}
	have, err := os.ReadFile(filepath.Join(r.dir, ".git", "info", "sparse-checkout"))
	if err != nil {
		return fmt.Errorf("read what the clone %s holds: %w", r.dir, err)
	}
	var add []string
	for _, f := range files {
		if line := "/" + sparse(f); !strings.Contains("\n"+string(have), "\n"+line+"\n") {
			add = append(add, line)
		}
	}
	if len(add) == 0 {
		return nil
	}
	_, err = r.run(ctx, append([]string{"sparse-checkout", "add"}, add...)...)
	return err
}

// sparse takes the meaning from what would be a pattern (gitignore(5)).
func sparse(file string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(file)
}
