package e2e

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// stubborn is a session past the pooler, on the old server, that does not end when it is told
// to, because its process is stopped. A hold has to wait for it, so that it lasts, and clients
// are held for certain when a run is killed.
type stubborn struct {
	conn *pgx.Conn
	pid  int
}

// lasting is how long a hold takes with it at least: the plan's budget, less what goes before.
const lasting = time.Second

// makeHoldsLast starts such a session, or ends it.
func (g *ground) makeHoldsLast(t *testing.T, on bool) {
	t.Helper()
	if s := g.stubborn; s != nil && !on {
		g.stubborn = nil
		must(t, syscall.Kill(s.pid, syscall.SIGCONT))
		_ = s.conn.Close(context.Background()) // ended by the fence, it may be
		return
	}
	if g.stubborn != nil || !on {
		return
	}
	conn, err := pgx.Connect(t.Context(), g.source.Server.DSN("app", client)+" password="+client)
	must(t, err)
	s := &stubborn{conn: conn, pid: int(conn.PgConn().PID())}
	must(t, syscall.Kill(s.pid, syscall.SIGSTOP))
	g.stubborn = s
	t.Cleanup(func() { g.makeHoldsLast(t, false) })
}
