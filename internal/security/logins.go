package security

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lately is how far back the log is read, as far as mostLog goes.
const (
	lately  = 7 * 24 * time.Hour
	mostLog = 32 << 20 // bytes, the newest of them
)

// recent reads who logged in lately from the server's own log, over the connection. said tells what was read.
func recent(ctx context.Context, conn *pgx.Conn) (list []Client, said string, err error) {
	var on, prefix, dir string
	var collects bool
	err = conn.QueryRow(ctx, `SELECT current_setting('log_connections'), current_setting('log_line_prefix'), current_setting('log_directory'),
		current_setting('logging_collector')::bool AND 'stderr' = ANY (regexp_split_to_array(current_setting('log_destination'), '[ ,]+'))`).Scan(&on, &prefix, &dir, &collects)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("ask what the server logs: %w", err)
	case on == "off" || on == "":
		return nil, "those who are not connected now are not known: log_connections is off", nil
	case !collects:
		return nil, "those who are not connected now are not known: the server does not keep its log as text files itself (logging_collector)", nil
	}
	text, err := readLog(ctx, conn)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil, "those who are not connected now are not known: the log cannot be read: " + refused.Message, nil
	}
	if err != nil {
		return nil, "", err
	}
	return logins(text, prefix), fmt.Sprintf("the log of the last %d days in %s, %d kB of it", int(lately.Hours()/24), dir, len(text)>>10), nil
}

// readLog gives the newest text that the server logged, the oldest first.
func readLog(ctx context.Context, conn *pgx.Conn) ([]byte, error) {
	rows, err := conn.Query(ctx, `SELECT name, size FROM pg_ls_logdir() WHERE name !~ '[.](csv|json)$' AND modification > now() - $1::interval ORDER BY modification DESC`, lately)
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

// What PostgreSQL says of a login (backend_startup.c, postinit.c). A name may hold blanks, so what
// follows it is looked for from the end.
var (
	received   = regexp.MustCompile(`LOG:  connection received: host=(\S+)(?: port=\d+)?$`)
	authorized = regexp.MustCompile(`LOG:  (?:replication )?connection authorized: user=(.*?)(?: database=.*?)?(?: application_name=(.*?))?(?: SSL enabled \(protocol=([^,]+), .*\))?(?: GSS \(.*\))?$`)
)

// logins finds in the text of a log who logged in over TCP. The address is in a line before, of the
// same process, or in the prefix; a login whose address is in neither is left out.
func logins(text []byte, prefix string) []Client {
	form := prefixForm(prefix)
	from := map[string]string{} // address by process
	seen := map[Client]bool{}
	var out []Client
	for line := range bytes.Lines(text) {
		line := strings.TrimRight(string(line), "\r\n")
		at := strings.Index(line, "LOG:  ")
		if at < 0 {
			continue
		}
		pid, host := form.read(line[:at])
		if m := received.FindStringSubmatch(line[at:]); m != nil {
			from[pid] = m[1]
			continue
		}
		m := authorized.FindStringSubmatch(line[at:])
		if m == nil {
			continue
		}
		if host == "" && pid != "" {
			host = from[pid]
		}
		c := Client{User: m[1], Address: host, Application: m[2], TLS: m[3]}
		if host == "" || host == "[local]" || strings.HasPrefix(c.Application, "lull") || seen[c] {
			continue
		}
		seen[c] = true
		out = append(out, c)
	}
	return out
}

// prefix is how the lines of a log begin.
type prefix struct {
	form      *regexp.Regexp
	pid, host int // groups of it, 0 = not there
}

// escapes of log_line_prefix, and what each can look like (manual, "What to Log").
var escapes = map[byte]string{
	'a': `.*?`, 'u': `.*?`, 'd': `.*?`, 'b': `.*?`, 'i': `.*?`, 'e': `\w*`, 'c': `[0-9a-f]+\.[0-9a-f]+`, 'l': `\d+`, 'P': `\d*`, 'Q': `-?\d+`,
	't': `\S+ \S+ \S+`, 'm': `\S+ \S+ \S+`, 'n': `[\d.]+`, 's': `\S+ \S+ \S+`, 'v': `\S*`, 'x': `\d+`, 'L': `\S*`,
	'p': `(\d+)`, 'h': `(\S*?)`, 'r': `(\S*?)(?:\(\d+\))?`, '%': `%`, 'q': ``,
}

// prefixForm makes an expression of log_line_prefix. What it does not know stands for anything.
func prefixForm(setting string) prefix {
	var p prefix
	var b strings.Builder
	groups := 0
	b.WriteString(`^`)
	for i := 0; i < len(setting); i++ {
		if setting[i] != '%' || i+1 == len(setting) {
			b.WriteString(regexp.QuoteMeta(setting[i : i+1]))
			continue
		}
		for i++; i < len(setting)-1 && strings.IndexByte("-0123456789", setting[i]) >= 0; i++ {
			b.WriteString(` *`) // padding, on either side
		}
		form, known := escapes[setting[i]]
		if !known {
			form = `.*?`
		}
		if strings.HasPrefix(form, "(") {
			groups++
			if setting[i] == 'p' {
				p.pid = groups
			} else {
				p.host = groups
			}
		}
		b.WriteString(form + strings.Repeat(` *`, min(1, len(form))))
	}
	p.form = regexp.MustCompile(b.String() + `$`)
	return p
}

func (p prefix) read(line string) (pid, host string) {
	m := p.form.FindStringSubmatch(line)
	if m == nil {
		return "", ""
	}
	if p.pid > 0 {
		pid = m[p.pid]
	}
	if p.host > 0 {
		host = m[p.host]
	}
	return pid, host
}
