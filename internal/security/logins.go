package security

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/serverlog"
)

// Lately is how far back the log is read unless somebody says otherwise.
const Lately = 7 * 24 * time.Hour

// recent reads who logged in lately from the server's own log, over the connection. said tells what was read.
func recent(ctx context.Context, conn *pgx.Conn, back time.Duration) (list []Client, said string, err error) {
	const unknown = "those who are not connected now are not known: "
	var on string
	if err := conn.QueryRow(ctx, `SELECT current_setting('log_connections')`).Scan(&on); err != nil {
		return nil, "", fmt.Errorf("ask what the server logs: %w", err)
	}
	if on == "off" || on == "" {
		return nil, unknown + "log_connections is off", nil
	}
	log, err := serverlog.Read(ctx, conn, back)
	var unread serverlog.Unread
	if errors.As(err, &unread) {
		return nil, unknown + unread.Reason, nil
	}
	if err != nil {
		return nil, "", err
	}
	return logins(log), log.String(), nil
}

// What PostgreSQL says of a login (backend_startup.c, postinit.c, auth.c). A name may hold blanks, so what
// follows it is looked for from the end.
var (
	received      = regexp.MustCompile(`^connection received: host=(\S+)(?: port=\d+)?$`)
	authenticated = regexp.MustCompile(`^connection authenticated: .* method=(\S+) \(.*\)$`)
	authorized    = regexp.MustCompile(`^(?:replication )?connection authorized: user=(.*?)(?: database=.*?)?(?: application_name=(.*?))?(?: SSL enabled \(protocol=([^,]+), .*\))?(?: GSS \(.*\))?$`)
)

// logins finds in a log who logged in over TCP. The address is in a line before, of the same process, or
// in the line itself; a login whose address is in neither is left out. The method is told from 14 on.
func logins(log serverlog.Log) []Client {
	from, by := map[string]string{}, map[string]string{} // address and method by process
	seen := map[Client]bool{}
	var out []Client
	for l := range log.Lines("connection", "replication") {
		if m := received.FindStringSubmatch(l.Text); m != nil {
			from[l.PID] = m[1]
			delete(by, l.PID)
			continue
		}
		if m := authenticated.FindStringSubmatch(l.Text); m != nil {
			by[l.PID] = m[1]
			continue
		}
		m := authorized.FindStringSubmatch(l.Text)
		if m == nil {
			continue
		}
		if l.Host == "" && l.PID != "" {
			l.Host = from[l.PID]
		}
		c := Client{User: m[1], Address: l.Host, Application: m[2], TLS: m[3]}
		if l.PID != "" {
			c.Method = by[l.PID]
		}
		if l.Host == "" || l.Host == "[local]" || strings.HasPrefix(c.Application, "lull") || seen[c] {
			continue
		}
		seen[c] = true
		out = append(out, c)
	}
	return out
}
