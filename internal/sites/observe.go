package sites

import (
	"context"
	"fmt"
)

// State is what a site's published data file says.
type State string

// The states of a site.
const (
	StateOn    State = "on"    // with our words
	StateOff   State = "off"   // and says so
	StateOther State = "other" // on with other words, or it leaves the question open
)

// Finding is what was seen of a site, and where.
type Finding struct {
	State  State
	Banner Banner // as a template would take it
	Commit string
	Place  string // "origin/main"; "main" when the site is not pushed
}

// Observe looks at the version of the data file that the public's site is built from: the
// remote's, or the branch's own when the site is not pushed. It changes nothing.
func Observe(ctx context.Context, s Site, b Banner) (Finding, error) {
	r, err := open(ctx, s)
	if err != nil {
		return Finding{}, err
	}
	return r.observe(ctx, b)
}

func (r *repo) observe(ctx context.Context, b Banner) (Finding, error) {
	tip, err := r.published(ctx)
	if err != nil {
		return Finding{}, err
	}
	data, err := r.at(ctx, tip)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{State: StateOther, Commit: tip, Place: r.place()}
	if f.Banner, err = Read(data); err != nil {
		return Finding{}, fmt.Errorf("%s: %w", r.file, err)
	}
	if on, err := switchOn(b).holds(data); err == nil && on {
		f.State = StateOn
	} else if off, err := switchOff().holds(data); err == nil && off {
		f.State = StateOff
	}
	return f, nil
}
