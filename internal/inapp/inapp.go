// Package inapp is what people who are signed in to a product are told inside of it: who they are (Keys), which
// notices are for them (Audience), and what is kept of each of them, through a port (Desk).
//
// A notice of the record is a message here as soon as its time has come. Nobody sends it: whoever is there gets it,
// and whoever comes later finds it for as long as it is true. The package must not know how messages travel, or who
// keeps what.
package inapp

import (
	"context"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
)

// Person is somebody whom a product has vouched for.
type Person struct {
	ID       string // the product's own
	Language string // "" = the default
	Zone     string // IANA name, "" = not known
	Traits   map[string]string
}

// Who names a person by a channel of lull.yaml.
type Who struct{ Channel, ID string }

// State is what is kept of a person. The zero value is somebody who was never here.
type State struct {
	Seen      time.Time // when they were last here, before now
	Read      int64     // the last post of the change log that they have read, by its Seq
	Marks     map[string]Mark
	Reactions map[string]string // to posts, by their name
}

// Mark is what somebody made of a message, by its id. Instants that did not come are zero: all of them, when it was not for them.
type Mark struct {
	Subject               maint.ID
	Told, Seen, Dismissed time.Time
}

// Told says whether they were told, or shown, anything about the subject.
func (s State) Told(subject maint.ID) bool {
	for _, m := range s.Marks {
		if m.Subject == subject && (!m.Told.IsZero() || !m.Seen.IsZero()) {
			return true
		}
	}
	return false
}

// Message names what is shown: a notice, or what anyone is shown of a subject.
type Message struct {
	ID      string
	Subject maint.ID
	Word    string // of the plan, "" for what anyone is shown
}

// Change is what is to be kept of a person from now on. Only what is set changes anything.
type Change struct {
	Who
	Told, Seen, Dismissed []Message
	Passed                []Message // was not for them
	Read                  int64
	Reactions             map[string]string // "" takes one back
}

// Elsewhere says whether other devices of the person show it.
func (c Change) Elsewhere() bool { return len(c.Dismissed) > 0 || c.Read > 0 || len(c.Reactions) > 0 }

// View is how many people have seen a message.
type View struct {
	Message
	Channel string
	Seen    int
	First   time.Time // when the first of them did
}

// Desk is the port of what is kept. An error may mean that nothing was written, or that it was and the answer was lost: each call
// may be repeated, and a repeated one changes nothing.
type Desk interface {
	// Notices gives what is true and whose time has come, and when the next one's comes; zero = none is waiting.
	Notices(ctx context.Context, now time.Time) (told []notify.Notice, next time.Time, err error)
	// Person gives what is kept of somebody; the zero State when nothing is.
	Person(ctx context.Context, who Who) (State, error)
	// Note makes all changes or none. Each of them also says that the person is here now.
	Note(ctx context.Context, now time.Time, changes ...Change) error
	// Touched lists whose state changed Elsewhere after a position, and the position it looked up to.
	Touched(ctx context.Context, after int64) (who []Who, next int64, err error)
	// Reactions counts them, by the name of the post and by kind.
	Reactions(ctx context.Context) (map[string]map[string]int, error)
	// Views counts who has seen each message about a subject.
	Views(ctx context.Context, subject maint.ID) ([]View, error)
	// Forget takes out up to most people who were last here before an instant, with all that is kept of them, and says how many they
	// were. It also takes out all that anybody was told before it. How many have seen a message stays.
	Forget(ctx context.Context, before time.Time, most int) (int, error)
}

// Reactions are those that there are.
var Reactions = []string{"like", "love", "unsure"}
