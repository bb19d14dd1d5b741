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
// beyond a key. Walking the index costs a sixth of all the work, so whole numbers that
// leave few gaps are counted instead.
func (c *comparison) splitting(ctx context.Context, t table) (func(context.Context, []string) ([]string, error), error) {
	rows := t.chunkRows(c.o.ChunkBytes)
	if t.Key == nil || t.Bytes <= c.o.ChunkBytes {
		return func(context.Context, []string) ([]string, error) { return nil, nil }, nil
	}
	low, high, ok, err := t.dense(ctx, c.splitter)
	if err != nil {
		return nil, err
	}
	if ok {
		return func(_ context.Context, from []string) ([]string, error) { return count(from, low, high, int64(rows)) }, nil
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
	err = conn.QueryRow(ctx, `SELECT `+t.keyText()+` FROM ONLY `+t.String()+` t WHERE `+where+` ORDER BY `+t.keyNames()+` OFFSET `+strconv.Itoa(rows-1)+` LIMIT 1`, args...).Scan(&to)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return to, err
}

// dense finds the ends of a key of whole numbers that leave few gaps.
func (t table) dense(ctx context.Context, conn *pgx.Conn) (low, high int64, ok bool, err error) {
	const gaps = 4
	if len(t.Key) != 1 || !slices.Contains([]string{"smallint", "integer", "bigint"}, t.Key[0].Type) {
		return 0, 0, false, nil
	}
	var least, most *int64
	err = conn.QueryRow(ctx, `SELECT min(`+t.keyNames()+`)::bigint, max(`+t.keyNames()+`)::bigint FROM ONLY `+t.String()+` t`, pgx.QueryExecModeExec).Scan(&least, &most)
	if err != nil || least == nil {
		return 0, 0, false, err
	}
	return *least, *most, float64(*most)-float64(*least) <= gaps*t.Rows, nil
}

// count is the key that ends a span of at most so many rows, or nil for the last span.
func count(from []string, low, high, rows int64) ([]string, error) {
	last := low - 1
	if from != nil {
		n, err := strconv.ParseInt(from[0], 10, 64)
		if err != nil {
			return nil, err
		}
		last = n
	}
	if high-last <= rows {
		return nil, nil
	}
	return []string{strconv.FormatInt(last+rows, 10)}, nil
}
