package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Fence keeps clients other than Lull out of databases. Two things together hold:
// a connection limit of zero refuses new sessions of every role that is not a
// superuser, and those that are there are ended.
//
// Superusers are let in whatever the limit says, so the roles that are superusers may not
// log in any more, but for Lull's own: a session of Lull's role that is not Lull's is
// ended, and when it comes back there is no switch (Writers.Await).
type Fence struct {
	Databases []FencedDatabase `json:"databases"`
	// Superusers are the roles, other than Lull's, that could log in and pass the limit.
	Superusers []string `json:"superusers,omitempty"`
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
	superusers, err := Superusers(ctx, conn)
	return Fence{Databases: all, Superusers: superusers}, err
}

// Superusers lists the roles that no connection limit refuses, other than the one that asks.
func Superusers(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin AND rolname <> current_user ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the superusers: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the superusers: %w", err)
	}
	return all, nil
}

// CloseSQL is one batch that closes the fence and ends the sessions inside it. It does
// not wait for the disk: whoever writes durably afterwards makes it durable too.
func (f Fence) CloseSQL() string {
	var b strings.Builder
	b.WriteString("BEGIN; SET LOCAL synchronous_commit = off; ")
	for _, d := range f.Databases {
		b.WriteString(limit(d.Name, 0) + "; ")
	}
	if len(f.Superusers) > 0 {
		b.WriteString(f.login("NOLOGIN") + "; ")
	}
	return b.String() + "COMMIT; " + f.endSQL()
}

// OpenSQL gives the connection limits back as they were. Each statement may run again.
func (f Fence) OpenSQL() []string {
	var out []string
	for _, d := range f.Databases {
		out = append(out, limit(d.Name, d.Limit))
	}
	if len(f.Superusers) > 0 {
		out = append(out, f.login("LOGIN"))
	}
	return out
}

// login lets the superusers in or keeps them out. One that is gone, or was never there, is
// no error: the fence of the one server is used on the other, too.
func (f Fence) login(option string) string {
	names := make([]string, len(f.Superusers))
	for i, name := range f.Superusers {
		names[i] = Literal(name)
	}
	return `DO ` + Literal(`DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN (`+strings.Join(names, ", ")+`)
		LOOP EXECUTE pg_catalog.format('ALTER ROLE %I `+option+`', r); END LOOP; END`)
}

func limit(database string, n int) string {
	return fmt.Sprintf("ALTER DATABASE %s CONNECTION LIMIT %d", Ident(database), n)
}

// Open lets clients in again, in one transaction that is on disk when it returns.
func (f Fence) Open(ctx context.Context, conn *pgx.Conn) error {
	return InOne(ctx, conn, f.OpenSQL())
}

// InOne runs the statements that open a fence in one transaction that is on disk when it returns.
func InOne(ctx context.Context, conn *pgx.Conn, statements []string) error {
	if _, err := conn.Exec(ctx, "BEGIN; "+strings.Join(statements, "; ")+"; COMMIT"); err != nil {
		return fmt.Errorf("open the fence: %w", err)
	}
	return nil
}

// UnbeltSQL takes the belt off: the databases' own setting is what it was.
func (f Fence) UnbeltSQL() []string {
	var out []string
	for _, d := range f.Databases {
		sql := "ALTER DATABASE " + Ident(d.Name)
		if d.ReadOnly == "" {
			sql += " RESET default_transaction_read_only"
		} else {
			sql += " SET default_transaction_read_only = " + Literal(d.ReadOnly)
		}
		out = append(out, sql)
	}
	return out
}

// Belt makes sessions of superusers, whom no connection limit refuses, read only unless
// they say otherwise. It is no fence: an open transaction and BEGIN READ WRITE pass it.
func (f Fence) Belt(ctx context.Context, conn *pgx.Conn) error {
	for _, sql := range f.BeltSQL() {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("make the databases read only: %w", err)
		}
	}
	return nil
}

// BeltSQL are the statements of Belt.
func (f Fence) BeltSQL() []string {
	var out []string
	for _, d := range f.Databases {
		out = append(out, "ALTER DATABASE "+Ident(d.Name)+" SET default_transaction_read_only = on")
	}
	return out
}

func (f Fence) endSQL() string {
	return `SELECT pid, coalesce(usename, ''), application_name, coalesce(datname, ''), xact_start IS NOT NULL, backend_xid IS NOT NULL, pg_terminate_backend(pid)
		FROM pg_stat_activity WHERE ` + f.othersSQL()
}

func (f Fence) othersSQL() string {
	names := make([]string, len(f.Databases))
	for i, d := range f.Databases {
		names[i] = Literal(d.Name)
	}
	return `backend_type = 'client backend' AND NOT (usename = current_user AND application_name ~ '^lull( |$)')
		AND datname IN (` + strings.Join(names, ", ") + `)`
}

// RehearseLook asks what is asked inside the hold, so that it is prepared and warm, and tells
// how many sessions would have to end now.
func (f Fence) RehearseLook(ctx context.Context, conn *pgx.Conn) (inside int, err error) {
	l, err := f.look(ctx, conn)
	return l.Sessions, err
}
