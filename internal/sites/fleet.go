package sites

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/hint"
)

// atOnce bounds how many repositories are worked on side by side.
const atOnce = 8

// fleet is all sites while one thing is done to them: themes that they share are opened once.
type fleet struct {
	sites  []Site
	themes map[string]*theme
}

func newFleet(sites []Site) *fleet {
	f := &fleet{sites: sites, themes: map[string]*theme{}}
	for _, s := range sites {
		if s.Theme != nil && f.themes[s.Theme.Name] == nil {
			f.themes[s.Theme.Name] = &theme{of: s.Theme, done: map[bool]result{}}
		}
	}
	return f
}

func (f *fleet) theme(t *Theme) *theme { return f.themes[t.Name] }

func (f *fleet) close() {
	for _, t := range f.themes {
		if t.repo != nil {
			t.repo.close()
		}
	}
}

// with opens the way to one site for the time of do.
func (f *fleet) with(ctx context.Context, s Site, do func(carrier) error) error {
	c, err := f.carry(ctx, s)
	if err != nil {
		return err
	}
	defer c.close()
	return do(c)
}

// each runs do for every site, side by side, but one after the other in one repository. It
// gives the errors in the order of the sites.
func (f *fleet) each(do func(int, Site) error) []error {
	errs := make([]error, len(f.sites))
	shared := map[string][]int{}
	var order []string
	for i, site := range f.sites {
		key := site.Repository
		if dir, err := filepath.EvalSymlinks(key); err == nil {
			key = dir
		}
		if key == "" {
			key = "site " + site.Name
		}
		if shared[key] == nil {
			order = append(order, key)
		}
		shared[key] = append(shared[key], i)
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, key := range order {
		g.Go(func() error {
			for _, i := range shared[key] {
				errs[i] = do(i, f.sites[i])
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return errs
}

// failed names every site that is not as wanted.
func (f *fleet) failed(errs []error) error {
	var all error
	n := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if err = fmt.Errorf("%s: %w", f.sites[i].Name, err); n > 0 {
			err = fmt.Errorf("%w; %w", all, err)
		}
		all, n = err, n+1
	}
	if all == nil {
		return nil
	}
	all = fmt.Errorf("the banner could not be switched at %d of %d sites: %w", n, len(errs), all)
	return hint.Or(all, "see why, then type the same command again: sites that are done are left alone")
}
