package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// Formats of COPY. The binary form of a type may change between majors.
const (
	asText   = ""
	asBinary = " (FORMAT binary)"
)

// pipe sends the rows of a query on one server into a table of another, and tells how many bytes that were.
func pipe(ctx context.Context, from, to *pgx.Conn, query, table, format string) (bytes int64, err error) {
	r, w := io.Pipe()
	counted := &counter{to: w}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := from.PgConn().CopyTo(ctx, counted, "COPY ("+query+") TO STDOUT"+format)
		w.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		_, err := to.PgConn().CopyFrom(ctx, r, "COPY "+table+" FROM STDIN"+format)
		r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		return err
	})
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("copy into %s: %w", table, err)
	}
	return counted.bytes, nil
}

type counter struct {
	to    io.Writer
	bytes int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.bytes += int64(n)
	return n, err
}

// PreparePipe makes both sessions write and read values alike, and lets the one that
// writes do so as an apply worker does: without triggers and without a look at foreign keys.
func PreparePipe(ctx context.Context, from, to *pgx.Conn) error {
	const alike = `SET extra_float_digits = 3; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET lc_monetary = 'C'; SET xmloption = 'content'; `
	if _, err := from.Exec(ctx, alike); err != nil {
		return fmt.Errorf("prepare a session: %w", err)
	}
	// Durable all the same: that server is flushed by the opening of its fence, before the decision.
	if _, err := to.Exec(ctx, alike+`SET session_replication_role = replica; SET synchronous_commit = off`); err != nil {
		return fmt.Errorf("prepare a session: %w", err)
	}
	return nil
}
