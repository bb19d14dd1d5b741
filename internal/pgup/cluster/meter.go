package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Meter reads a server's workload, as often as one likes, in a session of its own.
type Meter struct {
	conn  *pgx.Conn
	major int
	blind string
	count string // the query for the counters of statements
	texts string // the query for the texts of some of them
	top   string // the query for those that took most time, with their texts as they were sent
	known map[statementID]named
}

// statementID is what this server, and no other, knows a statement by.
type statementID struct {
	user, database uint32
	query          int64
}

type named struct {
	key  string // empty: not to be measured
	work Work   // without counters
}

// mostStatements bounds what one reading holds. A server remembers 5000 unless told
// otherwise, and those beyond the first few hundred take next to none of its time.
const mostStatements = 2000

// OpenMeter looks for statistics of statements in all databases. Without any, the
// workload is that of databases alone, and says why.
func OpenMeter(ctx context.Context, e Endpoint) (*Meter, error) {
	m, err := openMeter(ctx, e, "")
	if err != nil || m.count != "" {
		return m.tried(ctx, err)
	}
	others, err := m.databases(ctx)
	if err != nil {
		m.Close()
		return nil, err
	}
	for _, name := range others {
		other, err := openMeter(ctx, e, name)
		if err != nil {
			m.Close()
			return nil, err
		}
		if other.count != "" {
			m.Close()
			return other.tried(ctx, nil)
		}
		other.Close()
	}
	return m, nil
}

// databases are those besides the one that the session is in.
func (m *Meter) databases(ctx context.Context) ([]string, error) {
	rows, err := m.conn.Query(ctx, `SELECT datname FROM pg_database
		WHERE datallowconn AND NOT datistemplate AND datname <> current_database() ORDER BY oid`)
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func openMeter(ctx context.Context, e Endpoint, database string) (m *Meter, err error) {
	m = &Meter{known: map[statementID]named{}, blind: "the extension pg_stat_statements is in none of its databases"}
	if m.conn, err = e.Connect(ctx, database); err != nil {
		return nil, err
	}
	version, _, _ := strings.Cut(m.conn.PgConn().ParameterStatus("server_version"), ".")
	m.major, _ = strconv.Atoi(version) // a development version is "19devel": 0, which is asked for what all have
	if err := m.look(ctx); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// look finds the extension and how its columns are called: that goes by the extension's own
// version, which is older than the server's after an upgrade.
func (m *Meter) look(ctx context.Context) error {
	var schema, total, deviation string
	err := m.conn.QueryRow(ctx, `
		SELECT quote_ident(n.nspname), total.attname, deviation.attname
		FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
		JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'pg_stat_statements'
		JOIN pg_attribute total ON total.attrelid = c.oid AND total.attname IN ('total_exec_time', 'total_time')
		JOIN pg_attribute deviation ON deviation.attrelid = c.oid AND deviation.attname IN ('stddev_exec_time', 'stddev_time')
		WHERE x.extname = 'pg_stat_statements'`).Scan(&schema, &total, &deviation)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the statistics of statements: %w", err)
	}
	m.blind = ""
	m.count = fmt.Sprintf(`SELECT userid, dbid, queryid, calls, %[2]s, calls * (%[3]s * %[3]s + (%[2]s / calls) * (%[2]s / calls))
		FROM %[1]s.pg_stat_statements(false) WHERE calls > 0 AND queryid IS NOT NULL ORDER BY %[2]s DESC LIMIT %[4]d`, schema, total, deviation, mostStatements+1)
	m.texts = fmt.Sprintf(`SELECT s.userid, s.dbid, s.queryid, d.datname, r.rolname, s.query
		FROM %s.pg_stat_statements(true) s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid
		WHERE s.query IS NOT NULL AND (s.userid, s.dbid, s.queryid) IN (SELECT * FROM unnest($1::oid[], $2::oid[], $3::bigint[]))`, schema)
	m.top = fmt.Sprintf(`SELECT s.queryid, d.datname, r.rolname, s.query, sum(s.calls)::bigint, sum(s.%s)
		FROM %s.pg_stat_statements(true) s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid
		WHERE s.query IS NOT NULL AND s.queryid IS NOT NULL AND d.datname = ANY($1::text[]) AND r.rolname <> session_user
		GROUP BY 1, 2, 3, 4 ORDER BY 6 DESC LIMIT $2`, total, schema)
	return nil
}

// tried finds out whether the statistics can be read. Lull's own reading is no part of them.
func (m *Meter) tried(ctx context.Context, err error) (*Meter, error) {
	if err != nil {
		return nil, err
	}
	_, err = m.conn.Exec(ctx, m.count)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "55000" { // object_not_in_prerequisite_state
		m.blind = "pg_stat_statements is not in its shared_preload_libraries"
		return m, nil
	}
	if err == nil {
		_, err = m.conn.Exec(ctx, "SET pg_stat_statements.track = 'none'")
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("read the statistics of statements: %w", err)
	}
	return m, nil
}

// Blind says why statements are not measured; empty when they are.
func (m *Meter) Blind() string { return m.blind }

// Close ends the session.
func (m *Meter) Close() { m.conn.Close(context.Background()) }

// Read takes the workload as it is now.
func (m *Meter) Read(ctx context.Context) (Workload, error) {
	w := Workload{Blind: m.blind}
	if err := readActivity(ctx, m.conn, m.major, &w); err != nil || m.blind != "" {
		return w, err
	}
	ids, counted, err := m.counters(ctx)
	if err != nil {
		return w, err
	}
	if w.Partial = len(ids) > mostStatements; w.Partial {
		ids = ids[:mostStatements]
	}
	if err := m.learn(ctx, ids); err != nil {
		return w, err
	}
	w.Statements = map[string]Work{}
	for i, id := range ids {
		n, there := m.known[id]
		if !there || n.key == "" {
			continue
		}
		x := n.work.add(counted[i])
		if before, double := w.Statements[n.key]; double {
			x = before.add(counted[i])
		}
		w.Statements[n.key] = x
	}
	return w, nil
}

func (m *Meter) counters(ctx context.Context) (ids []statementID, counted []Work, err error) {
	rows, err := m.conn.Query(ctx, m.count)
	if err != nil {
		return nil, nil, fmt.Errorf("read the statistics of statements: %w", err)
	}
	var id statementID
	var w Work
	if _, err := pgx.ForEachRow(rows, []any{&id.user, &id.database, &id.query, &w.Calls, &w.Total, &w.Squares}, func() error {
		ids, counted = append(ids, id), append(counted, w)
		return nil
	}); err != nil {
		return nil, nil, fmt.Errorf("read the statistics of statements: %w", err)
	}
	return ids, counted, nil
}

// learn asks for the texts of statements that were not seen before. The server reads all
// of them from a file for it, so that is done only when there are new ones.
func (m *Meter) learn(ctx context.Context, ids []statementID) error {
	if len(m.known) > 10*mostStatements { // on a server that forgets statements all the time
		clear(m.known)
	}
	var users, databases []uint32
	var queries []int64
	for _, id := range ids {
		if _, there := m.known[id]; !there {
			users, databases, queries = append(users, id.user), append(databases, id.database), append(queries, id.query)
		}
	}
	if len(queries) == 0 {
		return nil
	}
	rows, err := m.conn.Query(ctx, m.texts, users, databases, queries)
	if err != nil {
		return fmt.Errorf("read the texts of statements: %w", err)
	}
	var id statementID
	var w Work
	if _, err := pgx.ForEachRow(rows, []any{&id.user, &id.database, &id.query, &w.Database, &w.User, &w.Text}, func() error {
		m.known[id] = name(w)
		return nil
	}); err != nil {
		return fmt.Errorf("read the texts of statements: %w", err)
	}
	return nil
}

// name gives a statement its shape and the key that follows from it.
func name(w Work) named {
	w.Text = Shape(w.Text)
	if !Plannable(w.Text) {
		return named{}
	}
	sum := identity(w.Database, w.User, w.Text)
	const longest = 1000 // of a text that people are to recognise
	w.Text = strings.ToValidUTF8(w.Text[:min(len(w.Text), longest)], "")
	return named{key: hex.EncodeToString(slices.Clip(sum[:12])), work: w}
}

// identity of a statement is the same on any server: it follows from its database, its user and its shape.
func identity(database, user, shape string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join([]string{database, user, shape}, "\x00")))
}
