// Package gate is the port through which clients are held for a moment and sent
// to the one server or the other.
//
// It must not know of any pooler, nor of what is done while clients are held.
package gate

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"
)

// Addr is where a server is reached. Host may be the folder of a Unix socket.
type Addr struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

func (a Addr) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// The kinds of gates.
const (
	PgBouncer = "pgbouncer" // also ""
	HookGate  = "hooks"
)

// Pooler is what stands before the servers, as the configuration describes it.
type Pooler struct {
	Name   string `json:"name"`
	Kind   string `json:"kind,omitempty"`
	Admin  string `json:"admin,omitempty"`  // of a PgBouncer: conninfo of the admin console, with its password
	Config string `json:"config,omitempty"` // of a PgBouncer: its configuration file
	Hooks  Hooks  `json:"hooks,omitzero"`   // of a gate made of commands
}

// Hooks are the commands of a gate that the operator made, each with its arguments, and
// how long each may take.
type Hooks struct {
	Hold    []string      `json:"hold"`
	Repoint []string      `json:"repoint"`
	Resume  []string      `json:"resume"`
	Where   []string      `json:"where"`
	Within  HooksDeadline `json:"within"`
	Dir     string        `json:"dir"`  // where they run
	Lock    string        `json:"lock"` // file that a command at work keeps locked
}

// HooksDeadline is the time limit of each command.
type HooksDeadline struct {
	Hold    time.Duration `json:"hold"`
	Repoint time.Duration `json:"repoint"`
	Resume  time.Duration `json:"resume"`
	Where   time.Duration `json:"where"`
}

// String leaves the password out of logs and errors.
func (p Pooler) String() string { return p.Name }

// GoString does the same for %#v.
func (p Pooler) GoString() string { return p.Name }

// Side is one of the two servers.
type Side string

// The sides. Nowhere: nothing points at either of the two.
const (
	Nowhere Side = ""
	Source  Side = "source"
	Target  Side = "target"
)

// Position is where clients are, or, when they are held, where they will go.
type Position struct {
	Side Side
	Held bool
}

// Gate stands between the clients and two servers, source and target. What changes
// nothing for the clients (Stage) is apart from what does, so that the latter is short.
type Gate interface {
	// Stage does everything that can be done before the hold.
	Stage(ctx context.Context) error
	// Hold lets no new transaction begin and returns when no server connection is
	// left. On an error, the end of ctx included, clients go on at the source.
	Hold(ctx context.Context) error
	// Commit sends the clients to the target. A repeat is harmless, so a Commit that
	// was cut off is completed by another one. On an error look at Where.
	Commit(ctx context.Context) error
	// Follow sends the clients to the target after another gate has decided for it: held
	// or not, staged or not. Nobody may be able to write on the source any more.
	Follow(ctx context.Context) error
	// Release lets the clients go on at the source. A repeat is harmless.
	Release(ctx context.Context) error
	// Where looks. A pooler that does not run holds nobody, and will be where it starts.
	Where(ctx context.Context) (Position, error)
	// Close gives back what Stage took. It neither holds nor releases.
	Close()
}

// Conditions that a gate reports.
var (
	// ErrForeignHold says that somebody else holds the clients.
	ErrForeignHold = errors.New("somebody else holds the clients")
	// ErrPartly says that a pooler does not answer, and that the position's side is known
	// all the same. Whether clients are held is not.
	ErrPartly = errors.New("a pooler does not answer")
	// ErrNotHeld says that the clients are not held (any more).
	ErrNotHeld = errors.New("clients are not held")
)

// Finding is one thing that a check of a gate found.
type Finding struct {
	ID     string
	Blocks bool // nothing may be started with it
	Text   string
	Hint   string
}

// Mark is a moment in the life of a hold, by the clock of the machine.
type Mark struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}
