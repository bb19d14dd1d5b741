// Package pgup upgrades a PostgreSQL cluster to a newer major version while its
// clients go on working: a copy is upgraded and kept up to date by logical
// replication, and the clients are moved to it in a hold of milliseconds.
//
// It gives the runner a list of steps. It must not know of the store, the status
// page, notices or sites.
package pgup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/harden"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/run"
)

// Spec is what an upgrade is asked for.
type Spec struct {
	Name                            string // of the step in the plan: prefix of the names of all steps here
	ID                              string // of the maintenance: names everything that is made on servers
	Title                           string // of the maintenance, for a client whose command is refused
	Until                           string // when the maintenance is planned to end, for people
	Contact                         string // whom such a client may ask
	Cluster                         string
	Source                          cluster.Endpoint
	To                              int // major version
	Place                           seed.Place
	Data                            string // the target's data folder
	Bin                             []string
	RunAs                           string
	Jobs                            int
	Poolers                         []gate.Pooler
	HoldBudget                      time.Duration
	HoldTries                       int           // how often a hold that went back is made again; 0 = the default
	HoldPatience, OldestTransaction time.Duration // 0 = the default
	BakeFor                         time.Duration // how long the new server is watched after the switch; 0 = not at all
	RollBackIf                      Limits
	SourceGone                      bool // nobody asks the old server any more
	WayBack                         bool // the old server follows the new one after the switch
	AcceptPlans                     []AcceptedPlan
	Harden                          harden.Items  // what is made stricter on the target before anybody is on it
	AwaitSCRAM                      bool          // the switch waits until nobody logs in by MD5
	LookBack                        time.Duration // for clients and statements in the old server's log
	MayRefuse                       []string      // clients that it may refuse: "role", "role@address"
	Unlogged                        string        // what becomes of unlogged tables: UnloggedAsk, UnloggedCopy or UnloggedEmpty
	WALBudget                       int64         // bytes that the source may keep for the target; 0 = by the room there is
	Self                            string        // Lull's own program, for the watchdog
	WorkDir                         string        // for what the watchdog leaves behind
	Rehearsal                       bool          // there will be no switch: what was done is taken back
	Record                          string        // system identifier of the server that holds the record of all this; "" = none does
}

// Upgrade is one upgrade of one cluster. Its fields are filled by the steps as they
// look at the world, so that a resumed run knows what the run before it knew.
type Upgrade struct {
	Spec
	inv      cluster.Inventory
	seed     seed.Physical
	target   cluster.Endpoint
	server   pgserver.Server
	position string // WAL position of the source that the copy was brought to
	// identities are the tables, by database, whose replica identity is not their own for now.
	identities map[string][]cluster.Identity
	workload   cluster.Workload                // of the source when the run began, without texts
	fence      cluster.Fence                   // what it takes to open the source again
	compared   pass                            // the last time that all rows were found equal
	passes     int                             // how often, in this run
	returnable bool                            // the old server follows the new one, and has been looked at
	past       bool                            // clients are on the target: what came before the switch is no longer asked about
	brought    map[string][]string             // tables, by database, that an extension's new version filled
	refreshed  map[string]map[string]refreshed // materialized views, by database and name, refreshed in this run
	generation int                             // how often the copy was started again because its slots were gone
	origin     cluster.Self                    // the server that the slots were made on
	holding    atomic.Bool                     // clients wait just now
}

// New checks nothing yet: the first step does.
func New(spec Spec) *Upgrade {
	return &Upgrade{Spec: spec, target: spec.Source.At(spec.Place.Host, spec.Place.Port)}
}

// Items are the steps in their order. With a way back they end when it is open: Finish
// gives it up, and Rollback takes it.
//
// In a rehearsal they are the steps before the switch, which is all that can be taken back, the switch
// without holding anybody, and what comes after it as far as it goes without clients.
func (u *Upgrade) Items() []run.Item {
	items := u.items()
	if u.Rehearsal {
		items = append(items[:slices.IndexFunc(items, u.named(stepSwitch))], u.dryHolds(), u.stepsAfter())
	}
	return items
}

func (u *Upgrade) items() []run.Item {
	items := slices.Concat(
		[]run.Item{u.preflight(), u.publication(), u.slots()},
		u.onSlots(false, u.backup(), u.freeze(), u.recovery(), u.pgUpgrade(), u.targetStart(), u.subscription()),
		u.onSlots(true, u.catchUp(), u.wayBack(), u.carryDeltas(), u.statistics(), u.comparison(), u.plans(), u.cache()),
		[]run.Item{u.guarded(true, u.switchOver()), u.checksAfter(), u.followBack(), u.viewsAfter()},
	)
	if u.Harden.Checksums {
		items = slices.Insert(items, slices.IndexFunc(items, u.named("target")), u.onSlots(false, u.checksums())...)
	}
	if u.Harden.OnServer() {
		items = slices.Insert(items, slices.IndexFunc(items, u.named("subscription")), u.onSlots(false, u.harden())...)
	}
	if u.BakeFor > 0 {
		items = slices.Insert(items, slices.IndexFunc(items, u.named("switch")), u.workloadBefore())
		items = slices.Insert(items, 1, u.workloadBegin())
	}
	if !u.WayBack {
		items = slices.DeleteFunc(items, func(it run.Item) bool {
			return it.Step.Name() == u.Name+"/way-back" || it.Step.Name() == u.Name+"/follow-back"
		})
		items = append(items, u.tidyUp())
	}
	return items
}

func (u *Upgrade) named(name string) func(run.Item) bool {
	return func(it run.Item) bool { return it.Step.Name() == u.Name+"/"+name }
}

// step is a run.Step put together from functions.
type step struct {
	name string
	// ready makes sure that the Upgrade knows the two servers, whichever step is asked first.
	ready func(context.Context) error
	// recall reads what the step kept into the Upgrade, before anything is looked at. May be nil.
	recall  func(run.Recorder) error
	observe func(context.Context, run.Recorder) (run.Observation, error)
	apply   func(context.Context, run.Recorder) error
	undo    func(context.Context, run.Recorder) error // nil = nothing to take back
}

func (s step) Name() string { return s.name }

func (s step) Observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	if s.ready != nil {
		if err := s.ready(ctx); err != nil {
			return run.Observation{}, err
		}
	}
	if s.recall != nil {
		if err := s.recall(rec); err != nil {
			return run.Observation{}, err
		}
	}
	return s.observe(ctx, rec)
}

func (s step) Apply(ctx context.Context, rec run.Recorder) error { return s.apply(ctx, rec) }

func (s step) Undo(ctx context.Context, rec run.Recorder) error {
	if s.undo == nil {
		return nil
	}
	return s.undo(ctx, rec)
}

func (u *Upgrade) item(name, title string, s step) run.Item {
	s.name = u.Name + "/" + name
	if s.ready == nil {
		s.ready = u.know
	}
	return run.Item{Step: s, Title: title}
}

// know asks the servers what the first step would have told: an abort begins with the last one.
func (u *Upgrade) know(ctx context.Context) error {
	if u.inv.Version != 0 {
		return nil
	}
	inv, err := cluster.Take(ctx, u.Source)
	if err != nil {
		return hint.Wrap(err, u.unreachable(err).Fix)
	}
	if err := u.adopt(inv); err != nil {
		return err
	}
	u.past, err = u.onTarget(ctx)
	return err
}

// before makes an item of a step that the switch takes for granted. Later steps take
// its effects away again, so once clients are on the target it counts as done.
func (u *Upgrade) before(name, title string, s step) run.Item {
	look := s.observe
	s.observe = func(ctx context.Context, rec run.Recorder) (run.Observation, error) {
		if u.past {
			return run.Observation{Presence: run.Done, Evidence: "clients are on the new server"}, nil
		}
		return look(ctx, rec)
	}
	return u.item(name, title, s)
}

// object names what Lull makes on servers: letters, digits and underscores only.
func (u *Upgrade) object() string {
	return "lull_" + strings.ReplaceAll(u.ID, "-", "_")
}

// slot is the name of a database's slot and of its subscription.
func (u *Upgrade) slot(db cluster.Database) string {
	name := u.object()
	return fmt.Sprintf("%s_%d", name[:min(len(name), 48)], db.OID)
}

// eachDatabase does something in every database at once, on a connection to that database of the endpoint.
func (u *Upgrade) eachDatabase(ctx context.Context, e cluster.Endpoint, do func(context.Context, *pgx.Conn, cluster.Database) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, db := range u.inv.Databases {
		group.Go(func() error {
			conn, err := e.Connect(ctx, db.Name)
			if err != nil {
				return err
			}
			defer conn.Close(context.WithoutCancel(ctx))
			if err := do(ctx, conn, db); err != nil {
				return fmt.Errorf("database %s: %w", db.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (u *Upgrade) databaseNames() []string {
	out := make([]string, len(u.inv.Databases))
	for i, d := range u.inv.Databases {
		out[i] = d.Name
	}
	return out
}

// turnDatabase is the one in which the target remembers when clients came.
func (u *Upgrade) turnDatabase() string {
	if len(u.inv.Databases) == 0 {
		return ""
	}
	return u.inv.Databases[0].Name
}

// verdict folds what was found of n things into one observation.
func verdict(n, done, partial int, evidence string) run.Observation {
	switch {
	case done == n:
		return run.Observation{Presence: run.Done, Evidence: evidence}
	case done == 0 && partial == 0:
		return run.Observation{Presence: run.Absent, Evidence: evidence}
	}
	return run.Observation{Presence: run.Partial, Evidence: evidence}
}

// begunAtLeast is for a step that has written down that it began. Whatever was found whole,
// there may be something of it that nobody looks for: an abort must take that back as well.
func begunAtLeast(begun bool, o run.Observation) run.Observation {
	if begun && o.Presence == run.Absent {
		o.Presence = run.Partial
	}
	return o
}
