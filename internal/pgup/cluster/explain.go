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
func Explain(ctx context.Context, conn *pgx.Conn, s Statement) (plan []byte, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("ask for a plan: %w", err)
	}
	defer func() {
		if back := tx.Rollback(context.WithoutCancel(ctx)); err == nil && back != nil {
			err = fmt.Errorf("ask for a plan: %w", back)
		}
		_, _ = ask(context.WithoutCancel(ctx), conn, "DEALLOCATE lull_plan") // there is none where PREPARE was refused
	}()
	if err := actAs(ctx, tx, s.User); err != nil {
		return nil, fmt.Errorf("ask for a plan as role %s: %w", s.User, err)
	}
	plan, err = askPrepared(ctx, conn, typed(s.Text))
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil, unplanned(refused)
	}
	if err != nil {
		return nil, fmt.Errorf("ask for a plan: %w", err)
	}
	return plan, nil
}

// settingsSQL gives a role's own settings, those of the database and of both, the last of which counts.
const settingsSQL = `SELECT set_config(split_part(x.line, '=', 1), substr(x.line, strpos(x.line, '=') + 1), true) FROM (
		SELECT unnest(setconfig) AS line, (setrole <> 0)::int * 2 + (setdatabase <> 0)::int AS rank FROM pg_db_role_setting
		WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = $1))
		ORDER BY 2 OFFSET 0) x
	WHERE split_part(x.line, '=', 1) IN (SELECT name FROM pg_settings WHERE name = 'search_path' OR ` + planning + `)`

// planning are the settings that the planner goes by.
const planning = `category LIKE 'Query Tuning%' OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers', 'max_parallel_workers_per_gather', 'constraint_exclusion')`

// actAs sets for the transaction what a session of the role would have had from the start.
func actAs(ctx context.Context, tx pgx.Tx, role string) error {
	if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', $1, true), set_config('search_path', '"$user", public', true), set_config('plan_cache_mode', 'force_generic_plan', true)`,
		planTime.String()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, settingsSQL, role); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SET LOCAL ROLE "+Ident(role))
	return err
}

// ask sends one command by the extended protocol, in which a text cannot be two: statements
// are texts of strangers, and the session is a superuser's.
func ask(ctx context.Context, conn *pgx.Conn, sql string) ([]byte, error) {
	answer := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if answer.Err != nil || len(answer.Rows) == 0 {
		return nil, answer.Err
	}
	return answer.Rows[0][0], nil
}

// askPrepared asks for the plan that is good for all values.
func askPrepared(ctx context.Context, conn *pgx.Conn, text string) (plan []byte, err error) {
	if _, err := ask(ctx, conn, "PREPARE lull_plan AS "+text); err != nil {
		return nil, err
	}
	n, err := ask(ctx, conn, "SELECT repeat(', NULL', cardinality(parameter_types)) FROM pg_catalog.pg_prepared_statements WHERE name = 'lull_plan'")
	if err != nil {
		return nil, err
	}
	values := strings.TrimPrefix(string(n), ", ")
	if values != "" {
		values = "(" + values + ")"
	}
	// Without values every partition would be left out, and with them what it would be read by.
	if _, err := ask(ctx, conn, "SET LOCAL enable_partition_pruning = off"); err != nil {
		return nil, err
	}
	return ask(ctx, conn, "EXPLAIN (FORMAT JSON) EXECUTE lull_plan"+values)
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
