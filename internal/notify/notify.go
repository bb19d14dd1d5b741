// Package notify is who is told what, and when: which notices follow from the record (Follow), how each
// is put into words (Words), and how it is brought to people (Sender), through a port for the
// queue and one for the channels.
//
// A notice is one thing to be told about a maintenance at one moment. A delivery is one notice to one
// recipient by one channel. Both are rows of the queue, written in the transaction of the event that
// causes them. The package must not know who keeps the queue, or how a channel reaches anybody.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Kind is what sort of thing a notice says, whatever the plan calls its moment.
type Kind string

// The kinds of notices. They name the words of a notice.
const (
	Ahead       Kind = "ahead" // it will be
	Started     Kind = "start"
	Late        Kind = "late"
	Completed   Kind = "end"
	Rescheduled Kind = "rescheduled"
	Extended    Kind = "extended" // it has more time, and begins or began when it was to
	Cancelled   Kind = "cancelled"
	RolledBack  Kind = "rolled_back"
)

// Kinds are all of them.
var Kinds = []Kind{Ahead, Started, Late, Completed, Rescheduled, Extended, Cancelled, RolledBack}

// Notice is one thing to be told about a maintenance, with the facts as they were when it was decided.
type Notice struct {
	// ID is the same whenever the same thing is to be told: that is why it is told once.
	ID      string    `json:"id"`
	Subject maint.ID  `json:"subject"`
	Kind    Kind      `json:"kind"`
	Word    string    `json:"word"` // of the plan: "14d"
	Due     time.Time `json:"due"`
	// ToTold sends it to those alone who were told of the maintenance before.
	ToTold bool `json:"to_told,omitempty"`
	// Since is when the maintenance was announced. Who was active after that could know of it.
	Since time.Time `json:"since,omitzero"`
	Over  bool      `json:"over,omitempty"` // of a Mirror: nothing of it is to be left

	Title      string                  `json:"title"`
	Summary    string                  `json:"summary"`
	Text       string                  `json:"text,omitempty"` // what was said with the event
	Window     maint.Window            `json:"window"`
	Before     *maint.Window           `json:"before,omitempty"` // the window that was moved
	Components map[string]maint.Impact `json:"components,omitempty"`
	Names      map[string]string       `json:"names,omitempty"`
	Expected   time.Time               `json:"expected,omitzero"` // the end, of what is late
	Labels     []string                `json:"labels,omitempty"`  // of a post of the change log
	At         time.Time               `json:"at"`                // of the event
}

// Told is since when people can know of it: not before its time, and not before anybody had decided what it tells.
func (n Notice) Told() time.Time {
	if n.At.After(n.Due) {
		return n.At
	}
	return n.Due
}

// Asked says whether a notice goes to those alone who asked for such: lull.yaml's channels are told of maintenances.
func (n Notice) Asked() bool { return n.Kind == Incident || n.Kind == Digest || n.Kind == Confirm }

// Address is one recipient by one channel.
type Address struct {
	Channel   string // its name in lull.yaml
	Recipient string // an e-mail address, the host of a webhook
	Language  string // "" = the default
	Zone      string // IANA name, "" = not known
	// Mirrors are the subjects that are kept in line there. It is told nothing else. "" = it is told notices.
	Mirrors maint.Kind

	// Of a subscriber alone:
	At     string // where messages go, "" = to the recipient
	Secret string // that messages to a program are signed with
	Link   string // by which this one alone changes the subscription
}

// Gets says whether a notice is one for this address.
func (a Address) Gets(n Notice) bool {
	if n.Kind == Mirror {
		return a.Mirrors != "" && a.Mirrors == n.Subject.Kind()
	}
	return a.Mirrors == "" && !n.Asked()
}

// Book is everyone who can be told.
type Book []Address

// people are the recipients of one channel, by name.
type people map[string]Address

// find gives whom a Gatherer has found the address of Everyone.
func (p people) find(recipient string) (Address, bool) {
	a, known := p[recipient]
	if !known {
		a, known = p[Everyone]
		a.Recipient = recipient
	}
	return a, known
}

func (b Book) of(channel string) people {
	out := people{}
	for _, a := range b {
		if a.Channel == channel {
			out[a.Recipient] = a
		}
	}
	return out
}

// State is where a delivery stands.
type State string

// The states of a delivery.
const (
	Waiting   State = "waiting" // for its time, or for another attempt
	Sending   State = "sending" // leased by a sender
	Sent      State = "sent"
	Dead      State = "dead"      // given up, with a reason
	Overtaken State = "overtaken" // there is newer news, so this one is not sent
)

// States are all of them.
var States = []State{Waiting, Sending, Sent, Dead, Overtaken}

// Delivery is one notice to one recipient by one channel.
type Delivery struct {
	ID        int64     `json:"id"`
	Notice    Notice    `json:"notice"`
	Channel   string    `json:"channel"`
	Recipient string    `json:"recipient"`
	State     State     `json:"state"`
	Due       time.Time `json:"due"` // when it is tried, or tried again
	Attempts  int       `json:"attempts"`
	// Twice says that an attempt ended without an answer: where the channel cannot tell a message that
	// comes again, it may have come twice.
	Twice bool `json:"twice,omitempty"`
	// Tried is when the oldest attempt began of which nobody knows what became, or else the last one.
	Tried  time.Time `json:"tried,omitzero"`
	Reason string    `json:"reason,omitempty"` // of the last attempt that failed
	At     time.Time `json:"at"`               // of the last change
	To     *Address  `json:"-"`                // a subscriber; nil = whom the book has under this name
}

// Key names the delivery to the other side. It is the same at each attempt.
func (d Delivery) Key() string {
	sum := sha256.Sum256([]byte(d.Notice.ID + "\x00" + d.Recipient + "\x00" + d.Channel))
	return hex.EncodeToString(sum[:16])
}
