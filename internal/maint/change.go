package maint

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
)

// AChange is a post of the change log: something that is new for the product's users.
const AChange Kind = "change"

// ChangeID is the subject of a post's entries.
func ChangeID(name string) ID { return ID(string(AChange) + "/" + name) }

// ChangePosted publishes a post of the change log. A later one of the same name replaces its words,
// and leaves it where it stands.
type ChangePosted struct {
	Title  string   `json:"title"`
	Text   string   `json:"text"` // Markdown
	Labels []string `json:"labels,omitempty"`
	// Maintenance is the one that brought the change, if one did.
	Maintenance ID `json:"maintenance,omitempty"`
}

// ChangeWithdrawn takes a post off the page. The record keeps it.
type ChangeWithdrawn struct{}

func (ChangePosted) Kind() string    { return "change_posted" }
func (ChangeWithdrawn) Kind() string { return "change_withdrawn" }

func (ChangePosted) public()    {}
func (ChangeWithdrawn) public() {}

// Change is the fold of a post's events. The zero value was never posted.
type Change struct {
	ID        ID
	Post      ChangePosted
	Posted    time.Time // the first time
	Changed   time.Time
	Withdrawn bool
	Version   int64
}

// Apply folds one recorded event, published at the given instant, into the post.
func (c Change) Apply(e Event, at time.Time) Change {
	c.Version++
	c.Changed = at
	switch e := e.(type) {
	case ChangePosted:
		if c.Posted.IsZero() {
			c.Posted = at
		}
		c.Post, c.Withdrawn = e, false
	case ChangeWithdrawn:
		c.Withdrawn = true
	}
	return c
}

// ErrUnknownChange is wrapped when a command is for a post that was not published.
var ErrUnknownChange = errors.New("there is no post of that name")

// DecidePost publishes it, or replaces what it said. The same again is nothing to do.
func (c Change) DecidePost(e ChangePosted) ([]Event, error) {
	switch {
	case strings.TrimSpace(e.Title) == "":
		return nil, Refuse("a post needs a title")
	case strings.TrimSpace(e.Text) == "":
		return nil, Refuse("a post needs a text")
	case slices.ContainsFunc(e.Labels, func(l string) bool { return !isLabel(l) }):
		return nil, Refuse("a label is one line of 1 to %d bytes", maxLabel)
	case !c.Posted.IsZero() && !c.Withdrawn && c.Post.same(e):
		return nil, nil
	}
	return []Event{e}, nil
}

// maxLabel bounds what stands on one line beside others.
const maxLabel = 40

func isLabel(s string) bool {
	return strings.TrimSpace(s) == s && s != "" && len(s) <= maxLabel && !strings.ContainsFunc(s, unicode.IsControl)
}

// DecideWithdraw takes it off the page.
func (c Change) DecideWithdraw() ([]Event, error) {
	if c.Posted.IsZero() {
		return nil, ErrUnknownChange
	}
	if c.Withdrawn {
		return nil, nil
	}
	return []Event{ChangeWithdrawn{}}, nil
}

func (e ChangePosted) same(o ChangePosted) bool {
	return e.Title == o.Title && e.Text == o.Text && e.Maintenance == o.Maintenance && slices.Equal(e.Labels, o.Labels)
}
