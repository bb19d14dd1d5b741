package view

import (
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Change is one post of the change log as anyone may see it. Its instants are in the page's zone.
type Change struct {
	ID          maint.ID
	Name        string // the id without its kind: what an address has
	Seq         int64  // of the entry that posted it first
	Title       string
	Text        string // Markdown
	Labels      []string
	Maintenance maint.ID // that brought it, if one did
	Posted      time.Time
	Changed     time.Time         // its words; the same as Posted when they never were
	Pictures    map[string]string // kept files by what the text calls them
}

// changes folds the posts that are on the page, newest first.
func (p *PageModel) changes(about []subject, catalog Catalog) {
	for _, s := range about {
		if s.id.Kind() != maint.AChange {
			continue
		}
		c := maint.Change{ID: s.id}
		for _, e := range s.entries {
			c = c.Apply(e.Event, e.At)
		}
		if !c.Public() {
			continue
		}
		zone := catalog.location()
		p.Changes = append(p.Changes, Change{
			ID: s.id, Name: s.id.Name(), Seq: s.entries[0].Seq, Title: c.Post.Title, Text: c.Post.Text, Labels: c.Post.Labels, Maintenance: c.Post.Maintenance,
			Posted: c.Posted.In(zone), Changed: c.Changed.In(zone),
			Pictures: c.Post.Pictures,
		})
	}
	slices.SortStableFunc(p.Changes, func(a, b Change) int { return b.Posted.Compare(a.Posted) })
}

// FindChange returns the post of that name.
func (p PageModel) FindChange(name string) (Change, bool) {
	for _, c := range p.Changes {
		if c.Name == name {
			return c, true
		}
	}
	return Change{}, false
}
