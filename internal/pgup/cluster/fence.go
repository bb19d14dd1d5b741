package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Fence keeps clients other than Lull out of databases. Two things together hold:
// a connection limit of zero refuses new sessions of every role that is not a
// superuser, and those that are there are ended. default_transaction_read_only is
// a belt only: an open transaction and BEGIN READ WRITE pass it.
type Fence struct {
	Databases []FencedDatabase `json:"databases"`
}

// FencedDatabase remembers what the fence changes, to give it back.
type FencedDatabase struct {
	Name     string `json:"name"`
	Limit    int    `json:"limit"`
	ReadOnly string `json:"read_only"` // the database's own setting, "" = none
}

// LookFence reads what Close would change. It must be called while the fence is open.
func LookFence(ctx context.Context, conn *pgx.Conn, databases []string) (Fence, error) {
	rows, err := conn.Query(ctx, `
		SELECT d.datname, d.datconnlimit, coalesce((SELECT split_part(c, '=', 2) FROM pg_db_role_setting s, unnest(s.setconfig) c
			WHERE s.setdatabase = d.oid AND s.setrole = 0 AND c LIKE 'default_transaction_read_only=%'), '')
		FROM pg_database d WHERE d.datname = ANY($1) ORDER BY 1`, databases)
	if err != nil {
		return Fence{}, fmt.Errorf("read the databases' connection limits: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[FencedDatabase])
	if err != nil {
		return Fence{}, fmt.Errorf("read the databases' connection limits: %w", err)
	}
	return Fence{Databases: all}, nil
}

// CloseSQL is one batch that closes the fence and ends the sessions inside it. It does
// not wait for the disk: whoever writes durably afterwards makes it durable too.
func (f Fence) CloseSQL() string {
	var b strings.Builder
	b.WriteString("BEGIN; SET LOCAL synchronous_commit = off; ")
	for _, d := range f.Databases {
		fmt.Fprintf(&b, "ALTER DATABASE %[1]s CONNECTION LIMIT 0; ALTER DATABASE %[1]s SET default_transaction_read_only = on; ", Ident(d.Name))
	}
	b.WriteString("COMMIT; ")
	b.WriteString(f.endSQL())
	return b.String()
}

// OpenSQL gives everything back as it was, durably.
func (f Fence) OpenSQL() []string {
	var out []string
	for _, d := range f.Databases {
		out = append(out, fmt.Sprintf("ALTER DATABASE %s CONNECTION LIMIT %d", Ident(d.Name), d.Limit))
		if d.ReadOnly == "" {
			out = append(out, "ALTER DATABASE "+Ident(d.Name)+" RESET default_transaction_read_only")
		} else {
			out = append(out, "ALTER DATABASE "+Ident(d.Name)+" SET default_transaction_read_only = "+Literal(d.ReadOnly))
		}
	}
	return out
}

// Open gives everything back in one transaction.
func (f Fence) Open(ctx context.Context, conn *pgx.Conn) error {
	sql := strings.Join(f.OpenSQL(), "; ")
	if _, err := conn.Exec(ctx, "BEGIN; "+sql+"; COMMIT"); err != nil {
		return fmt.Errorf("open the fence: %w", err)
	}
	return nil
}

func (f Fence) endSQL() string {
	return `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ` + f.othersSQL()
}

func (f Fence) othersSQL() string {
	names := make([]string, len(f.Databases))
	for i, d := range f.Databases {
		names[i] = Literal(d.Name)
	}
	return `backend_type = 'client backend' AND NOT (usename = current_user AND application_name LIKE 'lull%')
		AND datname IN (` + strings.Join(names, ", ") + `)`
}

// Writers is what could still write: sessions inside the fence, and prepared transactions.
type Writers struct {
	Sessions int
	Prepared int
}

// AwaitEmpty waits until nobody but Lull is inside the fence. Prepared transactions end nothing by themselves: an error.
func (f Fence) AwaitEmpty(ctx context.Context, conn *pgx.Conn) error {
	sql := `SELECT (SELECT count(*) FROM pg_stat_activity WHERE ` + f.othersSQL() + `), (SELECT count(*) FROM pg_prepared_xacts)`
	for {
		var w Writers
		if err := conn.QueryRow(ctx, sql, pgx.QueryExecModeSimpleProtocol).Scan(&w.Sessions, &w.Prepared); err != nil {
			return fmt.Errorf("look for writers on the source: %w", err)
		}
		if w.Prepared > 0 {
			return fmt.Errorf("%d prepared transactions are open on the source", w.Prepared)
		}
		if w.Sessions == 0 {
			return nil
		}
		if _, err := conn.Exec(ctx, f.endSQL()); err != nil {
			return fmt.Errorf("end the sessions on the source: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d sessions on the source to end: %w", w.Sessions, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// Rehearse asks both servers what the closing and opening will ask, while the source is
// open and the target closed, so that nothing changes: their caches are warm then.
func (f Fence) Rehearse(ctx context.Context, source, target *pgx.Conn) error {
	if err := f.Open(ctx, source); err != nil {
		return err
	}
	if _, err := source.Exec(ctx, `SELECT count(*) FROM pg_stat_activity WHERE `+f.othersSQL()); err != nil {
		return fmt.Errorf("look for writers on the source: %w", err)
	}
	if _, err := target.Exec(ctx, f.CloseSQL()); err != nil {
		return fmt.Errorf("close the target: %w", err)
	}
	return nil
}
