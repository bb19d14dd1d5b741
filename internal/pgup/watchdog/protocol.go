package watchdog

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// The protocol is one JSON object a line, both ways. Every request gets one reply with
// its number; the first reply, number 1, says that the watchdog is ready. The end of the
// input says that there will be no more.

// request is what the controller asks.
type request struct {
	N  int     `json:"n,omitempty"` // 0: nobody waits for the reply
	Do command `json:"do"`
	// WithinMS is for hold: how long it may last until commit is asked. A length, not a
	// moment: the two clocks need not agree.
	WithinMS int64 `json:"within_ms,omitempty"`
	// Proof is for commit: what the controller would put on record, if it lived.
	Proof json.RawMessage `json:"proof,omitempty"`
}

type command string

const (
	doBeat    command = "beat"    // I live
	doHold    command = "hold"    // hold the clients
	doCommit  command = "commit"  // send them to the target
	doRelease command = "release" // let them go on at the source
)

// reply is what the watchdog answers.
type reply struct {
	N     int         `json:"n,omitempty"`
	State state       `json:"state,omitempty"`
	Error string      `json:"error,omitempty"`
	Hint  string      `json:"hint,omitempty"`
	Marks []gate.Mark `json:"marks,omitempty"`
}

func (r reply) err() error {
	switch {
	case r.Error == "" && r.State == released:
		return ErrReleased
	case r.Error == "":
		return nil
	case r.State == released:
		return withHint(fmt.Errorf("%w: %s", ErrReleased, r.Error), r.Hint)
	}
	return withHint(errors.New(r.Error), r.Hint)
}

func withHint(err error, next string) error {
	if next == "" {
		return err
	}
	return hint.Wrap(err, next)
}
