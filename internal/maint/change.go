package maint

import (
	"errors"
	"maps"
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
	// Date is when it was new, where that was before it was posted: a change log that was kept elsewhere has older posts.
	Date time.Time `json:"date,omitzero"`
	// Pictures are the kept files by what the text calls them: a SHA-256 in hex, and the ending of its type.
	Pictures map[string]string `json:"pictures,omitempty"`
}

// ChangeDrafted keeps the words of a post back. Nobody but the operator may see them.
type ChangeDrafted struct {
	Post ChangePosted `json:"post"`
	Due  time.Time    `json:"due,omitzero"` // when it is published by itself; zero = when somebody says so
}

// ChangeDiscarded gives a draft up.
type ChangeDiscarded struct{}

// ChangeWithdrawn takes a post off the page. The record keeps it.
type ChangeWithdrawn struct{}

func (ChangePosted) Kind() string    { return "change_posted" }
func (ChangeWithdrawn) Kind() string { return "change_withdrawn" }
func (ChangeDrafted) Kind() string   { return "change_drafted" }
func (ChangeDiscarded) Kind() string { return "change_discarded" }

func (ChangePosted) public()    {}
func (ChangeWithdrawn) public() {}

// Change is the fold of a post's events. The zero value was never posted.
type Change struct {
	ID        ID
	Post      ChangePosted
	Draft     *ChangeDrafted // words that nobody has seen yet; nil = there are none
	Posted    time.Time      // the first time; the date of one that is older
	Changed   time.Time      // what people see of it
	Withdrawn bool
	Version   int64
}

// Apply folds one recorded event, published at the given instant, into the post.
func (c Change) Apply(e Event, at time.Time) Change {
	c.Version++
	c.Draft = nil
	switch e := e.(type) {
	case ChangePosted:
		first := c.Posted.IsZero()
		if first {
			c.Posted = at
		}
		if !e.Date.IsZero() && e.Date.Before(at) {
			c.Posted = e.Date
		}
		if c.Changed = at; first {
			c.Changed = c.Posted
		}
		c.Post, c.Withdrawn = e, false
	case ChangeWithdrawn:
		c.Withdrawn, c.Changed = true, at
	case ChangeDrafted:
		c.Draft = &e
	}
	return c
}

// Public says whether it is on the page.
func (c Change) Public() bool { return !c.Posted.IsZero() && !c.Withdrawn }

// ErrUnknownChange is wrapped when a command is for a post that was not published.
var ErrUnknownChange = errors.New("there is no post of that name")

// DecidePost publishes it, or replaces what it said. The same again is nothing to do.
func (c Change) DecidePost(e ChangePosted) ([]Event, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if c.Public() && c.Draft == nil && c.Post.same(e) {
		return nil, nil
	}
	return []Event{e}, nil
}

// DecideDraft keeps words back, until their time if they have one. What is on the page stays as it is until then.
func (c Change) DecideDraft(e ChangeDrafted, now time.Time) ([]Event, error) {
	if err := e.Post.check(); err != nil {
		return nil, err
	}
	if !e.Due.IsZero() && !e.Due.After(now) {
		return nil, Refuse("the time at which it is to be published is over: %s", e.Due.UTC().Format(time.RFC3339))
	}
	if c.Draft != nil && c.Version > 0 && c.Draft.Due.Equal(e.Due) && c.Draft.Post.same(e.Post) {
		return nil, nil
	}
	return []Event{e}, nil
}

// DecidePublish publishes the draft as it is.
func (c Change) DecidePublish() ([]Event, error) {
	switch {
	case c.Draft != nil:
		return []Event{c.Draft.Post}, nil
	case c.Public():
		return nil, nil
	}
	return nil, ErrUnknownChange
}

func (e ChangePosted) check() error {
	switch {
	case strings.TrimSpace(e.Title) == "":
		return Refuse("a post needs a title")
	case strings.TrimSpace(e.Text) == "":
		return Refuse("a post needs a text")
	case slices.ContainsFunc(e.Labels, func(l string) bool { return !isLabel(l) }):
		return Refuse("a label is one line of 1 to %d bytes", maxLabel)
	}
	return nil
}

// maxLabel bounds what stands on one line beside others.
const maxLabel = 40

func isLabel(s string) bool {
	return strings.TrimSpace(s) == s && s != "" && len(s) <= maxLabel && !strings.ContainsFunc(s, unicode.IsControl)
}

// DecideWithdraw takes it off the page, or gives its draft up where it is not there.
func (c Change) DecideWithdraw() ([]Event, error) {
	switch {
	case c.Public():
		return []Event{ChangeWithdrawn{}}, nil
	case c.Draft != nil:
		return []Event{ChangeDiscarded{}}, nil
	case c.Version == 0:
		return nil, ErrUnknownChange
	}
	return nil, nil
}

func (e ChangePosted) same(o ChangePosted) bool {
	return e.Title == o.Title && e.Text == o.Text && e.Maintenance == o.Maintenance && e.Date.Equal(o.Date) &&
		slices.Equal(e.Labels, o.Labels) && maps.Equal(e.Pictures, o.Pictures)
}
