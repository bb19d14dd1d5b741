// Package compare holds a source against a target: what is defined, what is in the
// tables, what the planner knows. It is made for servers of different majors, the
// source from 10 on, with changes streaming from one to the other while it looks.
//
// It takes connections and gives answers. It must not know how the target was built,
// what is done about a difference, or anything of steps, slots and switches.
package compare

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// own is Lull's schema in a database under upgrade, and the beginning of its other
// names there. What is in it is nobody's business but Lull's.
const own = "lull"

// userSchema is true of a schema, called n in the query, that people put things in.
const userSchema = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '` + own + `')`

// major is the server's major version: 13 of "13.23 (Debian 13.23-0+deb11u1)".
func major(conn *pgx.Conn) (int, error) {
	text := conn.PgConn().ParameterStatus("server_version")
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	v, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0, fmt.Errorf("read server version %q: %w", text, err)
	}
	return v, nil
}

// inSnapshot runs f in a read-only transaction with an empty search path, so that the
// server writes every name with its schema.
func inSnapshot(ctx context.Context, conn *pgx.Conn, f func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, conn, options, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off"); err != nil {
			return err
		}
		return f(tx)
	})
}

// both asks the two sides at once.
func both[T any](ctx context.Context, src, dst *pgx.Conn, ask func(context.Context, *pgx.Conn) (T, error)) (s, d T, err error) {
	type answer struct {
		value T
		err   error
	}
	target := make(chan answer, 1)
	go func() {
		value, err := ask(ctx, dst)
		target <- answer{value, err}
	}()
	s, err = ask(ctx, src)
	other := <-target
	if err != nil {
		return s, other.value, fmt.Errorf("ask the source: %w", err)
	}
	if other.err != nil {
		return s, other.value, fmt.Errorf("ask the target: %w", other.err)
	}
	return s, other.value, nil
}

// inTurn asks one side after the other.
func inTurn[T any](ctx context.Context, src, dst *pgx.Conn, ask func(context.Context, *pgx.Conn) (T, error)) (s, d T, err error) {
	if s, err = ask(ctx, src); err != nil {
		return s, d, fmt.Errorf("ask the source: %w", err)
	}
	if d, err = ask(ctx, dst); err != nil {
		return s, d, fmt.Errorf("ask the target: %w", err)
	}
	return s, d, nil
}

// hangUp closes a session. It only read, so nothing is lost when that fails.
func hangUp(ctx context.Context, conn *pgx.Conn) { _ = conn.Close(context.WithoutCancel(ctx)) }
