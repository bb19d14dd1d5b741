package compare

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

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
	ask := both[digest]
	if w.here {
		ask = inTurn[digest]
	}
	s, d, err := ask(ctx, w.src, w.dst, func(ctx context.Context, conn *pgx.Conn) (digest, error) {
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
