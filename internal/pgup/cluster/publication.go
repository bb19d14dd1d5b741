package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Schema is Lull's own schema in every database that is upgraded. It holds the marker table.
const Schema = "lull"

// Publication says what of Lull's publication is there.
type Publication struct {
	Marker      bool // the schema and its marker table
	Publication bool
	AllTables   bool
}

// LookPublication asks what is there under the names that Lull uses.
func LookPublication(ctx context.Context, conn *pgx.Conn, name string) (p Publication, err error) {
	err = conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL, count(*) > 0, coalesce(bool_and(puballtables), false)
		FROM pg_publication WHERE pubname = $2`, Ident(Schema, "marker"), name).Scan(&p.Marker, &p.Publication, &p.AllTables)
	if err != nil {
		return p, fmt.Errorf("look for publication %s: %w", name, err)
	}
	return p, nil
}

// Publish creates the marker table and a publication of all tables.
func Publish(ctx context.Context, conn *pgx.Conn, name string) error {
	have, err := LookPublication(ctx, conn, name)
	if err != nil {
		return err
	}
	sql := `CREATE SCHEMA IF NOT EXISTS ` + Schema + `;
		CREATE TABLE IF NOT EXISTS ` + Schema + `.marker (slot text PRIMARY KEY, token text NOT NULL, at timestamptz NOT NULL DEFAULT now());`
	if !have.Publication {
		sql += "CREATE PUBLICATION " + Ident(name) + " FOR ALL TABLES;"
	}
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("create publication %s: %w", name, err)
	}
	return nil
}

// Unpublish drops the publication and Lull's schema, and with it the freeze of definitions, which calls a function there.
func Unpublish(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, `SET client_min_messages = warning;
		DROP PUBLICATION IF EXISTS `+Ident(name)+`; DROP SCHEMA IF EXISTS `+Schema+` CASCADE`)
	if err != nil {
		return fmt.Errorf("drop publication %s: %w", name, err)
	}
	return nil
}

// Blocker is a transaction that others wait for.
type Blocker struct {
	PID         int
	User        string
	Application string
	Age         time.Duration
}

// String tells who it is, and nothing of what it does: statements hold people's data.
func (b Blocker) String() string {
	who := "role " + b.User
	if b.Application != "" {
		who += ", application " + b.Application
	}
	return fmt.Sprintf("a transaction of %s (pid %d) has been open for %s", who, b.PID, b.Age.Round(10*time.Millisecond))
}

// AwaitOlder waits until every transaction that began before now has ended, and
// tells of the oldest one meanwhile. A writer that is older than the publication
// does not know of it, and its changes would be missing (fixed in 13.21, 14.18,
// 15.13, 16.9, 17.5; older minors need the wait).
func AwaitOlder(ctx context.Context, conn *pgx.Conn, tell func(Blocker)) error {
	var limit uint64
	if err := conn.QueryRow(ctx, `SELECT txid_current()`).Scan(&limit); err != nil {
		return fmt.Errorf("read the newest transaction: %w", err)
	}
	for {
		var oldest uint64
		if err := conn.QueryRow(ctx, `SELECT txid_snapshot_xmin(txid_current_snapshot())`).Scan(&oldest); err != nil {
			return fmt.Errorf("read the oldest transaction: %w", err)
		}
		if oldest >= limit {
			return nil
		}
		if b, ok := OldestTransaction(ctx, conn); ok {
			tell(b)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for older transactions to end: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// OldestTransaction is the client transaction that has been open longest.
func OldestTransaction(ctx context.Context, conn *pgx.Conn) (b Blocker, ok bool) {
	var ms float64
	err := conn.QueryRow(ctx, `SELECT pid, coalesce(usename, ''), extract(epoch FROM clock_timestamp() - xact_start) * 1000
		FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
		ORDER BY xact_start LIMIT 1`).Scan(&b.PID, &b.User, &ms)
	b.Age = time.Duration(ms * float64(time.Millisecond))
	return b, err == nil
}

// Transactions are those of clients that are open now.
type Transactions struct {
	N        int
	Oldest   Blocker
	Prepared string // the oldest one that is prepared and not committed; empty when there is none
}

// OpenTransactions leaves Lull's own out.
func OpenTransactions(ctx context.Context, conn *pgx.Conn) (t Transactions, err error) {
	var ms float64
	err = conn.QueryRow(ctx, `WITH open AS (
			SELECT pid, usename, application_name, xact_start, count(*) OVER () AS n FROM pg_stat_activity WHERE xact_start IS NOT NULL
				AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND NOT (usename = current_user AND application_name ~ '^lull( |$)')
			ORDER BY xact_start LIMIT 1)
		SELECT coalesce(o.n, 0), coalesce(o.pid, 0), coalesce(o.usename, ''), coalesce(o.application_name, ''),
			coalesce(extract(epoch FROM clock_timestamp() - o.xact_start), 0)::float8 * 1000,
			coalesce((SELECT format('%L of role %s in database %s', gid, owner, database) FROM pg_prepared_xacts ORDER BY prepared LIMIT 1), '')
		FROM (SELECT 1) x LEFT JOIN open o ON true`).
		Scan(&t.N, &t.Oldest.PID, &t.Oldest.User, &t.Oldest.Application, &ms, &t.Prepared)
	if err != nil {
		return t, fmt.Errorf("look for open transactions: %w", err)
	}
	t.Oldest.Age = time.Duration(ms * float64(time.Millisecond))
	return t, nil
}
