package compare

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// splitTable sends the spans of a table while they are found.
func (c *comparison) splitTable(ctx context.Context, i int, t table, chunks chan<- chunk) error {
	next, err := c.splitting(ctx, t)
	if err != nil {
		return err
	}
	var from []string
	for left := t.Bytes; ; {
		to, err := next(ctx, from)
		if err != nil {
			return err
		}
		ch := chunk{table: i, span: span{from, to}, bytes: left}
		if to != nil {
			ch.bytes = min(left, c.o.ChunkBytes)
		}
		select {
		case chunks <- ch:
		case <-ctx.Done():
			return ctx.Err()
		}
		if from, left = to, left-ch.bytes; from == nil {
			return nil
		}
	}
}

// splitting is how a table is split: the function gives the end of the span that begins
// beyond a key. Walking the index costs a sixth of all the work, and to compare several columns with the ends of a span a
// good part of the rest, so a key that begins with whole numbers is counted by them instead, if it can be.
func (c *comparison) splitting(ctx context.Context, t table) (func(context.Context, []string) ([]string, error), error) {
	rows := t.chunkRows(c.o.ChunkBytes)
	if t.Key == nil || t.Bytes <= c.o.ChunkBytes {
		return func(context.Context, []string) ([]string, error) { return nil, nil }, nil
	}
	low, high, ok, err := t.numbers(ctx, c.splitter)
	if err != nil {
		return nil, err
	}
	if step := t.step(low, high, rows); ok && step > 0 {
		return func(_ context.Context, from []string) ([]string, error) { return count(from, low, high, step) }, nil
	}
	return func(ctx context.Context, from []string) ([]string, error) { return t.next(ctx, c.splitter, from, rows) }, nil
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

// next is the key that ends a span of so many rows, or nil when fewer are left.
func (t table) next(ctx context.Context, conn *pgx.Conn, from []string, rows int) (to []string, err error) {
	where, args := t.within(span{from: from})
	err = conn.QueryRow(ctx, `SELECT `+t.keyText()+` FROM ONLY `+t.String()+` t WHERE `+where+` ORDER BY `+t.keyNames(len(t.Key))+` OFFSET `+strconv.Itoa(rows-1)+` LIMIT 1`, args...).Scan(&to)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return to, err
}

// numbers finds the ends of a key that begins with whole numbers.
func (t table) numbers(ctx context.Context, conn *pgx.Conn) (low, high int64, ok bool, err error) {
	if !slices.Contains([]string{"smallint", "integer", "bigint"}, t.Key[0].Type) {
		return 0, 0, false, nil
	}
	var least, most *int64
	err = conn.QueryRow(ctx, `SELECT min(`+t.keyNames(1)+`)::bigint, max(`+t.keyNames(1)+`)::bigint FROM ONLY `+t.String()+` t`, pgx.QueryExecModeExec).Scan(&least, &most)
	if err != nil || least == nil {
		return 0, 0, false, err
	}
	return *least, *most, true, nil
}

// step is how many numbers make a chunk of about so many rows: 0 when most of them are gaps, or when each has so
// many rows that only luck would cut them evenly.
func (t table) step(low, high int64, rows int) int64 {
	const gaps, even = 4, 16
	numbers := float64(high) - float64(low) + 1
	if t.Rows <= 0 || numbers > gaps*t.Rows {
		return 0
	}
	if len(t.Key) == 1 || numbers >= t.Rows {
		return int64(rows)
	}
	if step := int64(float64(rows) * numbers / t.Rows); step >= even {
		return step
	}
	return 0
}

// count is the number that ends a span of so many, or nil for the last span.
func count(from []string, low, high, step int64) ([]string, error) {
	last := low - 1
	if from != nil {
		n, err := strconv.ParseInt(from[0], 10, 64)
		if err != nil {
			return nil, err
		}
		last = n
	}
	if high-last <= step {
		return nil, nil
	}
	return []string{strconv.FormatInt(last+step, 10)}, nil
}
