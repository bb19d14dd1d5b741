package compare

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
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

// worker has a session on each side.
type worker struct{ src, dst *pgx.Conn }

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
	defer source.Close(context.WithoutCancel(ctx))
	target, err := dst(ctx)
	if err != nil {
		return fmt.Errorf("connect to the target: %w", err)
	}
	defer target.Close(context.WithoutCancel(ctx))
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
		w.src.Close(context.WithoutCancel(ctx))
		return fmt.Errorf("connect to the target: %w", err)
	}
	c.workers = append(c.workers, w)
	return nil
}

func (c *comparison) close() {
	for _, w := range c.workers {
		w.src.Close(context.Background())
		w.dst.Close(context.Background())
	}
	if c.splitter != nil {
		c.splitter.Close(context.Background())
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

// sweep reads everything once, the largest tables first.
func (c *comparison) sweep(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	chunks := make(chan chunk)
	group.Go(func() error {
		defer close(chunks)
		return c.split(ctx, chunks)
	})
	for _, w := range c.workers {
		group.Go(func() error {
			for ch := range chunks {
				if err := c.read(ctx, w, ch); err != nil {
					return fmt.Errorf("table %s: %w", c.layout.tables[ch.table], err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (c *comparison) split(ctx context.Context, chunks chan<- chunk) error {
	for i, t := range c.layout.tables {
		if !t.There {
			c.reports[i].Verdict = Absent
			continue
		}
		if err := c.splitTable(ctx, i, t, chunks); err != nil {
			return fmt.Errorf("split table %s: %w", t, err)
		}
	}
	return nil
}

// splitTable sends the spans of a table while they are found.
func (c *comparison) splitTable(ctx context.Context, i int, t table, chunks chan<- chunk) error {
	whole := t.Key == nil || t.Bytes <= c.o.ChunkBytes
	rows := t.chunkRows(c.o.ChunkBytes)
	var from []string
	for left := t.Bytes; ; {
		ch := chunk{table: i, span: span{from: from}, bytes: left}
		if !whole {
			to, err := t.next(ctx, c.splitter, from, rows)
			if err != nil {
				return err
			}
			if ch.span.to = to; to != nil {
				ch.bytes = min(left, c.o.ChunkBytes)
			}
		}
		select {
		case chunks <- ch:
		case <-ctx.Done():
			return ctx.Err()
		}
		if from, left = ch.span.to, left-ch.bytes; from == nil {
			return nil
		}
	}
}

// chunkRows is how many rows make a chunk. Few where nobody knows how wide they are.
func (t table) chunkRows(bytes int64) int {
	const most, unknown = 50_000, 1000
	if t.Rows <= 0 {
		return unknown
	}
	width := max(1, float64(t.Bytes)/t.Rows)
	return int(max(1, min(most, float64(bytes)/width)))
}

// read compares a chunk and keeps it for later when it is not equal.
func (c *comparison) read(ctx context.Context, w worker, ch chunk) error {
	t := c.layout.tables[ch.table]
	began := time.Now()
	var err error
	if t.Key == nil {
		err = c.readScattered(ctx, w, ch.table, t)
	} else {
		err = c.readSpan(ctx, w, ch, t)
	}
	if err != nil {
		return err
	}
	took := time.Since(began)
	c.mu.Lock()
	c.reports[ch.table].Took += took
	c.mu.Unlock()
	c.o.Progress(Progress{Table: t.String(), Done: c.done.Add(ch.bytes), Total: c.layout.bytes()})
	return rest(ctx, time.Duration(float64(took)*(1-c.o.Duty)/c.o.Duty))
}

// rest leaves the machine to others for a while.
func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (l layout) bytes() (n int64) {
	for _, t := range l.tables {
		if t.There {
			n += t.Bytes
		}
	}
	return n
}

func (c *comparison) readSpan(ctx context.Context, w worker, ch chunk, t table) error {
	s, d, err := both(ctx, w.src, w.dst, func(ctx context.Context, conn *pgx.Conn) (digest, error) {
		return c.layout.digest(ctx, conn, t, ch.span)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports[ch.table].Rows += s.rows
	if s != d {
		c.unequal[ch.table] = append(c.unequal[ch.table], ch.span)
	}
	return nil
}

func (c *comparison) readScattered(ctx context.Context, w worker, i int, t table) error {
	s, d, err := both(ctx, w.src, w.dst, func(ctx context.Context, conn *pgx.Conn) (map[string]digest, error) {
		return c.layout.scatter(ctx, conn, t)
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range s {
		c.reports[i].Rows += b.rows
	}
	c.scattered[i] = unequal(s, d)
	return nil
}
