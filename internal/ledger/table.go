package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/connfail"
	"github.com/lullhq/lull/internal/hint"
)

// The sequence stands free, as many applications have one: an upgrade that forgets it gives
// old numbers again.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS lull_ledger (
		run uuid, client int, n bigint, seq bigint NOT NULL, sent_at timestamptz NOT NULL,
		PRIMARY KEY (run, client, n))`,
	`CREATE SEQUENCE IF NOT EXISTS lull_ledger_seq`,
	`SELECT run, client, n, seq, sent_at FROM lull_ledger LIMIT 0`,
}

const (
	begin  = `BEGIN`
	insert = `INSERT INTO lull_ledger (run, client, n, seq, sent_at) VALUES ($1::uuid, $2, $3, nextval('lull_ledger_seq'), $4) RETURNING seq`
	// look counts the newest commit acknowledged to anyone, and this transaction's own row.
	look   = `SELECT count(*) FROM lull_ledger WHERE run = $1::uuid AND (client, n) IN (($2::int, $3::bigint), ($4::int, $5::bigint))`
	commit = `COMMIT`
)

// prepare makes the table. Two ledgers that start together can both find it missing; then
// one of them fails (23505 or 42P07), and finds it there when it asks again.
func prepare(ctx context.Context, config *pgx.ConnConfig) error {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return hint.Wrap(fmt.Errorf("connect to database %s at %s:%d: %w", config.Database, config.Host, config.Port, connfail.Short(err)), "try the same connection string with psql")
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = create(ctx, conn)
	if state := stateOf(err); state == "23505" || state == "42P07" {
		err = create(ctx, conn)
	}
	if err == nil {
		return nil
	}
	next := "connect as a role that may create tables there"
	if stateOf(err) == "42703" {
		next = "rename the table lull_ledger that is there: it is somebody else's"
	}
	return hint.Wrap(fmt.Errorf("make the ledger's table: %w", err), next)
}

func create(ctx context.Context, conn *pgx.Conn) error {
	for _, sql := range schema {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// stateOf is the server's SQLSTATE; "" when it gave none.
func stateOf(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}
