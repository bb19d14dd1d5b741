package security

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

// Lately is how far back the log is read unless somebody says otherwise. It is a day at least, and mostLog at most.
const Lately = 7 * 24 * time.Hour

const mostLog = 32 << 20 // bytes, the newest of them

// recent reads who logged in lately from the server's own log, over the connection. said tells what was read.
func recent(ctx context.Context, conn *pgx.Conn, back time.Duration) (list []Client, said string, err error) {
	var on, prefix, dir string
	var kept logForm
	err = conn.QueryRow(ctx, `SELECT current_setting('log_connections'), current_setting('log_line_prefix'), current_setting('log_directory'),
		coalesce((SELECT d FROM regexp_split_to_table(current_setting('log_destination'), '[ ,]+') AS d
			WHERE d IN ('csvlog', 'jsonlog', 'stderr') AND current_setting('logging_collector')::bool ORDER BY d LIMIT 1), '')`).Scan(&on, &prefix, &dir, &kept)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("ask what the server logs: %w", err)
	case on == "off" || on == "":
		return nil, "those who are not connected now are not known: log_connections is off", nil
	case kept == "":
		return nil, "those who are not connected now are not known: the server does not keep its log in files itself (logging_collector)", nil
	}
	text, err := readLog(ctx, conn, kept, back)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil, "those who are not connected now are not known: the log cannot be read: " + refused.Message, nil
	}
	if err != nil {
		return nil, "", err
	}
	return logins(kept.lines(text, prefix)), fmt.Sprintf("the log of the last %d days in %s, %d kB of it", int(back.Hours()/24), dir, len(text)>>10), nil
}

// readLog gives the newest text of that form that the server logged, the oldest first.
func readLog(ctx context.Context, conn *pgx.Conn, kept logForm, back time.Duration) ([]byte, error) {
	rows, err := conn.Query(ctx, `SELECT name, size FROM pg_ls_logdir() WHERE coalesce(substring(name FROM '[.](csv|json)$'), '') = $2 AND modification > now() - $1::interval ORDER BY modification DESC`, back, kept.ending())
	if err != nil {
		return nil, fmt.Errorf("list the log's files: %w", err)
	}
	type file struct {
		Name string
		Size int64
	}
	files, err := pgx.CollectRows(rows, pgx.RowToStructByPos[file])
	if err != nil {
		return nil, fmt.Errorf("list the log's files: %w", err)
	}
	var text []byte
	for _, f := range files {
		left := int64(mostLog - len(text))
		if left <= 0 {
			break
		}
		var part []byte
		from := max(0, f.Size-left)
		err := conn.QueryRow(ctx, `SELECT coalesce(pg_read_binary_file(current_setting('log_directory') || '/' || $1, $2, $3, true), '')`, f.Name, from, f.Size-from).Scan(&part)
		if err != nil {
			return nil, fmt.Errorf("read the log's file %s: %w", f.Name, err)
		}
		text = append(append(part, '\n'), text...)
	}
	return text, nil
}

// What PostgreSQL says of a login (backend_startup.c, postinit.c, auth.c). A name may hold blanks, so what
// follows it is looked for from the end.
var (
	received      = regexp.MustCompile(`^connection received: host=(\S+)(?: port=\d+)?$`)
	authenticated = regexp.MustCompile(`^connection authenticated: .* method=(\S+) \(.*\)$`)
	authorized    = regexp.MustCompile(`^(?:replication )?connection authorized: user=(.*?)(?: database=.*?)?(?: application_name=(.*?))?(?: SSL enabled \(protocol=([^,]+), .*\))?(?: GSS \(.*\))?$`)
)

// logins finds in the lines of a log who logged in over TCP. The address is in a line before, of the
// same process, or in the line itself; a login whose address is in neither is left out. The method is
// told from 14 on.
func logins(lines []logLine) []Client {
	from, by := map[string]string{}, map[string]string{} // address and method by process
	seen := map[Client]bool{}
	var out []Client
	for _, l := range lines {
		if m := received.FindStringSubmatch(l.text); m != nil {
			from[l.pid] = m[1]
			delete(by, l.pid)
			continue
		}
		if m := authenticated.FindStringSubmatch(l.text); m != nil {
			by[l.pid] = m[1]
			continue
		}
		m := authorized.FindStringSubmatch(l.text)
		if m == nil {
			continue
		}
		if l.host == "" && l.pid != "" {
			l.host = from[l.pid]
		}
		c := Client{User: m[1], Address: l.host, Application: m[2], TLS: m[3]}
		if l.pid != "" {
			c.Method = by[l.pid]
		}
		if l.host == "" || l.host == "[local]" || strings.HasPrefix(c.Application, "lull") || seen[c] {
			continue
		}
		seen[c] = true
		out = append(out, c)
	}
	return out
}
