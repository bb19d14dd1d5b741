package ledger

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// client writes one transaction after the other, over one connection as long as it lasts.
type client struct {
	id      int
	run     string
	config  *pgx.ConnConfig
	book    *book
	timeout time.Duration

	conn *pgx.Conn
	n    int64 // number of the last transaction
}

// write goes on until ctx ends; last is for the transaction that is under way then.
func (c *client) write(ctx, last context.Context, p *pace) {
	defer c.hangUp()
	for p.wait(ctx) {
		if !c.transaction(last) {
			c.hangUp()
			sleep(ctx, backoff)
		}
	}
}

// transaction writes the next number and enters how it ended.
func (c *client) transaction(ctx context.Context) bool {
	c.n++
	e := entry{Client: c.id, N: c.n}
	outcome, at, f := c.attempt(ctx, &e)
	e.Outcome, e.At = outcome, time.Now().UTC()
	if f.failed() {
		e.Verb, e.State, e.Error = at, f.state, f.err.Error()
	}
	c.book.enter(e)
	return e.Outcome == Acked
}

// attempt returns the outcome, and what failed.
func (c *client) attempt(ctx context.Context, e *entry) (Outcome, Verb, failure) {
	if f := c.connect(ctx); f.failed() {
		return Failed, Connect, f
	}
	newest, floor := c.book.newest()
	if f := c.exec(ctx, Begin, begin); f.failed() {
		return Failed, Begin, f
	}
	if f := c.query(ctx, Insert, &e.Seq, insert, c.run, c.id, c.n, time.Now()); f.failed() {
		return Failed, Insert, f
	}
	var seen int
	if f := c.query(ctx, Select, &seen, look, c.run, newest.Client, newest.N, c.id, c.n); f.failed() {
		return Failed, Select, f
	}
	c.book.compare(*e, newest, seen, floor)
	f := c.exec(ctx, Commit, commit)
	return committed(f), Commit, f
}

// committed settles what an answer to COMMIT means. An ERROR from the server rolls back.
// A FATAL does not say: the server may have committed and been told to end while it waited
// for a standby (src/backend/replication/syncrep.c), and a pooler reports a lost server so.
func committed(f failure) Outcome {
	var answer *pgconn.PgError
	switch {
	case !f.failed():
		return Acked
	case errors.Is(f.err, errRolledBack):
		return Failed
	case errors.As(f.err, &answer) && answer.Severity == "ERROR" && !strings.HasPrefix(answer.Code, "08"):
		return Failed
	}
	return Unknown
}

var errRolledBack = errors.New("COMMIT was answered with ROLLBACK")

func (c *client) exec(ctx context.Context, v Verb, sql string) failure {
	return c.timed(ctx, v, func(ctx context.Context) error {
		tag, err := c.conn.Exec(ctx, sql)
		if err == nil && v == Commit && tag.String() != "COMMIT" {
			err = errRolledBack
		}
		return err
	})
}

func (c *client) query(ctx context.Context, v Verb, into any, sql string, args ...any) failure {
	return c.timed(ctx, v, func(ctx context.Context) error {
		return c.conn.QueryRow(ctx, sql, args...).Scan(into)
	})
}

// connect makes a connection when there is none. Only a failure of it is entered as a
// statement: connecting is not what clients wait for.
func (c *client) connect(ctx context.Context) failure {
	if c.conn != nil {
		return failure{}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	start := time.Now()
	conn, err := pgx.ConnectConfig(ctx, c.config.Copy())
	if err != nil {
		f := failureOf(err)
		c.book.time(Statement{Start: start, Took: time.Since(start), Verb: Connect, State: f.state})
		return f
	}
	c.conn = conn
	return failure{}
}

func (c *client) timed(ctx context.Context, v Verb, do func(context.Context) error) failure {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	start := time.Now()
	err := do(ctx)
	took := time.Since(start)
	f := failureOf(err)
	c.book.time(Statement{Start: start, Took: took, Verb: v, State: f.state})
	return f
}

func (c *client) hangUp() {
	if c.conn == nil {
		return
	}
	const farewell = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = c.conn.Close(ctx) // what it says to a lost connection tells nothing new
	c.conn = nil
}

// failure is why a statement failed, the zero failure that it did not.
type failure struct {
	err   error
	state string // SQLSTATE, or one of the words below
}

// States of failures that the server gave no SQLSTATE for.
const (
	lostState    = "lost"    // the connection broke
	timeoutState = "timeout" // the client's patience ended
)

func (f failure) failed() bool { return f.err != nil }

func failureOf(err error) failure {
	switch {
	case err == nil:
		return failure{}
	case stateOf(err) != "":
		return failure{err, stateOf(err)}
	case errors.Is(err, errRolledBack):
		return failure{err, "25P02"} // in_failed_sql_transaction: the manual's name for it
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return failure{err, timeoutState}
	}
	return failure{err, lostState}
}
