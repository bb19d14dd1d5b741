package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// settleTable gives a table its verdict.
func (c *comparison) settleTable(ctx context.Context, i int, t table) error {
	r := &c.reports[i]
	if r.Verdict == Absent {
		return nil
	}
	var err error
	if t.Key == nil {
		err = c.settleScattered(ctx, r, t, c.scattered[i])
	} else {
		err = c.settleSpans(ctx, r, t, c.unequal[i])
	}
	switch {
	case r.Differing > 0:
		r.Verdict = Different
	case r.Unsettled > 0:
		r.Verdict = Moving
	}
	return err
}

// settleSpans lists the rows of the spans that were not equal and settles those that are
// not, some thousands at a time, until enough have been found to differ.
func (c *comparison) settleSpans(ctx context.Context, r *TableReport, t table, spans []span) error {
	const atOnce = 5000
	for len(spans) > 0 {
		// A large transaction that was being applied is over after this.
		if err := c.o.Barrier(ctx); err != nil {
			return fmt.Errorf("wait for the target: %w", err)
		}
		var suspects []*suspect
		for len(spans) > 0 && len(suspects) < atOnce {
			more, err := c.list(ctx, t, spans[0])
			if err != nil {
				return err
			}
			suspects, spans = append(suspects, more...), spans[1:]
		}
		suspects = once(suspects)
		different, moving, err := c.rowViews(t).settle(ctx, suspects, c.o.Looks)
		if err != nil {
			return err
		}
		c.tell(r, different, len(moving))
		if r.Differing >= int64(c.o.Residue) && len(spans) > 0 {
			r.AtLeast = true
			return nil
		}
	}
	return nil
}

// once drops what two spans have listed: sides that sort differently put a row into two.
func once(suspects []*suspect) []*suspect {
	slices.SortFunc(suspects, func(a, b *suspect) int { return strings.Compare(a.id, b.id) })
	return slices.CompactFunc(suspects, func(a, b *suspect) bool { return a.id == b.id })
}

func (c *comparison) tell(r *TableReport, different []*suspect, moving int) {
	r.Differing += int64(len(different))
	r.Unsettled += int64(moving)
	for _, s := range different {
		if len(r.Residue) < c.o.Residue {
			r.Residue = append(r.Residue, Row{Key: strings.Split(s.id, "\x00"), Change: s.change()})
		}
	}
}

func (c *comparison) list(ctx context.Context, t table, s span) ([]*suspect, error) {
	w := c.workers[0]
	source, target, err := both(ctx, w.src, w.dst, func(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
		return c.layout.list(ctx, conn, t, s)
	})
	return differing(source, target), err
}

// rowViews look rows up by their keys.
func (c *comparison) rowViews(t table) views {
	look := func(ctx context.Context, conn *pgx.Conn, suspects []*suspect) (map[string]sighting, error) {
		const atOnce = 1000
		all := map[string]sighting{}
		for part := range slices.Chunk(suspects, atOnce) {
			keys := make([][]string, len(part))
			for i, s := range part {
				keys[i] = strings.Split(s.id, "\x00")
			}
			found, err := c.layout.find(ctx, conn, t, keys)
			if err != nil {
				return nil, err
			}
			for id, s := range found {
				all[id] = s
			}
		}
		return all, nil
	}
	w := c.workers[0]
	return views{
		barrier: c.o.Barrier,
		source: func(ctx context.Context, suspects []*suspect) (map[string]sighting, error) {
			return look(ctx, w.src, suspects)
		},
		target: func(ctx context.Context, suspects []*suspect) (map[string]string, error) {
			found, err := look(ctx, w.dst, suspects)
			values := map[string]string{}
			for id, s := range found {
				values[id] = s.value
			}
			return values, err
		},
	}
}

// settleScattered reads the whole table at each look, so it looks less often.
func (c *comparison) settleScattered(ctx context.Context, r *TableReport, t table, suspects []*suspect) error {
	const most = 6
	w := c.workers[0]
	v := views{
		barrier: c.o.Barrier,
		source: func(ctx context.Context, _ []*suspect) (map[string]sighting, error) {
			found, err := c.layout.scatter(ctx, w.src, t)
			seen := map[string]sighting{}
			for id, d := range found {
				seen[id] = sighting{value: d.String(), version: d.String()}
			}
			return seen, err
		},
		target: func(ctx context.Context, _ []*suspect) (map[string]string, error) {
			found, err := c.layout.scatter(ctx, w.dst, t)
			values := map[string]string{}
			for id, d := range found {
				values[id] = d.String()
			}
			return values, err
		},
	}
	different, moving, err := v.settle(ctx, suspects, min(most, c.o.Looks))
	r.Differing, r.Unsettled = apart(different), apart(moving)
	r.AtLeast = r.Differing > 0
	return err
}

// apart is by how many rows the buckets differ, at the least: rows that were replaced by
// as many others leave the count alone.
func apart(list []*suspect) (n int64) {
	for _, s := range list {
		d := parseDigest(s.before.value).rows - parseDigest(s.target).rows
		n += max(1, d, -d)
	}
	return n
}
