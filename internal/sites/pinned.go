package sites

import (
	"context"
	"errors"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/pin"
)

// subjectPin begins the subject of a commit that moves a pin.
const subjectPin = "Build with the theme "

// pinned is a site that names a commit of a theme, in which the data file is.
type pinned struct {
	*repo
	site  Site
	theme *theme
}

func (f *fleet) openPin(ctx context.Context, s Site) (carrier, error) {
	t := f.theme(s.Theme)
	if s.Pin == pin.None {
		return unpinned{t}, nil
	}
	r, err := open(ctx, s.tree())
	if err != nil {
		return nil, err
	}
	return pinned{r, s, t}, nil
}

// pinAt finds what a commit of the site says of the theme. The theme is open, and its lock is held.
func (p pinned) pinAt(ctx context.Context, commit string) (pin.Pin, pin.Theme, error) {
	names, err := p.theme.called(ctx)
	if err != nil {
		return pin.Pin{}, names, err
	}
	found, err := pin.Find(func(name string) ([]byte, bool, error) { return p.at(ctx, commit, name) }, names, p.site.Pin)
	if err != nil {
		return found, names, fmt.Errorf("the theme %s in %s: %w", p.theme.of.Name, p.dir, err)
	}
	if found.Path != "" {
		at, err := p.objects.entryAt(ctx, commit, found.Path)
		if err != nil || at.mode != "160000" {
			return found, names, errors.Join(fmt.Errorf("%s is no submodule", found.Path), err)
		}
		found.Commit = at.id
	}
	if found.Commit, err = p.theme.resolve(ctx, found.Commit); err != nil {
		return found, names, hint.Or(err, "push the theme; or set the site to a commit that its remote has")
	}
	return found, names, nil
}

func (p pinned) look(ctx context.Context, b Banner) (Finding, error) {
	p.theme.mu.Lock()
	defer p.theme.mu.Unlock()
	if err := p.theme.open(ctx); err != nil {
		return Finding{}, err
	}
	tip, err := p.published(ctx)
	if err != nil {
		return Finding{}, err
	}
	at, _, err := p.pinAt(ctx, tip)
	if err != nil {
		return Finding{}, err
	}
	f, err := p.theme.repo.dataState(ctx, p.theme.file, b, at.Commit)
	f.Commit, f.Place = tip, p.place()
	return f, err
}

// put switches the theme first, and then moves the site to the commit that the theme's remote has.
func (p pinned) put(ctx context.Context, b Banner, on bool) (result, error) {
	// A site that is off already, on whatever commit of the theme, is not moved.
	if f, err := p.look(ctx, b); err == nil && !on && f.State == StateOff {
		if p.pushes() {
			return result{commit: f.Commit, where: "at " + p.place()}, nil
		}
	}
	to, err := p.theme.bring(ctx, b, on)
	if err != nil {
		return result{}, err
	}
	var made bool
	for try := range pushTries {
		res, err := p.bringPin(ctx, to.commit)
		made = made || res.made
		if err == nil || !errors.Is(err, errMoved) {
			res.made = made
			return res, err
		}
		if err := pause(ctx, try); err != nil {
			return result{}, err
		}
	}
	return result{}, hint.Errorf("type the same command again when it is quieter", "push to %s: somebody else was quicker %d times", p.place(), pushTries)
}

// errMoved says that the site's own pin was changed by somebody meanwhile.
var errMoved = errors.New("the site names another commit now")

func (p pinned) bringPin(ctx context.Context, to string) (result, error) {
	c, err := p.change(ctx, to)
	if err != nil {
		return result{}, err
	}
	if c == nil {
		tip, err := p.published(ctx)
		return result{commit: tip, where: "at " + p.place()}, err
	}
	return p.bring(ctx, *c)
}

// change is the move from the published pin to a commit of the theme; nil is nothing to do.
func (p pinned) change(ctx context.Context, to string) (*change, error) {
	p.theme.mu.Lock()
	defer p.theme.mu.Unlock()
	if err := p.theme.open(ctx); err != nil {
		return nil, err
	}
	tip, err := p.published(ctx)
	if err != nil {
		return nil, err
	}
	at, names, err := p.pinAt(ctx, tip)
	if err != nil || at.Commit == to {
		return nil, err
	}
	if back, err := p.theme.repo.contains(ctx, at.Commit, to); err != nil || back {
		return nil, err // the site is ahead of what was asked for
	}
	return p.move(ctx, at, names, to)
}

// move is the change from one commit of the theme to another. The theme is open, and its lock is held.
func (p pinned) move(ctx context.Context, at pin.Pin, names pin.Theme, to string) (*change, error) {
	edits, err := at.Move(names, p.theme.source(ctx, at.Commit), p.theme.source(ctx, to), pin.Target{Commit: to, GoModule: p.theme.goModule(ctx, names.Module, to)})
	if err != nil {
		return nil, err
	}
	c := &change{subject: subjectPin + p.theme.of.Name + " at " + short(to)}
	for _, e := range edits {
		c.edits = append(c.edits, edit{file: e.File, do: e.Do, link: e.Link})
	}
	return c, nil
}

// halfMoved is the move that a run had written into the working tree and not committed; nil is none.
func (p pinned) halfMoved(ctx context.Context) (*change, error) {
	p.theme.mu.Lock()
	defer p.theme.mu.Unlock()
	if err := p.theme.open(ctx); err != nil {
		return nil, err
	}
	at, names, err := p.pinAt(ctx, "HEAD")
	if err != nil || at.Path != "" {
		return nil, err
	}
	written, err := pin.Find(func(name string) ([]byte, bool, error) {
		data, err := p.read(name)
		return data, err == nil, nil //nolint:nilerr // what cannot be read is not there
	}, names, p.site.Pin)
	if err != nil || written.Commit == at.Commit {
		return nil, nil //nolint:nilerr // a file that names no theme is not of our making
	}
	to, err := p.theme.resolve(ctx, written.Commit)
	if err != nil || to == at.Commit {
		return nil, nil //nolint:nilerr // nor one that names a commit which the theme does not have
	}
	return p.move(ctx, at, names, to)
}

func (p pinned) begun(ctx context.Context, _ Banner) (bool, error) {
	c, err := p.halfMoved(ctx)
	if c == nil || err != nil {
		return false, err
	}
	files, err := p.repo.begun(ctx, *c)
	return len(files) > 0, err
}

func (p pinned) drop(ctx context.Context, _ Banner) error {
	c, err := p.halfMoved(ctx)
	if c == nil || err != nil {
		return err
	}
	return p.dropBegun(ctx, *c)
}

// unpinned is a site whose builds take the newest commit of the theme.
type unpinned struct{ theme *theme }

func (u unpinned) look(ctx context.Context, b Banner) (Finding, error) {
	u.theme.mu.Lock()
	defer u.theme.mu.Unlock()
	if err := u.theme.open(ctx); err != nil {
		return Finding{}, err
	}
	tip, err := u.theme.repo.published(ctx)
	if err != nil {
		return Finding{}, err
	}
	return u.theme.repo.dataState(ctx, u.theme.file, b, tip)
}

func (u unpinned) put(ctx context.Context, b Banner, on bool) (result, error) {
	return u.theme.bring(ctx, b, on)
}
func (unpinned) begun(context.Context, Banner) (bool, error) { return false, nil }
func (unpinned) drop(context.Context, Banner) error          { return nil }
func (unpinned) close()                                      {}
