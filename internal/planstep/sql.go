package planstep

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/connfail"
	"github.com/lullhq/lull/internal/hint"
)

// Dial connects to the database that a query is for. It is asked anew for each try,
// because the answer to "which server" changes at the switch.
type Dial func(ctx context.Context) (*pgx.Conn, error)

// DialDSN connects to one fixed place.
func DialDSN(dsn string) Dial {
	return func(ctx context.Context) (*pgx.Conn, error) {
		cfg, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, errors.New("read the connection string: it is not valid") // pgx's words may quote it
		}
		cfg.RuntimeParams["application_name"] = "lull"
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", place(cfg), connfail.Short(err))
		}
		return conn, nil
	}
}

// SQL is a query that answers with one value, and the value expected, as text.
type SQL struct {
	Dial   Dial
	Query  string
	Expect string
	Within time.Duration
}

// NewSQL makes the check of a query. It runs in a transaction that can only read.
func NewSQL(name string, q SQL) *Check { return NewCheck(name, q.Within, q.try) }

// close is given a moment of its own, so that the server is told even when ctx has ended.
const closeDeadline = time.Second

func (q SQL) try(ctx context.Context) (string, error) {
	conn, err := q.Dial(ctx)
	if err != nil {
		return "", hint.Wrap(err, "see that the database takes connections, then type the same command again")
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeDeadline)
		defer cancel()
		_ = conn.Close(ctx) // only read from
	}()
	where := place(conn.Config())
	value, err := q.ask(ctx, conn)
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("%s: %w", where, err), "try the query in psql, then type the same command again")
	}
	if value != q.Expect {
		return "", hint.Errorf("run the query in psql to see why; when it is right, type the same command again",
			"%s answered %q, expected %q", where, shorten(value), shorten(q.Expect))
	}
	return fmt.Sprintf("%s answered %q", where, shorten(value)), nil
}

func (q SQL) ask(ctx context.Context, conn *pgx.Conn) (string, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return "", err
	}
	res := tx.Conn().PgConn().ExecParams(ctx, q.Query, nil, nil, nil, nil).Read() // without formats: as text, as psql shows it
	if res.Err != nil {
		return "", res.Err
	}
	if len(res.Rows) != 1 {
		return "", fmt.Errorf("the query answered %d rows, expected one", len(res.Rows))
	}
	if n := len(res.Rows[0]); n != 1 {
		return "", fmt.Errorf("the query answered %d columns, expected one", n)
	}
	if res.Rows[0][0] == nil {
		return "NULL", tx.Rollback(ctx)
	}
	return string(res.Rows[0][0]), tx.Rollback(ctx)
}

func place(c *pgx.ConnConfig) string {
	return fmt.Sprintf("database %s at %s", c.Database, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))))
}

func shorten(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
