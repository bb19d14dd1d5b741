package pgbouncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/lullhq/lull/internal/connfail"
)

// How long one command of the console may take; PAUSE has the hold's own time.
const (
	patience = 5 * time.Second
	// brief is the same from a hold on: clients wait meanwhile, and signals can let them go.
	brief = 500 * time.Millisecond
	// hush is for how long nothing is asked again after that.
	hush = time.Second
)

// errSilent says that the console did not answer in time. The pooler may be well all the same.
var errSilent = errors.New("the pooler's console does not answer")

// console is a connection to the admin console, opened when it is first needed. The
// console speaks the simple query protocol only, one command a message. Not for
// several goroutines at once.
type console struct {
	cfg    *pgconn.Config
	conn   *pgconn.PgConn
	hurry  time.Duration // instead of patience, once clients wait for every answer
	silent time.Time     // when a command was last not answered in time
}

func newConsole(admin string) (*console, error) {
	cfg, err := pgconn.ParseConfig(admin)
	if err != nil {
		return nil, fmt.Errorf("read the address of the pooler's console: %w", err)
	}
	cfg.Database = "pgbouncer"
	cfg.RuntimeParams = map[string]string{"application_name": "lull"}
	return &console{cfg: cfg}, nil
}

func (c *console) open(ctx context.Context) error {
	if c.conn != nil && !c.conn.IsClosed() {
		return nil
	}
	// pgconn follows the end of a context with a cancel request, and PgBouncer answers a
	// cancel request to any of its consoles with RESUME (src/admin.c, admin_handle_cancel).
	// So nothing is dialled any more once the connection stands.
	var stands atomic.Bool
	cfg := c.cfg.Copy()
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if stands.Load() {
			return nil, errNoCancel
		}
		return dial(ctx, network, addr)
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to the pooler's console at %s: %w", net.JoinHostPort(c.cfg.Host, strconv.Itoa(int(c.cfg.Port))), connfail.Short(err))
	}
	stands.Store(true)
	c.conn = conn
	return nil
}

var errNoCancel = errors.New("a console's commands are never cancelled")

// row is one row of a SHOW command. Columns differ between versions, so they go by name.
type row map[string]string

// ask sends one command, once.
func (c *console) ask(ctx context.Context, command string) ([]row, error) {
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	results, err := c.conn.Exec(ctx, command).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var out []row
	for _, r := range results {
		for _, values := range r.Rows {
			x := row{}
			for i, v := range values {
				x[r.FieldDescriptions[i].Name] = string(v)
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// pair sends two commands in one write, and reads the answer to the first; answer reads
// that to the second.
func (c *console) pair(ctx context.Context, first, second string) ([]row, error) {
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	wire := c.conn.Frontend()
	wire.SendQuery(&pgproto3.Query{String: first})
	wire.SendQuery(&pgproto3.Query{String: second})
	if err := wire.Flush(); err != nil {
		return nil, fmt.Errorf("%s: %w", second, err)
	}
	return c.answer(ctx)
}

// answer reads one answer to a command that pair has sent.
func (c *console) answer(ctx context.Context) (rows []row, err error) {
	var columns []string
	for {
		message, failed := c.conn.ReceiveMessage(ctx)
		if failed != nil {
			return nil, failed
		}
		switch m := message.(type) {
		case *pgproto3.RowDescription:
			for _, f := range m.Fields {
				columns = append(columns, string(f.Name))
			}
		case *pgproto3.DataRow:
			x := row{}
			for i, v := range m.Values {
				x[columns[i]] = string(v)
			}
			rows = append(rows, x)
		case *pgproto3.ErrorResponse:
			err = pgconn.ErrorResponseToPgError(m)
		case *pgproto3.ReadyForQuery:
			return rows, err
		}
	}
}

// drop closes a connection whose answers nobody waits for any more. A pooler that is well
// takes note of it at once.
func (c *console) drop() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), brief/10)
	defer cancel()
	_ = c.conn.Close(ctx)
	c.conn = nil
}

// run sends a command that may be repeated, and opens a new connection for it when the
// old one turns out to be dead. The end of ctx does not cut it short, which would cost
// the connection just when it is needed most; patience does.
func (c *console) run(ctx context.Context, command string) ([]row, error) {
	if c.hurry > 0 && time.Since(c.silent) < hush {
		return nil, fmt.Errorf("%s: %w", command, errSilent)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.limit())
	defer cancel()
	rows, err := c.ask(ctx, command)
	if err != nil && !answered(err) && ctx.Err() == nil {
		rows, err = c.ask(ctx, command)
	}
	if err != nil && !answered(err) && ctx.Err() != nil {
		c.silent = time.Now()
		err = fmt.Errorf("%w: %w", errSilent, err)
	}
	return rows, err
}

func (c *console) limit() time.Duration {
	return cmp.Or(c.hurry, patience)
}

func (c *console) close() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.limit())
	defer cancel()
	_ = c.conn.Close(ctx) // nobody is left to mind
}

// answered says that the error is PgBouncer's own word, not a broken connection.
func answered(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e)
}

// says tells whether PgBouncer answered with the words; its error codes are all alike.
func says(err error, words string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && strings.Contains(e.Message, words)
}

// paused tells whether a global PAUSE is in force, drained or not. SHOW DATABASES does
// not show it. SHOW STATE does, from 1.20 on; before that, pausing the console's own
// database is refused with different words in the two cases (src/admin.c, admin_cmd_pause).
func (c *console) paused(ctx context.Context) (bool, error) {
	rows, err := c.run(ctx, "SHOW STATE")
	if err == nil {
		return slices.ContainsFunc(rows, func(r row) bool { return r["key"] == "active" && r["value"] == "no" }), nil
	}
	if !answered(err) {
		return false, err
	}
	_, err = c.run(ctx, pauseOwn)
	switch {
	case says(err, "already suspended/paused"):
		return true, nil
	case says(err, "cannot pause admin db"):
		return false, nil
	case err == nil:
		return false, errors.New("the pooler paused its own console")
	}
	return false, err
}

// pauseOwn is refused, and does nothing, whoever asks.
const pauseOwn = "PAUSE pgbouncer"

// mayPause tells whether the user is an administrator: others may look as well.
func (c *console) mayPause(ctx context.Context) bool {
	_, err := c.run(ctx, pauseOwn)
	return !says(err, "admin access needed")
}

// resume is RESUME for a pooler that may not be paused. A login that PAUSE cut off
// would keep its pool from logging in for server_login_retry, 15 s unless configured,
// so that is shortened first. RELOAD sets it back (usual/cfparser.c, fill_defaults).
func (c *console) resume(ctx context.Context) (was bool, err error) {
	if _, err := c.run(ctx, "SET server_login_retry = '0.005'"); err != nil {
		return false, err
	}
	_, err = c.run(ctx, "RESUME")
	if answered(err) {
		// The words differ between versions, so look.
		if held, looked := c.paused(ctx); looked == nil && !held {
			return false, nil
		}
	}
	return err == nil, err
}
