// Package watchdog holds clients on behalf of a process that may die at any moment.
//
// A hold must end when its holder does, so the holder is not the process that upgrades
// but a small one beside it: it pauses the pooler, and it alone ends the pause, one way
// or the other. The controller asks it to, over pipes. When the controller is silent,
// gone or late, the clients go on at the source. The decision for the target is one
// rename of the pooler's configuration: before it all goes back, after it all goes
// forward, whoever is left to do it.
//
// It must not know of replication, fences or anything else that is done during a hold,
// nor of steps and journals.
package watchdog

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/gate/gates"
)

// ErrReleased says that the clients are on the source, free, and the fence is open.
var ErrReleased = errors.New("clients were released to the source")

// Spec is what a watchdog needs to know. It reaches the process as the first line of
// its input, never as an argument or in the environment: it holds passwords.
type Spec struct {
	Poolers []gate.Pooler `json:"poolers"`
	From    gate.Addr     `json:"from"`
	To      gate.Addr     `json:"to"`
	Source  Source        `json:"source"`
	Target  Target        `json:"target"`
	// Holder is the application_name of every session that the controller works with during
	// the hold, on either server, and of no other. They are ended when clients are let go
	// without the controller's knowledge, so that one that was only stopped cannot close the
	// one fence, or open the other, when it comes back to life.
	Holder string `json:"holder"`
	// Holders begins the names of all the holders that one maintenance ever had: whoever
	// settles ends them all.
	Holders string `json:"holders"`
	Record  string `json:"record"` // file of what was done, for whoever comes next; see ReadRecord
	Log     string `json:"log"`    // file for the log
}

// Source is the server that clients go back to, and how it is opened for them again.
type Source struct {
	Conninfo string `json:"conninfo"` // empty: there is no fence
	Password string `json:"password"`
	// Unfence are statements that open the fence. They may run when it was never closed.
	Unfence []string `json:"unfence"`
}

// Target is the server that clients are to go to, and how it is closed again when they did not.
type Target struct {
	Conninfo string `json:"conninfo"` // empty: nothing is done there
	Password string `json:"password"`
	// Refence are statements that close the fence. They may run when it was never opened.
	Refence []string `json:"refence"`
}

// LogValue keeps passwords out of logs.
func (s Spec) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("poolers", fmt.Sprint(s.Poolers)), slog.String("from", s.From.String()), slog.String("to", s.To.String()))
}

// String keeps passwords out of errors.
func (s Spec) String() string {
	return fmt.Sprintf("poolers %v from %s to %s", s.Poolers, s.From, s.To)
}

// The clock of the protocol. Clients flow again within two seconds of their holder's death.
const (
	heartbeat = 100 * time.Millisecond
	silence   = time.Second     // so long without a heartbeat counts as dead
	insist    = 2 * time.Minute // how long the clients' release is tried before giving up
	lingering = 300 * time.Millisecond
	tidying   = 2 * time.Second  // for closing the target, once clients are on their way
	getReady  = 30 * time.Second // for everything before the hold
)

// gates makes one gate of the poolers. trace may be nil.
func (s Spec) gates(trace func(name string)) (gate.Gate, error) {
	return gates.All(s.Poolers, s.From, s.To, trace)
}
