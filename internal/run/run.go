// Package run carries out a plan's steps so that a crash at any moment can be
// resumed: look, act, look again, with both the journal (control state) and the
// timeline (the record) written in one transaction.
//
// It must not know of Postgres, of any driver, or of what a step does.
package run

import (
	"context"
	"errors"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Presence is what a step finds of its own effect when it looks.
type Presence string

// The answers of Observe.
const (
	Absent  Presence = "absent"  // nothing of it is there: apply
	Partial Presence = "partial" // some of it: apply again, which is idempotent
	Done    Presence = "done"    // all of it: nothing to do
	Foreign Presence = "foreign" // something of that name that is not ours: stop, always
)

// Observation is what Observe saw, and a sentence of evidence for the record.
type Observation struct {
	Presence Presence
	Evidence string
}

// Step is one thing done. Its name is stable: the journal knows it by that.
type Step interface {
	// Name is unique within the plan: "upgrade/base-backup".
	Name() string
	// Observe asks the outside world what is true now. It changes nothing.
	Observe(ctx context.Context, rec Recorder) (Observation, error)
	// Apply brings the effect about. It is idempotent and may find its own half-done work.
	Apply(ctx context.Context, rec Recorder) error
	// Undo takes the effect back, whole or partial. It is idempotent.
	Undo(ctx context.Context, rec Recorder) error
}

// Item is a step in its place in the plan.
type Item struct {
	Step   Step
	Title  string        // for people: "Copy of the database"
	Budget time.Duration // how long it may take; 0 = no budget
	// NoReturn says that Undo is not to be called once the step is done.
	NoReturn bool
	// Hidden steps keep control state of their own (start, complete) and add no StepStarted and StepFinished to the record.
	Hidden bool
	// Until names the later step that takes this one's effect away on purpose (banner on, until banner off).
	// Once that one has begun, this one is not looked at again. Empty = never.
	Until string
}

// Recorder is what a step may write down while it works.
type Recorder interface {
	// Memo reads what the step kept, in this run or one before it.
	Memo(v any) (found bool, err error)
	// Keep writes v durably as the step's control state. An error from it ends the step.
	Keep(ctx context.Context, v any) error
	// Note puts a conclusion on the timeline, for the operator.
	Note(ctx context.Context, text string, figures maint.Figures) error
	// Say puts an event on the timeline; key makes it once only within the maintenance, also across crashes.
	Say(ctx context.Context, key string, e maint.Event) error
	// Progress reports how far the step is. It is not recorded.
	Progress(p Progress)
}

// Progress is a sample: it goes to the screen and to a ring, never to the timeline.
type Progress struct {
	Step   string    `json:"step"`
	Title  string    `json:"title"`
	At     time.Time `json:"at"`
	Text   string    `json:"text"`             // "copying", "waiting for a transaction of app (pid 4711)"
	Unit   string    `json:"unit,omitempty"`   // "bytes", "tables", ""
	Done   float64   `json:"done"`             // in units
	Total  float64   `json:"total,omitempty"`  // 0 = not known
	Public string    `json:"public,omitempty"` // the line for the status page, empty = the title
}

// Status is what the journal says of a step.
type Status string

// The statuses of a checkpoint.
const (
	Started  Status = "started"
	Finished Status = "done"
	Failed   Status = "failed"
	Undone   Status = "undone"
)

// Checkpoint is one row of control state: the newest of each step counts.
type Checkpoint struct {
	Step    string
	Attempt int
	Status  Status
	Memo    []byte // JSON, the step's own
	At      time.Time
}

// Lease is the right to drive a maintenance. A later holder has a higher epoch, and only the highest may write.
type Lease struct {
	Maintenance maint.ID
	Epoch       int64
}

// Conditions that a journal reports.
var (
	// ErrLeaseHeld says that another live process drives the maintenance.
	ErrLeaseHeld = errors.New("another lull process is running this maintenance")
	// ErrLeaseLost says that a later holder has taken over: stop at once, touch nothing.
	ErrLeaseLost = errors.New("the right to run this maintenance has passed to another process")
	// ErrForeign says that a step found something of its name that it did not make.
	ErrForeign = errors.New("found something that lull did not make")
)

// Journal is the port of the control state. It is written in one transaction with the timeline.
type Journal interface {
	// Acquire takes the lease with a new epoch; ErrLeaseHeld while a live process has it.
	Acquire(ctx context.Context, id maint.ID) (Lease, error)
	// Release gives the lease up. A lease that is already lost is no error.
	Release(ctx context.Context, lease Lease) error
	// Load returns the newest checkpoint of each step.
	Load(ctx context.Context, id maint.ID) (map[string]Checkpoint, error)
	// Commit writes the checkpoint and the facts in one transaction. ErrLeaseLost when the epoch is not the newest.
	// A checkpoint without a memo leaves the step's memo as it was; one without a step writes the facts alone.
	// An error may mean "not written" or "written, but the answer was lost": facts carry keys, so a repeat is safe.
	Commit(ctx context.Context, lease Lease, cp Checkpoint, facts ...timeline.Draft) error
}

// Gauge takes samples of progress; it may drop them.
type Gauge interface {
	Sample(ctx context.Context, id maint.ID, p Progress)
}
