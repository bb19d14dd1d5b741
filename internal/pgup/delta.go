package pgup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// What a plan may say of unlogged tables.
const (
	UnloggedAsk   = ""      // copy them when that fits into the hold, else ask
	UnloggedCopy  = "copy"  // they are wanted on the new server
	UnloggedEmpty = "empty" // they begin empty there
)

// deltas are what no replication carries: large objects and unlogged tables. Most of it
// is brought over while clients work, in passes. Each pass brings what changed since the
// one before, so the last one before the hold is what the hold will do, and its time is
// what the hold will take for it. A database without such things costs no session.
type deltas struct {
	list      []*delta // one a database that has any
	predicted time.Duration
	bulk      cluster.Moved // before the hold
	inside    cluster.Moved // inside the fence
	took      time.Duration // inside the fence
}

// delta is that of one database.
type delta struct {
	db       cluster.Database
	from, to *pgx.Conn
	parts    []deltaPart
}

// deltaPart is one kind of thing.
type deltaPart struct {
	what string
	n    int
	took time.Duration // its last pass
	pass func(context.Context, *pgx.Conn, *pgx.Conn) (cluster.Moved, error)
}

// openDeltas looks which databases have such things, on either side.
func openDeltas(ctx context.Context, from, to cluster.Endpoint, dbs []cluster.Database, unlogged string) (*deltas, error) {
	d := &deltas{}
	for _, db := range dbs {
		one, err := openDelta(ctx, from, to, db, unlogged)
		if err != nil {
			d.close()
			return nil, fmt.Errorf("database %s: %w", db.Name, err)
		}
		if one != nil {
			d.list = append(d.list, one)
		}
	}
	return d, nil
}

func openDelta(ctx context.Context, from, to cluster.Endpoint, db cluster.Database, unlogged string) (d *delta, err error) {
	d = &delta{db: db}
	defer func() {
		if err != nil || len(d.parts) == 0 {
			d.close()
			d = nil
		}
	}()
	if d.from, err = from.Connect(ctx, db.Name); err != nil {
		return d, err
	}
	if d.to, err = to.Connect(ctx, db.Name); err != nil {
		return d, err
	}
	if err := d.look(ctx, unlogged); err != nil || len(d.parts) == 0 {
		return d, err
	}
	return d, cluster.PreparePipe(ctx, d.from, d.to)
}

func (d *delta) look(ctx context.Context, unlogged string) error {
	here, err := cluster.HasLargeObjects(ctx, d.from)
	if err != nil {
		return err
	}
	there, err := cluster.HasLargeObjects(ctx, d.to)
	if err != nil {
		return err
	}
	if here || there {
		d.parts = append(d.parts, deltaPart{what: "large objects", pass: (&cluster.LargeObjects{}).Pass})
	}
	tables, err := cluster.UnloggedTables(ctx, d.from)
	if err != nil || len(tables) == 0 {
		return err
	}
	part := deltaPart{what: "unlogged tables", n: len(tables), pass: cluster.NewUnlogged(tables).Pass}
	if unlogged == UnloggedEmpty {
		part.pass = cluster.NewUnlogged(tables).Empty
	}
	d.parts = append(d.parts, part)
	return nil
}

func (d *delta) close() {
	for _, c := range []*pgx.Conn{d.from, d.to} {
		if c != nil {
			c.Close(context.Background())
		}
	}
}

func (d *deltas) close() {
	if d == nil {
		return
	}
	for _, one := range d.list {
		one.close()
	}
}

// covers says whether what appears in the database is noticed.
func (d *deltas) covers(db cluster.Database) bool {
	return slices.ContainsFunc(d.list, func(one *delta) bool {
		return one.db.Name == db.Name && slices.ContainsFunc(one.parts, func(p deltaPart) bool { return p.what == "large objects" })
	})
}

// pass brings over what changed since the last one, all databases at once.
func (d *deltas) pass(ctx context.Context) (sum cluster.Moved, took time.Duration, err error) {
	began := time.Now()
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range d.list {
		group.Go(func() error {
			m, err := one.pass(ctx)
			mu.Lock()
			defer mu.Unlock()
			sum = sum.Plus(m)
			return err
		})
	}
	err = group.Wait()
	return sum, time.Since(began), err
}

func (d *delta) pass(ctx context.Context) (sum cluster.Moved, err error) {
	for i := range d.parts {
		began := time.Now()
		m, err := d.parts[i].pass(ctx, d.from, d.to)
		if err != nil {
			return sum, fmt.Errorf("database %s: %w", d.db.Name, err)
		}
		d.parts[i].took, sum = time.Since(began), sum.Plus(m)
	}
	return sum, nil
}

// bring makes passes until they do not get shorter any more. What is left then is what
// changes in the time of a pass, and that is what the hold has to bring.
func (d *deltas) bring(ctx context.Context) error {
	if len(d.list) == 0 {
		return nil
	}
	const most, enough = 6, 20 * time.Millisecond
	last := time.Duration(0)
	for n := range most {
		m, took, err := d.pass(ctx)
		if err != nil {
			return err
		}
		d.bulk, d.predicted = d.bulk.Plus(m), took
		if n > 0 && (took < enough || n > 1 && took > last*3/4) {
			break
		}
		last = took
	}
	return nil
}

// fits refuses what would hold clients for too long, before anybody is held. The other
// half of the budget is for the rest of the hold, and for what is slower then.
func (d *deltas) fits(budget time.Duration, unlogged string) error {
	if d.predicted <= budget/2 {
		return nil
	}
	var slow []string
	tables := false
	for _, one := range d.list {
		for _, p := range one.parts {
			if p.took > budget/8 {
				slow = append(slow, fmt.Sprintf("%s of database %s (%s)", p.what, one.db.Name, rounded(p.took)))
				tables = tables || p.what == "unlogged tables"
			}
		}
	}
	longer := fmt.Sprintf("write hold_budget: %s into the plan's step, if clients can wait that long", (2*d.predicted + time.Second).Round(time.Second))
	if tables && unlogged == UnloggedAsk {
		longer += ", or unlogged: empty, if these tables may begin empty on the new server"
	}
	return hint.Wrap(fmt.Errorf("%w: bringing over what changes in %s would take %s of the hold, and half of its budget is %s; nobody was held",
		errDeltaTooSlow, strings.Join(slow, " and "), rounded(d.predicted), budget/2), longer)
}

// errDeltaTooSlow is a question to the operator: trying again does not answer it.
var errDeltaTooSlow = errors.New("what replication does not carry is too much for the hold")

func rounded(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(100 * time.Microsecond)
}

// inFence brings the rest over. Nobody but Lull is on either server.
func (d *deltas) inFence(ctx context.Context) (err error) {
	if len(d.list) == 0 {
		return nil
	}
	m, took, err := d.pass(ctx)
	d.inside, d.took = d.inside.Plus(m), d.took+took
	return err
}
