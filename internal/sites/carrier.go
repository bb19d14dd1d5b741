package sites

import (
	"context"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/datafile"
)

// carrier is the way on which the banner gets to one site.
type carrier interface {
	// look says what the version of the site says that the public's is built from. It changes nothing.
	look(ctx context.Context, b Banner) (Finding, error)
	// put switches the banner on or off there. Twice the same is nothing to do.
	put(ctx context.Context, b Banner, on bool) (result, error)
	// begun says that something of it was written and is not committed; drop takes that back.
	begun(ctx context.Context, b Banner) (bool, error)
	drop(ctx context.Context, b Banner) error
	close()
}

// carry opens the way to a site. f is what the sites of one call share.
func (f *fleet) carry(ctx context.Context, s Site) (carrier, error) {
	switch {
	case s.Snippet:
		return snippet{}, nil
	case s.Hook != nil:
		return hook{s}, nil
	case s.Theme != nil:
		return f.openPin(ctx, s)
	case s.Banner != "":
		return openData(ctx, s)
	}
	return nil, hint.Errorf("write one of banner, theme, snippet, hook", "the site does not say how the banner gets there")
}

// dataFile is a data file in the site's own repository.
type dataFile struct {
	*repo
	site Site
	file string
}

func openData(ctx context.Context, s Site) (carrier, error) {
	file, err := dataPath(s.Banner)
	if err != nil {
		return nil, err
	}
	t := s.tree()
	if s.Pull != nil {
		if t, err = s.pullTree(ctx); err != nil {
			return nil, err
		}
	}
	r, err := open(ctx, t)
	if err != nil {
		return nil, err
	}
	d := dataFile{r, s, file}
	if s.Pull != nil {
		return &proposal{dataFile: d, pull: s.Pull}, nil
	}
	return d, nil
}

func (d dataFile) change(b Banner, on bool) change {
	var more []edit
	if d.site.Schedule != "" {
		more = append(more, schedule(d.site.Schedule, d.file, b, on))
	}
	if on {
		return switchOn(b, d.file, more...)
	}
	return switchOff(d.file, more...)
}

func (d dataFile) look(ctx context.Context, b Banner) (Finding, error) {
	tip, err := d.published(ctx)
	if err != nil {
		return Finding{}, err
	}
	return d.lookAt(ctx, b, tip)
}

func (d dataFile) lookAt(ctx context.Context, b Banner, commit string) (Finding, error) {
	f, err := d.dataState(ctx, d.file, b, commit)
	if err != nil || f.State == StateOther || d.site.Schedule == "" {
		return f, err
	}
	if ok, err := d.holdsAt(ctx, d.change(b, f.State == StateOn), commit); err != nil || !ok {
		f.State = StateOther
		return f, err
	}
	return f, nil
}

// dataState reads a data file in a commit.
func (r *repo) dataState(ctx context.Context, file string, b Banner, commit string) (Finding, error) {
	data, err := r.dataAt(ctx, commit, file)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{State: StateOther, Commit: commit, Place: r.place()}
	if f.Banner, err = datafile.Read(file, data); err != nil {
		return Finding{}, fmt.Errorf("%s: %w", file, err)
	}
	if on, err := switchOn(b, file).edits[0].holds(data); err == nil && on {
		f.State = StateOn
	} else if off, err := switchOff(file).edits[0].holds(data); err == nil && off {
		f.State = StateOff
	}
	return f, nil
}

func (d dataFile) put(ctx context.Context, b Banner, on bool) (result, error) {
	return d.bring(ctx, d.change(b, on))
}

func (d dataFile) begun(ctx context.Context, b Banner) (bool, error) {
	files, err := d.repo.begun(ctx, d.change(b, true))
	return len(files) > 0, err
}

func (d dataFile) drop(ctx context.Context, b Banner) error {
	return d.dropBegun(ctx, d.change(b, true))
}

// snippet is a site whose pages load Lull's script: what the status page says is on them by itself.
type snippet struct{}

func (snippet) look(_ context.Context, _ Banner) (Finding, error) {
	return Finding{State: StateSelf, Place: "the embedded script"}, nil
}

func (snippet) put(context.Context, Banner, bool) (result, error) {
	return result{itself: true}, nil
}
func (snippet) begun(context.Context, Banner) (bool, error) { return false, nil }
func (snippet) drop(context.Context, Banner) error          { return nil }
func (snippet) close()                                      {}
