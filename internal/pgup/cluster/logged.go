package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/serverlog"
)

// Logged lists the statements in the databases that took most time by the durations in the server's own log,
// so far back, a day at least. It takes a login that may read the log. Those of Lull itself are left out.
func Logged(ctx context.Context, e Endpoint, databases []string, most int, back time.Duration) (Heard, error) {
	conn, err := e.Connect(ctx, "")
	if err != nil {
		return Heard{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	log, err := serverlog.Read(ctx, conn, back)
	var unread serverlog.Unread
	if errors.As(err, &unread) {
		return Heard{From: unread.Reason}, nil
	}
	if err != nil {
		return Heard{}, err
	}
	d := durations{databases: databases, own: conn.Config().User, all: tally{}}
	if d.roles, err = roleNames(ctx, conn); err != nil {
		return Heard{}, err
	}
	d.read(log)
	return Heard{Statements: d.all.top(most), From: d.said(log)}, nil
}

func roleNames(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT rolname::text FROM pg_roles`)
	if err != nil {
		return nil, fmt.Errorf("list the roles: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// durations are what a log tells of how long statements took.
type durations struct {
	databases, roles []string // that there are; what is of others is left out
	own              string   // the role of Lull
	all              tally
	untold           int // lines without a role or a database
}

// What PostgreSQL says of a statement that has ended (postgres.c, exec_simple_query and exec_execute_message). One
// that was prepared has lines for its parsing and binding, too, which are not what it does.
var lasted = regexp.MustCompile(`(?s)^duration: ([0-9]+\.[0-9]+) ms  (?:statement|execute .*?): (.*)$`)

func (d *durations) read(log serverlog.Log) {
	for l := range log.Lines("duration: ") {
		m := lasted.FindStringSubmatch(l.Text)
		if m == nil {
			continue
		}
		ms, err := strconv.ParseFloat(m[1], 64)
		switch {
		case err != nil:
		case l.User == "" || l.Database == "":
			d.untold++
		case d.lull(l) || !slices.Contains(d.databases, l.Database) || !slices.Contains(d.roles, l.User):
		default:
			d.all.add(l.Database, l.User, m[2], ms)
		}
	}
}

// lull goes by the role where the log does not tell the application.
func (d *durations) lull(l serverlog.Line) bool {
	return strings.HasPrefix(l.Application, "lull") || l.Application == "" && l.User == d.own
}

func (d *durations) said(log serverlog.Log) string {
	text := log.String()
	if len(d.all) == 0 {
		text += ", tells of no statement how long it took (log_min_duration_statement)"
	}
	if d.untold > 0 {
		text += fmt.Sprintf("; left out because the line does not tell role and database (log_line_prefix): %d", d.untold)
	}
	return text
}
