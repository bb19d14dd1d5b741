package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	channel     = "lull"
	listenAgain = time.Second      // after listening has failed
	listenCheck = 30 * time.Second // how long a silent connection is believed
)

// watch listens. Whoever polls finds what is missed, and says what is wrong.
func (e *postgres) watch(ctx context.Context, hint func()) {
	for ctx.Err() == nil {
		_ = e.listen(ctx, hint)
		pause(ctx, listenAgain)
	}
}

func (e *postgres) listen(ctx context.Context, hint func()) error {
	conn, err := connect(ctx, e.leaseConfig())
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, `LISTEN `+channel); err != nil {
		return err
	}
	hint() // what was written while nobody listened
	for ctx.Err() == nil {
		quiet, cancel := context.WithTimeout(ctx, listenCheck)
		_, err := conn.WaitForNotification(quiet)
		cancel()
		switch {
		case err == nil:
			hint()
		case !pgconn.Timeout(err):
			return err
		default:
			if err := conn.Ping(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
