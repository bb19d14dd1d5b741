package checks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
)

// Server is how one is reached: a session in the named database, "" = whichever.
type Server interface {
	Connect(ctx context.Context, database string) (*pgx.Conn, error)
}

// Subject is what the checks are made of.
type Subject struct {
	Servers map[Audience]Server // whom there is to ask
	From    int                 // major version of the source, or of the only server
	To      int                 // that of the target
	Facts   pgx.NamedArgs       // what a query may use: @from and @to are added
}

// limit is how long one query may take. What takes longer is told as not looked at.
const limit = 30 * time.Second

// atOnce is how many databases are asked side by side: they have other clients.
const atOnce = 4

// Run asks every server that there is. Nothing is changed. What cannot be looked at is a finding, too.
// An error means that a server could not be reached.
func Run(ctx context.Context, list []Check, s Subject) ([]Finding, error) {
	facts := pgx.NamedArgs{"from": s.From, "to": s.To}
	for k, v := range s.Facts {
		facts[k] = v
	}
	s.Facts = facts
	var out []Finding
	for _, who := range []Audience{Source, Target, Each} {
		server, mine := s.Servers[who], asked(list, who, s)
		if server == nil || len(mine) == 0 {
			continue
		}
		found, err := ask(ctx, server, mine, s)
		if err != nil {
			return out, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func asked(list []Check, who Audience, s Subject) (out []Check) {
	for _, c := range list {
		if c.Asks == who && c.applies(s) && (c.SQL != "" || c.Look != nil) {
			out = append(out, c)
		}
	}
	return out
}

// ask asks one server: what is about it as a whole in the first database, the rest in each.
func ask(ctx context.Context, server Server, list []Check, s Subject) ([]Finding, error) {
	databases, err := connectable(ctx, server)
	if err != nil {
		return nil, err
	}
	found := make([][]Finding, len(databases))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, db := range databases {
		group.Go(func() (err error) {
			found[i], err = inDatabase(ctx, server, db, list, s, i == 0)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	order := func(f Finding) int { return slices.IndexFunc(list, func(c Check) bool { return c.ID == f.ID }) }
	slices.SortStableFunc(all, func(a, b Finding) int { return order(a) - order(b) })
	return all, nil
}

func connectable(ctx context.Context, server Server) ([]string, error) {
	conn, err := server.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname <> current_database(), oid`)
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func inDatabase(ctx context.Context, server Server, db string, list []Check, s Subject, first bool) (out []Finding, err error) {
	conn, err := server.Connect(ctx, db)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, fmt.Sprintf("SET default_transaction_read_only = on; SET lock_timeout = '2s'; SET statement_timeout = %d", limit.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("prepare a session in database %s: %w", db, err)
	}
	for _, c := range list {
		if c.Once && !first {
			continue
		}
		found, err := c.in(ctx, conn, db, s)
		if err != nil {
			return nil, fmt.Errorf("database %s: %s: %w", db, c.ID, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// in runs one check. What the server refuses to answer is said, and the others go on.
func (c Check) in(ctx context.Context, conn *pgx.Conn, db string, s Subject) ([]Finding, error) {
	look := c.Look
	if look == nil {
		look = c.query
	}
	objects, err := look(ctx, conn, s)
	where := db
	if c.Once {
		where = ""
	}
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && !conn.IsClosed():
		return []Finding{c.unseen(where, refused)}, nil
	case err != nil:
		return nil, err
	}
	var out []Finding
	for _, severity := range Severities {
		some := slices.DeleteFunc(slices.Clone(objects), func(o Object) bool { return o.severity(c) != severity })
		if len(some) == 0 {
			continue
		}
		f := c.Finding(where, some)
		f.Severity, f.Evidence = severity, fill(c.SQL, s.Facts)
		out = append(out, f)
	}
	return out, nil
}

func (o Object) severity(c Check) Severity {
	if o.Severity != "" {
		return o.Severity
	}
	return c.Severity
}

// unseen is a finding that says that nobody knows.
func (c Check) unseen(db string, refused *pgconn.PgError) Finding {
	f := c.Finding(db, []Object{{Detail: refused.Message}})
	f.Severity = milder(c.Severity, Warning)
	f.Text = "Not looked at: " + strings.TrimSuffix(f.Text, ".") + "."
	f.Fix = "Run the query in docs/checks.md under this name yourself, with a role that may, and when the server has time for it."
	f.Objects, f.Count = nil, 0
	return f
}

// milder is the less bad of two.
func milder(a, b Severity) Severity {
	return Severities[max(slices.Index(Severities, a), slices.Index(Severities, b))]
}

// query asks the check's SQL. All values come as text, whatever their types.
func (c Check) query(ctx context.Context, conn *pgx.Conn, s Subject) (out []Object, err error) {
	args := []any{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{pgx.TextFormatCode}}
	if named.MatchString(c.SQL) {
		args = append(args, s.Facts)
	}
	rows, err := conn.Query(ctx, c.SQL, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var o Object
		for i, f := range rows.FieldDescriptions() {
			o.set(f.Name, string(rows.RawValues()[i]))
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

func (o *Object) set(column, value string) {
	switch column {
	case "object":
		o.Name = value
	case "detail":
		o.Detail = value
	case "command":
		o.Command = value
	case "severity":
		o.Severity = Severity(value)
	}
}

var named = regexp.MustCompile(`@[a-z_]+\b`)

// fill writes the facts into a query, for a person to run it.
func fill(sql string, facts pgx.NamedArgs) string {
	return named.ReplaceAllStringFunc(sql, func(name string) string {
		v, ok := facts[name[1:]]
		switch v := v.(type) {
		case nil:
			if !ok {
				return name
			}
			return "NULL"
		case int, int64, float64, bool:
			return fmt.Sprint(v)
		case string:
			return "'" + strings.ReplaceAll(v, "'", "''") + "'"
		case []string:
			quoted := make([]string, len(v))
			for i, s := range v {
				quoted[i] = "'" + strings.ReplaceAll(s, "'", "''") + "'"
			}
			return "ARRAY[" + strings.Join(quoted, ", ") + "]::text[]"
		}
		return name
	})
}
