package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/lullhq/lull/internal/connfail"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

const (
	oldestServer    = 130000 // the oldest version that the tests run on
	ownSchema       = "lull" // unless the connection string has a search_path
	connectDeadline = 10 * time.Second
	closeDeadline   = 2 * time.Second // longest wait for a server to be told that a session ends
)

// postgres is the engine of a store in a schema of a Postgres database.
type postgres struct {
	config *pgx.ConnConfig // of every session
	schema string
	reader *sql.DB
}

// OpenPostgres opens the store in a database, as a libpq connection string names it. It makes its schema and
// tables when they are not there, and brings them up to date.
func OpenPostgres(ctx context.Context, conninfo string) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openDeadline)
	defer cancel()
	cfg, err := sessionConfig(conninfo)
	if err != nil {
		return nil, err
	}
	s, err := openPostgres(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the store in database %s at %s: %w", cfg.Database, address(cfg), err)
	}
	return s, nil
}

func address(cfg *pgx.ConnConfig) string {
	return net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
}

// sessionConfig is how Lull's sessions are to be. Their name tells people which process it is.
func sessionConfig(conninfo string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(conninfo)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the connection string of the store: %w", err), "correct store in lull.yaml")
	}
	cfg.ConnectTimeout = min(cfg.ConnectTimeout, connectDeadline)
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	for name, value := range map[string]string{
		"application_name": fmt.Sprintf("lull, pid %d on %s", os.Getpid(), host),
		"lock_timeout":     "5s", // as SQLite's busy_timeout
		// A process that was stopped in the middle of a write must not stop all others.
		"idle_in_transaction_session_timeout": "30s",
		"default_transaction_read_only":       "off",
	} {
		cfg.RuntimeParams[name] = value
	}
	if cfg.RuntimeParams["search_path"] == "" {
		cfg.RuntimeParams["search_path"] = ownSchema
	}
	return cfg, nil
}

func openPostgres(ctx context.Context, cfg *pgx.ConnConfig) (*Store, error) {
	conn, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, conn)
	e := &postgres{config: cfg}
	if e.schema, err = prepare(ctx, conn); err != nil {
		return nil, explained(err)
	}
	s := &Store{
		engine: e, claims: map[run.Lease]claim{},
		writer: stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(flushCommits)), reader: stdlib.OpenDB(*cfg),
	}
	s.writer.SetMaxOpenConns(1)
	s.reader.SetMaxOpenConns(readers)
	e.reader, s.samples = s.reader, newSamples(s.reader)
	if err := migrate(ctx, s.writer, goose.DialectPostgres, postgresMigrations, "migrations/postgres"); err != nil {
		return nil, errors.Join(explained(err), s.Close())
	}
	return s, nil
}

func connect(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, explained(connfail.Short(err))
	}
	return conn, nil
}

// closeConn tells the server, unless that takes too long.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeDeadline)
	defer cancel()
	_ = conn.Close(ctx)
}

// flushCommits sees to it that a commit that was answered survives a loss of power, whatever
// the database is set to. Stronger settings stay.
func flushCommits(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// prepare looks at the server and makes the schema. One process at a time: the lock is the
// session's, which stays open until the tables are there.
func prepare(ctx context.Context, conn *pgx.Conn) (schema string, err error) {
	var version int
	var text, path string
	var standby bool
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(), current_setting('search_path')`).
		Scan(&version, &text, &standby, &path); err != nil {
		return "", err
	}
	wanted := conn.Config().RuntimeParams["search_path"]
	switch {
	case version < oldestServer:
		return "", hint.Errorf("use a server of version 13 or newer, or a SQLite file (store: lull.db)", "the server is PostgreSQL %s", text)
	case standby:
		return "", hint.Errorf("name the primary, or several hosts and target_session_attrs=read-write", "the server is a standby: nothing can be written there")
	case path != wanted:
		return "", hint.Errorf(direct, "the session has not got the search_path that it asked for")
	}
	if _, err := conn.Exec(ctx, `SELECT set_config('lock_timeout', '0', false), pg_advisory_lock($1)`, lockKey("tables", wanted)); err != nil {
		return "", err
	}
	return makeSchema(ctx, conn, wanted)
}

// makeSchema makes Lull's own schema. One that the connection string names has to be there.
func makeSchema(ctx context.Context, conn *pgx.Conn, path string) (string, error) {
	if path == ownSchema {
		// Not IF NOT EXISTS alone: that asks for the right to create also when there is nothing to create.
		if _, err := conn.Exec(ctx, `DO $$ BEGIN IF to_regnamespace('lull') IS NULL THEN CREATE SCHEMA lull; END IF; END $$`); err != nil {
			return "", err
		}
	}
	var schema *string
	if err := conn.QueryRow(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		return "", err
	}
	if schema == nil {
		return "", hint.Errorf("CREATE SCHEMA it there, with the right to use it, or take search_path out of the connection string", "no schema of the search_path %s is there", path)
	}
	return *schema, nil
}

// direct is for poolers that hand a session from client to client: Lull's locks and settings are the session's.
const direct = "give the server's own address, not that of a pooler"

// explained gives an error of the server what to do about it.
func explained(err error) error {
	if hint.Of(err) != "" || err == nil {
		return err
	}
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return hint.Wrap(err, "check that the server runs, and store in lull.yaml: psql with the same connection string has to work")
	}
	switch {
	case strings.Contains(said.Message, "unsupported startup parameter"): // PgBouncer
		return hint.Wrap(err, direct)
	case said.Code == "42501": // insufficient_privilege
		return hint.Wrap(err, "have the database's owner type: CREATE SCHEMA lull AUTHORIZATION ...; with Lull's role in place of the dots")
	case said.Code == "3D000": // invalid_catalog_name
		return hint.Wrap(err, "createdb it, or correct store in lull.yaml")
	case strings.HasPrefix(said.Code, "28"): // invalid_authorization_specification, invalid_password
		return hint.Wrap(err, "check user and password_file of store in lull.yaml")
	}
	return hint.Wrap(err, "see the server's log")
}

// begin takes its turn: numbers are given before the commit, so writers that overlap could commit them in
// another order, and a reader's cursor would pass over the lower one. The hint goes out with the commit.
func (e *postgres) begin(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1), pg_notify($2, '')`, lockKey("write", e.schema), channel)
	return err
}

// broken: only an error that leaves the session alive says what became of a statement.
func (*postgres) broken(err error) bool {
	var said *pgconn.PgError
	return !errors.As(err, &said) || said.Severity == "FATAL" || said.Severity == "PANIC"
}

func (e *postgres) server(ctx context.Context) (id string, err error) {
	err = e.reader.QueryRowContext(ctx, `SELECT system_identifier::text FROM pg_control_system()`).Scan(&id)
	return id, err
}

// lockKey names an advisory lock. They are the database's, so the schema is part of it.
func lockKey(what, schema string, more ...string) int64 {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{"lull", what, schema}, more...), "\x00")))
	return int64(binary.BigEndian.Uint64(sum[:]))
}
