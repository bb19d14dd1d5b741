// Package say is what a person or a program asks Lull to tell the public, and what came
// of it: the words that the commands and the API have in common.
//
// It must not know who asks, by what way, or how it is done.
package say

import (
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Said is what came of it.
type Said struct {
	Text    string           `json:"text"`
	URL     string           `json:"url"`
	Entries []timeline.Entry `json:"entries"` // none when it was said already
}

// Terms are how a request is to be taken that may come twice, or too late. The zero value
// takes it as it comes.
type Terms struct {
	// Key makes it a request that is carried out once, however often it comes.
	Key string
	// Print stands for all that is asked, so that one key cannot stand for two things.
	Print string
	// Seen is the version of the subject that the asker knows; 0 = whatever it is now.
	Seen int64
}

// Conditions of the terms.
var (
	// ErrKeyUsed says that the key stood for something else.
	ErrKeyUsed = errors.New("the key was used for another request")
	// ErrMoved says that the subject is not what the asker has seen.
	ErrMoved = errors.New("more has been said since you looked")
)

// Incident is what a person says of an incident. Empty words of an update keep what holds.
type Incident struct {
	Terms
	Name       string
	Title      string
	Status     maint.IncidentStatus
	Severity   maint.Severity
	Text       string
	Components map[string]maint.Impact // nil keeps what holds
	Began      time.Time
}

// Component is what a person says of a part of the product.
type Component struct {
	Terms
	ID     string
	Status maint.Impact
	Text   string
}

// Change is what a person says in a post of the change log.
type Change struct {
	Terms
	Name        string
	Title       string
	Text        string
	Labels      []string
	Maintenance string            // that brought the change, "" = none did
	Pictures    map[string]string // kept files by what the text calls them
	Date        time.Time         // when it is published by itself, or when it was new; zero = now
	Draft       bool              // it is kept back until somebody publishes it
}

// Plan is a plan that was sent and not read from a file.
type Plan struct {
	Terms
	YAML []byte
}

// Cancel gives up a maintenance that has not begun.
type Cancel struct {
	Terms
	Maintenance maint.ID
	Text        string // "" = the usual sentence
}

// Problem is one thing that is wrong with a plan that was sent, and where.
type Problem struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

// Problems is everything that is wrong with a plan that was sent.
type Problems []Problem

func (p Problems) Error() string {
	if len(p) == 1 {
		return "the plan has a problem"
	}
	return fmt.Sprintf("the plan has %d problems", len(p))
}
