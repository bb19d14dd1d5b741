package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// session is an advisory lock together with the session that it belongs to: the server gives it
// up when the holder's process ends, and within 20 seconds when its machine does.
type session struct {
	conn *pgx.Conn
	pid  int // of the session, on the server
	key  int64
}

// claim takes the lock on a connection that does nothing else.
func (e *postgres) claim(ctx context.Context, id maint.ID) (claim, error) {
	conn, err := connect(ctx, e.leaseConfig())
	if err != nil {
		return nil, err
	}
	s := session{conn: conn, key: lockKey("lease", e.schema, string(id))}
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid() FROM pg_advisory_lock($1)`, s.key).Scan(&s.pid)
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "55P03" { // lock_not_available
		err = hint.Wrap(fmt.Errorf("%w (%s)", run.ErrLeaseHeld, e.holder(ctx, s.key)),
			"look at it with `lull watch`, or stop it where it runs with kill -INT and its pid, and type the same command again")
	}
	if err != nil {
		closeConn(ctx, conn)
		return nil, err
	}
	return s, nil
}

// leaseConfig is for a session that is idle for hours, and whose end must be noticed.
func (e *postgres) leaseConfig() *pgx.ConnConfig {
	cfg := e.config.Copy()
	for name, value := range map[string]string{
		"lock_timeout":        fmt.Sprint(forkGrace.Milliseconds()), // the server needs a moment to see that a holder was killed
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	} {
		cfg.RuntimeParams[name] = value
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		// Servers have it since 14.
		return conn.Exec(ctx, `SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'`).Close()
	}
	return cfg
}

const ofLock = ` FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND (l.classid::bigint << 32) | l.objid::bigint = $1`

// holder names the process in words, for messages only: it decides nothing.
func (e *postgres) holder(ctx context.Context, key int64) (name string) {
	err := e.reader.QueryRowContext(ctx, `SELECT coalesce((SELECT application_name FROM pg_stat_activity a WHERE a.pid = l.pid), '')`+ofLock, key).Scan(&name)
	if err != nil || name == "" {
		return "not known which"
	}
	return name
}

// check asks the server, not the connection: that may be gone and not know it yet.
func (s session) check(ctx context.Context, tx *sql.Tx) error {
	var held bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1`+ofLock+` AND l.pid = $2)`, s.key, s.pid).Scan(&held)
	if err == nil && !held {
		return run.ErrLeaseLost
	}
	return err
}

// release unlocks first: the end of a session takes the server a moment.
func (s session) release() {
	ctx, cancel := context.WithTimeout(context.Background(), closeDeadline)
	defer cancel()
	_, _ = s.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, s.key) // a session that is gone has no lock
	_ = s.conn.Close(ctx)
}
