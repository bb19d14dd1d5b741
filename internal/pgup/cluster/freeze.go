package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Notice is what a client is told whose command is refused by the freeze.
type Notice struct {
	Title   string // of the maintenance: "Database upgrade"
	ID      string
	Until   string // when it is planned to end, for people: "19:00 NZDT on 5 December 2026 (06:00 UTC)"
	Contact string // whom to ask; "" = nobody is named
	WayBack bool   // the old server follows this one: the freeze ends with that
}

// frozenEvents are the moments at which a command that changes definitions can be refused.
// Its start is the good one, because nothing is locked yet. The others are for commands of
// which only their effect tells whether they concern temporary tables, or nothing at all.
var frozenEvents = []string{"ddl_command_start", "table_rewrite", "ddl_command_end", "sql_drop"}

// freezeBody decides in every database by itself. Free to pass: Lull's own sessions, what
// changes no definition, what concerns temporary objects only, and commands that find
// nothing to do (IF NOT EXISTS). CONCURRENTLY commits half-way, so it is refused at its
// start even if it might be for a temporary table.
const freezeBody = `
DECLARE
	query text := coalesce(current_query(), '');
	detail text := tg_tag || ' is refused, because ' || %s || ' would not know of it.';
BEGIN
	IF current_setting('application_name') LIKE 'lull%%' AND EXISTS (SELECT FROM pg_roles WHERE rolname = session_user AND rolsuper) THEN
		RETURN;
	ELSIF tg_tag IN ('REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
		RETURN;
	ELSIF tg_event = 'ddl_command_start' THEN
		IF NOT (tg_tag IN ('CREATE INDEX', 'DROP INDEX') AND query ~* 'concurrently' OR tg_tag = 'ALTER TABLE' AND query ~* 'detach.*concurrently') AND (
			tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SEQUENCE', 'CREATE VIEW')
			OR pg_my_temp_schema() <> 0 AND (tg_tag = 'COMMENT' OR tg_tag ~ '^(CREATE|ALTER|DROP) (TABLE|SEQUENCE|VIEW|INDEX|TYPE|DOMAIN|FUNCTION|PROCEDURE|AGGREGATE|TRIGGER|RULE|POLICY|STATISTICS)$')
			OR tg_tag ~ '^(CREATE|ALTER|DROP) ' AND tg_tag <> 'DROP OWNED' AND query ~* '\mexists\M|pg_temp')
		THEN
			RETURN; -- what it did is looked at when it has done it
		END IF;
	ELSIF tg_event = 'table_rewrite' THEN
		IF EXISTS (SELECT FROM pg_class WHERE oid = pg_event_trigger_table_rewrite_oid() AND relpersistence = 't') THEN
			RETURN;
		END IF;
	ELSIF tg_event = 'sql_drop' THEN
		IF NOT EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d WHERE d.original AND NOT d.is_temporary
			AND coalesce(d.schema_name, '') <> 'pg_temp' AND coalesce(d.address_names[1], '') !~ '^pg_temp')
		THEN
			RETURN;
		END IF;
	ELSIF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c WHERE coalesce(c.schema_name, '') <> 'pg_temp'
		AND NOT EXISTS (SELECT FROM pg_class r WHERE r.relpersistence = 't' AND r.oid IN (
			SELECT tgrelid FROM pg_trigger WHERE oid = c.objid AND c.classid = 'pg_trigger'::regclass
			UNION ALL SELECT ev_class FROM pg_rewrite WHERE oid = c.objid AND c.classid = 'pg_rewrite'::regclass
			UNION ALL SELECT polrelid FROM pg_policy WHERE oid = c.objid AND c.classid = 'pg_policy'::regclass)))
	THEN
		RETURN;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = %s, DETAIL = detail, HINT = %s;
END`

func (n Notice) body() string {
	message := fmt.Sprintf("definitions are frozen: maintenance \"%s\" (%s) is under way", n.Title, n.ID)
	other, until, ask := "the new server that is being built", "Try again when it is completed", "whoever runs this server"
	if n.Contact != "" {
		ask = n.Contact
	}
	switch {
	case n.WayBack:
		message = fmt.Sprintf("definitions are frozen: after maintenance \"%s\" (%s) the way back is kept open", n.Title, n.ID)
		other, until = "the old server that follows this one", "Try again when the way back was given up (lull finish)"
	case n.Until != "":
		until = fmt.Sprintf("Try again after %s, when it is planned to be completed", n.Until)
	}
	return fmt.Sprintf(freezeBody, Literal(other), Literal(message), Literal(fmt.Sprintf("%s. If it cannot wait, ask %s.", until, ask)))
}

func frozenName(name, event string) string { return name + "_" + event }

func frozenNames(name string) []string {
	out := make([]string, len(frozenEvents))
	for i, event := range frozenEvents {
		out[i] = frozenName(name, event)
	}
	return out
}

// Frozen is what is there of the freeze in one database.
type Frozen struct {
	Triggers int
	Whole    bool // in force, with the words of the notice
}

// LookFreeze asks the connection's database.
func LookFreeze(ctx context.Context, conn *pgx.Conn, name string, n Notice) (f Frozen, err error) {
	var right int
	err = conn.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE e.evtenabled = 'A' AND p.prosrc = $2)
		FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.evtname = ANY($1)`, frozenNames(name), n.body()).Scan(&f.Triggers, &right)
	if err != nil {
		return f, fmt.Errorf("look for the freeze of definitions: %w", err)
	}
	f.Whole = right == len(frozenEvents)
	return f, nil
}

// Freeze refuses changes of definitions in the connection's database to everybody but
// Lull, with the notice's words. It may run again, also with other words. Lull's schema must be there.
//
// The triggers fire in every replication role, or a session that loads data with triggers
// off would pass. Others' event triggers are left alone.
func Freeze(ctx context.Context, conn *pgx.Conn, name string, n Notice) error {
	sql := "SET LOCAL client_min_messages = warning; CREATE OR REPLACE FUNCTION " + Schema + ".freeze() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS " + Literal(n.body())
	for _, event := range frozenEvents {
		id := Ident(frozenName(name, event))
		sql += fmt.Sprintf("; DROP EVENT TRIGGER IF EXISTS %[1]s; CREATE EVENT TRIGGER %[1]s ON %[2]s EXECUTE PROCEDURE "+Schema+".freeze(); ALTER EVENT TRIGGER %[1]s ENABLE ALWAYS", id, event)
	}
	if _, err := conn.Exec(ctx, "BEGIN; "+sql+"; COMMIT"); err != nil {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK") // the first error is the one to tell
		return fmt.Errorf("freeze the definitions: %w", err)
	}
	return nil
}

// Thaw takes the freeze away. None is no error.
func Thaw(ctx context.Context, conn *pgx.Conn, name string) error {
	var b strings.Builder
	b.WriteString("BEGIN; SET LOCAL client_min_messages = warning")
	for _, trigger := range frozenNames(name) {
		b.WriteString("; DROP EVENT TRIGGER IF EXISTS " + Ident(trigger))
	}
	b.WriteString("; DROP FUNCTION IF EXISTS " + Schema + ".freeze(); COMMIT")
	if _, err := conn.Exec(ctx, b.String()); err != nil {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK") // the first error is the one to tell
		return fmt.Errorf("take the freeze of definitions away: %w", err)
	}
	return nil
}

// AwaitIndexBuilds waits until no index of the connection's database is being built. A build
// with CONCURRENTLY that began before the freeze commits in several parts, after it too.
func AwaitIndexBuilds(ctx context.Context, conn *pgx.Conn, tell func(Blocker)) error {
	const query = `SELECT p.pid, coalesce(a.usename, ''), coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0) * 1000
		FROM pg_stat_progress_create_index p JOIN pg_stat_activity a ON a.pid = p.pid WHERE p.datname = current_database() LIMIT 1`
	var known bool // from 12 on
	if err := conn.QueryRow(ctx, `SELECT to_regclass('pg_catalog.pg_stat_progress_create_index') IS NOT NULL`).Scan(&known); err != nil || !known {
		return err
	}
	for {
		var b Blocker
		var ms float64
		err := conn.QueryRow(ctx, query).Scan(&b.PID, &b.User, &ms)
		if err == pgx.ErrNoRows {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for indexes that are being built: %w", err)
		}
		b.Age = time.Duration(ms * float64(time.Millisecond))
		tell(b)
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for an index that is being built: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
