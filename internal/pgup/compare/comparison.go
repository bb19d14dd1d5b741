package compare

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// comparison is one run of Rows.
type comparison struct {
	o        Options
	layout   layout
	splitter *pgx.Conn // on the source
	workers  []worker
	done     atomic.Int64

	mu        sync.Mutex
	reports   []TableReport // by table
	unequal   [][]span      // by table: what was not equal at the first look
	scattered [][]*suspect  // by table without a key: the buckets that were not
}

// worker has a session on each side. When both servers run here it reads one after the
// other, and clients have the other half of a small machine to themselves.
type worker struct {
	src, dst *pgx.Conn
	here     bool
}

// halfOfHere is how many workers leave clients half of this machine. A processor at which one works, however low its
// rank, never stands idle, and so does not fetch what waits at another: a client's work does, for some ticks of the clock.
var halfOfHere = max(1, runtime.NumCPU()/2)

// chunk is what a worker reads at once.
type chunk struct {
	table int
	span  span
	bytes int64
}

// begin surveys both sides and opens the sessions.
func begin(ctx context.Context, src, dst Connect, o Options) (*comparison, error) {
	c := &comparison{o: o}
	if err := c.survey(ctx, src, dst); err != nil {
		c.close()
		return nil, err
	}
	for range o.Jobs {
		if len(c.workers) >= halfOfHere && c.workers[0].here {
			break
		}
		if err := c.hire(ctx, src, dst); err != nil {
			c.close()
			return nil, err
		}
	}
	c.reports = make([]TableReport, len(c.layout.tables))
	c.unequal = make([][]span, len(c.layout.tables))
	c.scattered = make([][]*suspect, len(c.layout.tables))
	for i, t := range c.layout.tables {
		c.reports[i] = TableReport{Table: t.String(), Bytes: t.Bytes, Verdict: Equal, Keyless: t.Key == nil}
	}
	return c, nil
}

func (c *comparison) survey(ctx context.Context, src, dst Connect) error {
	source, err := src(ctx)
	if err != nil {
		return fmt.Errorf("connect to the source: %w", err)
	}
	defer hangUp(ctx, source)
	target, err := dst(ctx)
	if err != nil {
		return fmt.Errorf("connect to the target: %w", err)
	}
	defer hangUp(ctx, target)
	if c.layout, err = survey(ctx, source, target, c.o.Publication); err != nil {
		return err
	}
	if c.splitter, err = c.layout.session(ctx, src); err != nil {
		return fmt.Errorf("connect to the source: %w", err)
	}
	return nil
}

func (c *comparison) hire(ctx context.Context, src, dst Connect) error {
	var w worker
	var err error
	if w.src, err = c.layout.session(ctx, src); err != nil {
		return fmt.Errorf("connect to the source: %w", err)
	}
	if w.dst, err = c.layout.session(ctx, dst); err != nil {
		hangUp(ctx, w.src)
		return fmt.Errorf("connect to the target: %w", err)
	}
	source, target := yield(w.src), yield(w.dst)
	w.here = source && target
	c.workers = append(c.workers, w)
	return nil
}

func (c *comparison) close() {
	for _, w := range c.workers {
		hangUp(context.Background(), w.src)
		hangUp(context.Background(), w.dst)
	}
	if c.splitter != nil {
		hangUp(context.Background(), c.splitter)
	}
}

func (c *comparison) run(ctx context.Context) error {
	// Against a target that is far behind every chunk would be unequal.
	if err := c.o.Barrier(ctx); err != nil {
		return fmt.Errorf("wait for the target: %w", err)
	}
	if err := c.sweep(ctx); err != nil {
		return err
	}
	for i, t := range c.layout.tables {
		if err := c.settleTable(ctx, i, t); err != nil {
			return fmt.Errorf("table %s: %w", t, err)
		}
	}
	return nil
}

// report sums up.
func (c *comparison) report(took time.Duration) RowReport {
	out := RowReport{Tables: c.reports, Took: took, Unstable: c.layout.unstable()}
	for _, t := range c.reports {
		out.Rows += t.Rows
		out.Bytes += t.Bytes
	}
	return out
}
