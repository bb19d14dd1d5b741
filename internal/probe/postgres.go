package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/planstep"
)

// Postgres connects to a database and runs a query, in a transaction that can only read.
type Postgres struct {
	Dial  planstep.Dial
	Query string // "" = SELECT 1
}

// hangUp is a moment of its own, so that the server is told also when the look's time is over.
const hangUp = time.Second

// Look implements Looker.
func (p Postgres) Look(ctx context.Context) error {
	conn, err := p.Dial(ctx)
	if err != nil {
		return hint.Wrap(err, "see that the database takes connections")
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUp)
		defer cancel()
		_ = conn.Close(ctx) // only read from
	}()
	if err := p.ask(ctx, conn); err != nil {
		return hint.Wrap(&Fault{Public: "answered with an error", Err: fmt.Errorf("run the query: %w", err)}, "try it in psql")
	}
	return nil
}

func (p Postgres) ask(ctx context.Context, conn *pgx.Conn) error {
	query := p.Query
	if query == "" {
		query = "SELECT 1"
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	// Without a name on the server: a pooler gives each transaction another one.
	answer := tx.Conn().PgConn().ExecParams(ctx, query, nil, nil, nil, nil)
	for answer.NextRow() { // read on, and kept nowhere
	}
	if _, err := answer.Close(); err != nil {
		return err
	}
	return tx.Rollback(ctx)
}
