// Package subscribe is who asked to be told, of what, and by what way: subscribers, their choices, and the links by which they alone
// change them.
//
// It must not know of HTTP, of SQL, or of how a message reaches anybody. Time is an argument.
package subscribe

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"time"
)

// Way is how a subscriber is reached.
type Way string

// The ways.
const (
	Email   Way = "email"
	Webhook Way = "webhook"
	Slack   Way = "slack"
)

// Ways are all of them.
var Ways = []Way{Email, Webhook, Slack}

// ChannelPrefix begins the names of the channels that reach subscribers. No channel of lull.yaml has a slash in its name.
const ChannelPrefix = "subscribers/"

// Channel is the name of the channel of deliveries by this way.
func (w Way) Channel() string { return ChannelPrefix + string(w) }

// Kind is a kind of news.
type Kind string

// The kinds.
const (
	Maintenances Kind = "maintenances"
	Incidents    Kind = "incidents"
	Changes      Kind = "changes" // of the change log, once a week
)

// Kinds are all of them.
var Kinds = []Kind{Maintenances, Incidents, Changes}

// State is where a subscription stands.
type State string

// The states.
const (
	Pending    State = "pending" // it was asked for, and not confirmed
	Active     State = "active"
	Left       State = "left"
	Suppressed State = "suppressed" // mail came back, or was complained about: nothing goes there until the operator says so
)

// States are all of them.
var States = []State{Pending, Active, Left, Suppressed}

// Choice is what a subscriber wants to be told, and how.
type Choice struct {
	Kinds      []Kind   `json:"kinds"`
	Components []string `json:"components,omitempty"` // none = all, also what touches no component
	Language   string   `json:"language,omitempty"`   // "" = the page's
	Zone       string   `json:"zone,omitempty"`       // IANA name, "" = not known
}

// Wants says whether news of that kind are wanted.
func (c Choice) Wants(k Kind) bool { return slices.Contains(c.Kinds, k) }

// Subscriber is one address.
type Subscriber struct {
	ID      int64     `json:"id"`
	Way     Way       `json:"way"`
	Address string    `json:"address"` // that of a webhook and of Slack may be a secret
	Choice  Choice    `json:"choice"`
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"` // for which it is suppressed
	Since   time.Time `json:"since,omitzero"`   // confirmed
	Secret  string    `json:"-"`                // that messages to a webhook are signed with
}

// Conditions of the book.
var (
	// ErrNoLink says that a link never was one, or is over. A stranger is not told which.
	ErrNoLink = errors.New("the link does not hold")
	// ErrUnknown says that nobody of that address is in the book.
	ErrUnknown = errors.New("there is no such subscriber")
)

// How long things hold.
const (
	LinkFor     = 60 * 24 * time.Hour // a link in a message: mail is read late, and has to be left as late
	AskEvery    = 5 * time.Minute     // a message to one address that somebody asked for
	PendingFor  = 7 * 24 * time.Hour  // what nobody confirms is forgotten
	MostBounces = 3                   // messages in a row that were refused for good
)

// Link is the capability in a link: whoever has it may see, change and end one subscription. 130 random bits. Only its hash is kept.
type Link string

// NewLink makes one.
func NewLink() Link { return Link(rand.Text()) }

// Hash is what is kept of it.
func (l Link) Hash() []byte {
	sum := sha256.Sum256([]byte(l))
	return sum[:]
}

// String hides it.
func (Link) String() string { return "***" }

// Book is the port of whoever keeps them.
type Book interface {
	// Ask notes that somebody wants to be told, and has a link sent to the address. It does the same for an address that is known: who asks
	// is not told which. Nothing is sent to one that is suppressed, or that was sent a link a moment ago.
	Ask(ctx context.Context, s Subscriber, now time.Time) error
	// Holder gives the subscriber that a link belongs to; ErrNoLink.
	Holder(ctx context.Context, l Link, now time.Time) (Subscriber, error)
	// Choose confirms the subscription and sets what is wanted; ErrNoLink.
	Choose(ctx context.Context, l Link, c Choice, now time.Time) error
	// Leave ends it, also what waits to be sent; ErrNoLink.
	Leave(ctx context.Context, l Link, now time.Time) error
}

// Desk is the port for the operator.
type Desk interface {
	// Put makes addresses active, whatever they were, and says how many were not, or had other choices.
	Put(ctx context.Context, now time.Time, all ...Subscriber) (changed int, err error)
	// Remove forgets an address; ErrUnknown.
	Remove(ctx context.Context, way Way, address string, now time.Time) error
	// Suppress has nothing sent to an address of mail any more, also when it is not in the book.
	Suppress(ctx context.Context, address, reason string, now time.Time) error
	// List gives up to limit, in the order of their ids, after one.
	List(ctx context.Context, after int64, limit int) ([]Subscriber, error)
}
