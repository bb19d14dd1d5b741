package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// planTime is the longest that a planner may take.
const planTime = 5 * time.Second

// Unplanned says why a statement has no plan on a server.
type Unplanned struct {
	Reason string // in the words of the server, or ours where those do not help
	// Plain is false where the reason lies in how it was asked for: without the values, and
	// outside of the session that the statement belongs to.
	Plain bool
}

func (u Unplanned) Error() string { return u.Reason }

// Explain asks what the planner of the connection's database would do for the statement, in
// JSON, with the settings and the rights of its role. Nothing is executed: the transaction is read
// only, and ends with the question. The error is an Unplanned where the planner refuses.
//
// It takes a server from 12 on. EXPLAIN (GENERIC_PLAN), from 16 on, answers the same, but takes
// a text with parameters by the simple protocol only, in which one text can be two commands.
//
// The statement is a stranger's, and the session a superuser's. It had better be used for nothing else.
func Explain(ctx context.Context, conn *pgx.Conn, s Statement) (plan []byte, err error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for a plan: %w", err)
	}
	defer func() {
		if back := tx.Rollback(context.WithoutCancel(ctx)); err == nil && back != nil {
			err = fmt.Errorf("ask for a plan: %w", back)
		}
		_, _ = conn.Exec(context.WithoutCancel(ctx), "DEALLOCATE lull_plan") // there is none where PREPARE was refused
	}()
	if err := standIn(ctx, tx, s.User); err != nil {
		return nil, fmt.Errorf("ask for a plan as role %s: %w", s.User, err)
	}
	plan, err = askAs(ctx, conn, typed(s.Text))
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil, unplanned(refused)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for a plan: %w", err)
	}
	return plan, nil
}

// askSQL makes a function that asks for the plan which is good for all values. To plan a statement is to call functions of
// its owner: immutable ones, or the checks of a domain. Under SET ROLE alone they could set the role back to the
// session's, a superuser. In a function that runs with its owner's rights the server lets nobody change roles (guc.c).
//
// No event trigger fires while it is made.
const askSQL = `SET LOCAL session_replication_role = replica;
	CREATE FUNCTION pg_temp.lull_plan(text) RETURNS json LANGUAGE plpgsql SECURITY DEFINER AS $ask$
		DECLARE
			given text;
			plan json;
		BEGIN
			EXECUTE 'PREPARE lull_plan AS ' || $1;
			SELECT pg_catalog.repeat(', NULL', pg_catalog.cardinality(parameter_types)) INTO given
				FROM pg_catalog.pg_prepared_statements WHERE name OPERATOR(pg_catalog.=) 'lull_plan';
			EXECUTE 'EXPLAIN (FORMAT JSON) EXECUTE lull_plan' || CASE WHEN given OPERATOR(pg_catalog.=) '' THEN '' ELSE '(' || pg_catalog.substr(given, 3) || ')' END INTO plan;
			RETURN plan;
		END $ask$;
	ALTER FUNCTION pg_temp.lull_plan(text) OWNER TO %s;
	SET LOCAL session_replication_role = origin;
	SET TRANSACTION READ ONLY`

// settingsSQL gives a role's own settings, those of the database and of both, the last of which counts.
const settingsSQL = `SELECT set_config(split_part(x.line, '=', 1), substr(x.line, strpos(x.line, '=') + 1), true) FROM (
		SELECT unnest(setconfig) AS line, (setrole <> 0)::int * 2 + (setdatabase <> 0)::int AS rank FROM pg_db_role_setting
		WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
		ORDER BY 2 OFFSET 0) x
	WHERE split_part(x.line, '=', 1) IN (SELECT name FROM pg_settings WHERE name = 'search_path' OR ` + planning + `)`

// planning are the settings that the planner goes by.
const planning = `category LIKE 'Query Tuning%' OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers', 'max_parallel_workers_per_gather', 'constraint_exclusion')`

// standIn makes the function, and sets for the transaction what a session of the role would have had from the start.
// Nothing is prepared under a name that a later command of the session could be sent to.
func standIn(ctx context.Context, tx pgx.Tx, role string) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf(askSQL, Ident(role))); err != nil {
		return err
	}
	// Without values every partition would be left out, and with them what it would be read by.
	if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', $1, true), set_config('search_path', '"$user", public', true), set_config('plan_cache_mode', 'force_generic_plan', true)`,
		pgx.QueryExecModeExec, planTime.String()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, settingsSQL, pgx.QueryExecModeExec, role); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SET LOCAL enable_partition_pruning = off")
	return err
}

// askAs asks by the extended protocol, in which a text cannot be two commands. The server sees to that when it parses
// the text, before anything is done by it.
func askAs(ctx context.Context, conn *pgx.Conn, text string) ([]byte, error) {
	if _, err := conn.PgConn().Prepare(ctx, "", "PREPARE lull_plan AS "+text, nil); err != nil {
		return nil, err
	}
	answer := conn.PgConn().ExecParams(ctx, "SELECT pg_temp.lull_plan($1)", [][]byte{[]byte(text)}, nil, nil, nil).Read()
	if answer.Err != nil {
		return nil, answer.Err
	}
	return answer.Rows[0][0], nil
}

var typedValue = regexp.MustCompile(`(?i)\b(interval|date|timestamptz|timestamp(?: with(?:out)? time zone)?|time(?: with(?:out)? time zone)?)\s+(\$[0-9]+)`)

// typed writes a value that stood behind the name of its type as a parameter can be written.
func typed(text string) string { return typedValue.ReplaceAllString(text, "$2::$1") }

// unplanned tells apart what lies in the question and what lies in the server.
func unplanned(e *pgconn.PgError) Unplanned {
	switch e.Code {
	case "42P18", "42P08", "42725": // indeterminate_datatype, ambiguous_parameter, ambiguous_function
		return Unplanned{Reason: "the type of a parameter cannot be told"}
	case "42601": // syntax_error
		return Unplanned{Reason: "it cannot be prepared"}
	case "57014", "55P03": // query_canceled, lock_not_available
		return Unplanned{Reason: "the planner took too long"}
	case "42P01": // undefined_table: temporary, or of another search_path
		return Unplanned{Reason: "a table is not found by the role's search_path"}
	}
	if strings.HasPrefix(e.Code, "22") { // data exception: the server's words have the value
		return Unplanned{Reason: "a value in it is refused (SQLSTATE " + e.Code + ")", Plain: true}
	}
	return Unplanned{Reason: e.Message, Plain: true}
}

// PlannerSettings are those that the planner goes by, as the server has them for all.
func PlannerSettings(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, err := conn.Query(ctx, `SELECT name, current_setting(name) FROM pg_settings WHERE `+planning)
	if err != nil {
		return nil, fmt.Errorf("read the settings of the planner: %w", err)
	}
	out := map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error { out[name] = value; return nil }); err != nil {
		return nil, fmt.Errorf("read the settings of the planner: %w", err)
	}
	return out, nil
}

// UsableIndexes are the names of the indexes of the connection's database that a planner may use.
func UsableIndexes(ctx context.Context, conn *pgx.Conn) (map[string]bool, error) {
	rows, err := conn.Query(ctx, `SELECT c.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indisvalid AND x.indisready`)
	if err != nil {
		return nil, fmt.Errorf("list the indexes: %w", err)
	}
	out := map[string]bool{}
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&name}, func() error { out[name] = true; return nil }); err != nil {
		return nil, fmt.Errorf("list the indexes: %w", err)
	}
	return out, nil
}
