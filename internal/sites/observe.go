package sites

import "context"

// State is what a site's published data file says.
type State string

// The states of a site.
const (
	StateOn    State = "on"    // with our words
	StateOff   State = "off"   // and says so
	StateOther State = "other" // on with other words, or it leaves the question open
	StateSelf  State = "self"  // its pages ask the status page
)

// Finding is what was seen of a site, and where.
type Finding struct {
	State    State
	Banner   Banner // as a template would take it
	Commit   string
	Place    string // "origin/main"; "main" when the site is not pushed
	Proposed string // the branch that waits to be merged; State is what it asks for
}

// Where is the place of what was seen.
func (f Finding) Where() string {
	switch {
	case f.Proposed != "":
		return f.Proposed + " waits to be merged into " + f.Place
	case f.Commit != "":
		return short(f.Commit) + " of " + f.Place
	}
	return f.Place
}

// Observe looks at the version of the data file that the public's site is built from: the
// remote's, or the branch's own when the site is not pushed. It changes nothing.
func Observe(ctx context.Context, s Site, b Banner) (Finding, error) {
	f := newFleet([]Site{s})
	defer f.close()
	c, err := f.carry(ctx, s)
	if err != nil {
		return Finding{}, err
	}
	defer c.close()
	return c.look(ctx, b)
}
