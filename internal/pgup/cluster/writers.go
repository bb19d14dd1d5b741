package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrReturns says that a session which cannot be refused keeps coming back.
var ErrReturns = errors.New("a client that is not Lull logs in with Lull's own role")

// Session is one that was still inside the fence when it closed: it had come past the
// pooler, or the pooler had closed it a moment before.
type Session struct {
	PID                         int32
	Role, Application, Database string
	InTransaction               bool
	Writing                     bool // it had a transaction id
}

// Look is everything about a server that tells whether anybody could write there, as of one moment.
type Look struct {
	// Doors are the processes that are in the middle of a login. What they were let in by
	// was read before they are seen among the sessions.
	Doors    []int32
	Sessions int     // inside the fence, other than Lull's
	Own      []int32 // those of them that use Lull's own role
	Writing  int     // transaction ids held by others than Lull, autovacuum included
	Prepared int     // transactions that are prepared and not committed
	Next     int64   // the transaction id that will be given out next
	Insert   int64   // where the next record of the WAL will begin
}

// look reads the logins first: one that is over by then is among the sessions. A process has
// a virtual transaction from before its role is looked up until after it shows up there.
func (f Fence) look(ctx context.Context, conn *pgx.Conn) (l Look, err error) {
	err = conn.QueryRow(ctx, `SELECT
		(SELECT coalesce(array_agg(k.pid), '{}') FROM pg_locks k WHERE k.locktype = 'virtualxid' AND k.granted AND k.pid IS NOT NULL
			AND k.pid NOT IN (SELECT pid FROM pg_stat_activity)),
		(SELECT count(*) FROM pg_stat_activity WHERE `+f.othersSQL()+`),
		(SELECT coalesce(array_agg(pid), '{}') FROM pg_stat_activity WHERE usename = current_user AND `+f.othersSQL()+`),
		(SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND NOT (usename = current_user AND application_name ~ '^lull( |$)')),
		(SELECT count(*) FROM pg_prepared_xacts),
		txid_snapshot_xmax(txid_current_snapshot()), (pg_current_wal_insert_lsn() - '0/0')::int8`).
		Scan(&l.Doors, &l.Sessions, &l.Own, &l.Writing, &l.Prepared, &l.Next, &l.Insert)
	if err != nil {
		return l, fmt.Errorf("look for writers on the server that clients leave: %w", err)
	}
	return l, nil
}

// Writers finds out who could still write on a server whose fence is being closed, ends
// them, and remembers who they were. It is for one hold.
type Writers struct {
	Ended []Session

	fence Fence
	ended map[int32]bool
	doors []int32 // logins under way when the fence had closed: they may have passed it
	own   []int32 // sessions of Lull's role at that moment
	began bool
}

// Close shuts the fence, ends the sessions inside and keeps who they were.
func (f Fence) Close(ctx context.Context, conn *pgx.Conn) (*Writers, error) {
	w := &Writers{fence: f, ended: map[int32]bool{}}
	if err := w.end(ctx, conn, f.CloseSQL()); err != nil {
		return nil, fmt.Errorf("close the server to all others: %w", err)
	}
	return w, nil
}

// end runs statements of which the last one tells of the sessions that it ends.
func (w *Writers) end(ctx context.Context, conn *pgx.Conn, sql string) error {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return err
	}
	types := conn.TypeMap()
	last := results[len(results)-1]
	for _, row := range last.Rows {
		var s Session
		var done bool
		for i, into := range []any{&s.PID, &s.Role, &s.Application, &s.Database, &s.InTransaction, &s.Writing, &done} {
			field := last.FieldDescriptions[i]
			if err := types.Scan(field.DataTypeOID, field.Format, row[i], into); err != nil {
				return fmt.Errorf("read who is inside: %w", err)
			}
		}
		if !w.ended[s.PID] {
			w.ended[s.PID] = true
			w.Ended = append(w.Ended, s)
		}
	}
	return nil
}

// Await waits until nobody but Lull is inside the fence, nor on the way in. It may be called
// again: who has come in since the first time used Lull's own role, and there is no fence
// against that.
func (w *Writers) Await(ctx context.Context, conn *pgx.Conn) error {
	for waiting := 0; ; {
		l, err := w.fence.look(ctx, conn)
		if err != nil && ctx.Err() != nil && waiting > 0 {
			return w.lingering(waiting, ctx.Err())
		}
		if err != nil {
			return err
		}
		waiting = l.Sessions + len(w.doors)
		if err := w.judge(l); err != nil {
			return err
		}
		if l.Sessions == 0 && len(w.doors) == 0 {
			return nil
		}
		if err := w.end(ctx, conn, w.fence.endSQL()); err != nil {
			return fmt.Errorf("end the sessions on the server that clients leave: %w", err)
		}
		if len(w.doors) > 0 {
			if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(p) FROM unnest($1::int[]) p`, w.doors); err != nil {
				return fmt.Errorf("end the logins on the server that clients leave: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return w.lingering(waiting, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// lingering names those that were told to end: one of them did not.
func (w *Writers) lingering(n int, cause error) error {
	var who []string
	for _, s := range w.Ended {
		who = append(who, fmt.Sprintf("pid %d of role %s, application %q", s.PID, s.Role, s.Application))
	}
	return fmt.Errorf("wait for sessions on the server that clients leave to end, %d of %s: %w", n, strings.Join(who, "; "), cause)
}

// judge follows the logins that were under way at the first look, and knows the sessions
// that came later. Prepared transactions end nothing by themselves: an error.
func (w *Writers) judge(l Look) error {
	if l.Prepared > 0 {
		return fmt.Errorf("%d prepared transactions are open on the server that clients leave", l.Prepared)
	}
	if !w.began {
		w.began, w.doors, w.own = true, l.Doors, slices.Concat(l.Own, l.Doors)
	}
	w.doors = slices.DeleteFunc(w.doors, func(pid int32) bool { return !slices.Contains(l.Doors, pid) })
	for _, pid := range l.Own {
		if !slices.Contains(w.own, pid) && !w.ended[pid] {
			return ErrReturns
		}
	}
	return nil
}

// Last looks once more when all has been done, and says whether it is still true that
// nobody but Lull is there and that the markers were the last transactions.
func (w *Writers) Last(ctx context.Context, conn *pgx.Conn, markers []Stamp) (l Look, clear bool, err error) {
	if l, err = w.fence.look(ctx, conn); err != nil {
		return l, false, err
	}
	if err := w.judge(l); err != nil {
		return l, false, err
	}
	return l, l.Sessions == 0 && l.Writing == 0 && alone(l.Next, markers), nil
}
