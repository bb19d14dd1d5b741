package sites

import (
	"context"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/forge"
)

// Pull is where a change is proposed.
type Pull struct{ Forge forge.Forge }

// proposal is a data file whose changes go by pull requests: they are live when a person has merged them.
type proposal struct {
	dataFile
	pull *Pull
}

// pullTree names Lull's own clone: a branch is made in it, and nobody's working tree is led away from theirs.
func (s Site) pullTree(ctx context.Context) (tree, error) {
	t := s.tree()
	if isAddress(s.Repository) {
		return t, nil
	}
	g, err := newGit(s.Repository)
	if err != nil {
		return t, err
	}
	url, err := g.run(ctx, "remote", "get-url", "origin")
	if err != nil {
		return t, hint.Or(err, "name the remote as `repository`")
	}
	t.repository = url
	if !isAddress(url) {
		t.repository = "file://" + url
	}
	return t, nil
}

const branchPrefix = "lull/banner-"

func branchOf(b Banner, on bool) string {
	word := "off"
	if on {
		word = "on"
	}
	if b.ID == "" {
		return branchPrefix + word
	}
	return branchPrefix + word + "-" + b.ID
}

func (p *proposal) proposed(b Banner, on bool) forge.Proposal {
	c := p.change(b, on)
	return forge.Proposal{Branch: branchOf(b, on), Base: p.branch, Title: c.subject, Body: c.body}
}

// look takes an open proposal for what it asks for.
func (p *proposal) look(ctx context.Context, b Banner) (Finding, error) {
	tip, err := p.published(ctx)
	if err != nil {
		return Finding{}, err
	}
	f, err := p.lookAt(ctx, b, tip)
	if err != nil {
		return f, err
	}
	for _, on := range []bool{true, false} {
		branch := "refs/heads/" + branchOf(b, on)
		at, err := p.ask(ctx, branch)
		if err != nil {
			return f, err
		}
		if at == "" {
			continue
		}
		if at, err = p.tip(ctx, branch, ""); err != nil {
			return f, err
		}
		if ok, err := p.holdsAt(ctx, p.change(b, on), at); err == nil && ok {
			f.Proposed = branchOf(b, on)
			if f.State = StateOff; on {
				f.State = StateOn
			}
			return f, nil
		}
	}
	return f, nil
}

// put proposes the change. A proposal for the contrary is withdrawn, with its branch.
func (p *proposal) put(ctx context.Context, b Banner, on bool) (result, error) {
	if err := p.withdraw(ctx, p.proposed(b, !on)); err != nil {
		return result{}, err
	}
	tip, err := p.published(ctx)
	if err != nil {
		return result{}, err
	}
	c := p.change(b, on)
	if ok, err := p.holdsAt(ctx, c, tip); err != nil || ok {
		if err == nil {
			err = p.withdraw(ctx, p.proposed(b, on)) // merged, or not needed any more
		}
		return result{commit: tip, where: "at " + p.place()}, err
	}
	want := p.proposed(b, on)
	commit, made, err := p.pushBranch(ctx, c, tip, want.Branch)
	if err != nil {
		return result{}, err
	}
	r, opened, err := p.pull.Forge.Propose(ctx, want)
	if err != nil {
		return result{}, err
	}
	return result{commit: commit, made: made || opened, where: "proposed: it is published when somebody merges " + r.URL}, nil
}

func (p *proposal) withdraw(ctx context.Context, x forge.Proposal) error {
	ref := "refs/heads/" + x.Branch
	at, err := p.ask(ctx, ref)
	if err != nil || at == "" {
		return err
	}
	if _, err := p.pull.Forge.Withdraw(ctx, x); err != nil {
		return err
	}
	_, pushed := p.run(ctx, "push", "--quiet", p.remote, ":"+ref)
	if at, err := p.ask(ctx, ref); err != nil || at != "" {
		return fmt.Errorf("remove the branch %s: %w", x.Branch, firstOf(pushed, err))
	}
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pushBranch puts the change, on top of what is published, on a branch of its own. The branch is Lull's: what it held before is replaced.
func (p *proposal) pushBranch(ctx context.Context, c change, tip, branch string) (commit string, made bool, err error) {
	ref := "refs/heads/" + branch
	was, err := p.ask(ctx, ref)
	if err != nil {
		return "", false, err
	}
	if was != "" {
		if at, err := p.tip(ctx, ref, ""); err == nil {
			ok, err := p.holdsAt(ctx, c, at)
			based, _ := p.contains(ctx, at, tip)
			if err == nil && ok && based {
				return at, false, nil
			}
		}
	}
	if err := p.want(ctx, c.files()...); err != nil {
		return "", false, err
	}
	if _, err := p.run(ctx, "checkout", "--quiet", "--force", "--no-track", "-B", branch, tip); err != nil {
		return "", false, err
	}
	base := p.branch
	defer func() { // Lull's own clone goes back to where it is expected
		if _, back := p.run(context.WithoutCancel(ctx), "checkout", "--quiet", "--force", base); err == nil {
			err = back
		}
	}()
	if commit, _, err = p.commit(ctx, c); err != nil {
		return "", false, err
	}
	_, pushed := p.run(ctx, "push", "--quiet", "--no-follow-tags", "--force-with-lease="+ref+":"+was, p.remote, commit+":"+ref)
	now, err := p.ask(ctx, ref)
	if err == nil && now != commit {
		err = hint.Or(firstOf(pushed, fmt.Errorf("push of %s: the branch is somewhere else", branch)), "type the same command again")
	}
	return commit, true, err
}
