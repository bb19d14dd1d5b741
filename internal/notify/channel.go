package notify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Channel is one way to reach people.
type Channel interface {
	// Send hands a message over. nil: the other side has taken it. *Refused: it never will.
	// ErrUnanswered: it may have. Any other error: it has not, and may be asked again.
	Send(ctx context.Context, m Message) error
	// Knows says whether the other side can tell a message that comes again, by its key.
	Knows() bool
}

// Wide is a channel that says how many messages it takes at once.
type Wide interface {
	Channel
	Lanes() int
}

// Gatherer is a channel that finds out by itself who gets a notice. Its address is Everyone; each whom it finds becomes a
// recipient of the queue, so that each is told once, and is told the end when told the begin.
type Gatherer interface {
	Channel
	// Members gives some of those who get a notice: those after a cursor, "" = from the begin. next is "" after the last ones.
	Members(ctx context.Context, n Notice, after string) (recipients []string, next string, err error)
}

// Everyone is the recipient that stands for all whom a Gatherer finds.
const Everyone = "*"

// Asker is a channel that can be asked about a message whose attempt ended without an answer.
type Asker interface {
	Channel
	// Came says whether the recipient has had it since that attempt began.
	Came(ctx context.Context, m Message, since time.Time) (bool, error)
}

// Message is one delivery in words.
type Message struct {
	Key      string // the same at each attempt
	To       Address
	Notice   Notice
	Language string
	Subject  string
	Text     string // paragraphs with an empty line between them
	Link     string // where people read on
	Label    string // of the link, in the message's language
	Leave    string // address by which this recipient ends it with one click (RFC 8058), "" = the channel may know one
	Now      time.Time
}

// ErrUnanswered says that a message went out and nobody said what became of it.
var ErrUnanswered = errors.New("the other side did not say whether it has taken it")

// Refused says that a message will never be taken.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

// Refuse makes a Refused.
func Refuse(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// Busy says that the other side asked to be left alone for a while.
type Busy struct {
	For time.Duration
	Err error
}

func (b *Busy) Error() string { return b.Err.Error() }

// Unwrap gives what the other side said.
func (b *Busy) Unwrap() error { return b.Err }
