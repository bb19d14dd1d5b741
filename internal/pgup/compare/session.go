package compare

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/priority"
)

// Connect opens a session in the database that is compared, as a role that may read
// every table. Whoever asks for it closes it.
type Connect func(context.Context) (*pgx.Conn, error)

// settings make both sides write every value as the same text, and read as quietly as
// they can: one process a session, no compilation, and an error instead of a silent gap
// where row level security would hide rows.
func (l layout) settings() map[string]string {
	return map[string]string{
		"search_path": strings.Join(l.searchPath(), ", "), "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "TimeZone": "UTC",
		"extra_float_digits": l.floatDigits(), "bytea_output": "hex", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "xmloption": "content",
		"jit": "off", "max_parallel_workers_per_gather": "0", "row_security": "off", "default_transaction_read_only": "on",
		"statement_timeout": "0", "idle_session_timeout": "0", "application_name": "lull compare",
	}
}

// searchPath finds the comparison operators of keys whose type an extension brought. All
// others are in pg_catalog, which is searched first.
func (l layout) searchPath() []string {
	path := []string{"pg_catalog"}
	for _, t := range l.tables {
		for _, name := range t.OperatorSchemas {
			if quoted := (pgx.Identifier{name}).Sanitize(); !slices.Contains(path, quoted) {
				path = append(path, quoted)
			}
		}
	}
	return path
}

// floatDigits: from 12 on the shortest text that is exact, which older servers cannot
// write. With them, both sides write 15 digits.
func (l layout) floatDigits() string {
	if l.lowest < 12 {
		return "0"
	}
	return "1"
}

// session opens a connection with the settings that its server knows.
func (l layout) session(ctx context.Context, open Connect) (*pgx.Conn, error) {
	conn, err := open(ctx)
	if err != nil {
		return nil, err
	}
	var names, values []string
	for name, value := range l.settings() {
		names, values = append(names, name), append(values, value)
	}
	_, err = conn.Exec(ctx, `SELECT set_config(s.name, x.value, false) FROM unnest($1::text[], $2::text[]) x(name, value)
		JOIN pg_settings s ON s.name = x.name`, pgx.QueryExecModeExec, names, values)
	if err != nil {
		hangUp(ctx, conn)
		return nil, fmt.Errorf("set up the session: %w", err)
	}
	return conn, nil
}

// yield leaves the processor to others first, if the session runs on this machine. Whether
// it does is the answer.
func yield(conn *pgx.Conn) (here bool) {
	return priority.Yield(int(conn.PgConn().PID()), mark(conn))
}

// mark is what the title of the session's process holds if it runs on this machine: the
// port of our end of the connection, which no other session of it has.
func mark(conn *pgx.Conn) string {
	at, ok := conn.PgConn().Conn().LocalAddr().(*net.TCPAddr)
	if !ok {
		return "[local]"
	}
	return "(" + strconv.Itoa(at.Port) + ")"
}
