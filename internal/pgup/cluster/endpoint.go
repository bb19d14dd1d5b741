// Package cluster holds everything that is asked of or told to a PostgreSQL
// server during an upgrade, a file per concern. Functions take a connection and
// answer one question or change one thing.
//
// It must not know of steps, journals or the order in which things are done.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/connfail"
)

// Endpoint is how a server is reached as Lull's own role.
type Endpoint struct {
	// Conninfo is a libpq keyword string without a password.
	Conninfo string
	// Password may be empty: trust, peer or a certificate.
	Password string
	// Name is the application_name of its sessions. Empty: lull. It has to begin with that.
	Name string
}

// String leaves nothing secret in logs and errors.
func (e Endpoint) String() string { return e.Conninfo }

// Config gives a connection's settings for one database ("" = as the conninfo says).
// Lull's sessions never time out by the server's settings and never wait for a lock for long.
func (e Endpoint) Config(database string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(e.Conninfo)
	if err != nil {
		return nil, fmt.Errorf("read the address of the server: %w", err)
	}
	if e.Password != "" {
		cfg.Password = e.Password
	}
	if database != "" {
		cfg.Database = database
	}
	set := map[string]string{
		"application_name":                    cmp.Or(e.Name, "lull"),
		"statement_timeout":                   "0",
		"idle_in_transaction_session_timeout": "0",
		"default_transaction_read_only":       "off",
		"lock_timeout":                        "2s",
		"search_path":                         "pg_catalog",
	}
	for k, v := range set {
		cfg.RuntimeParams[k] = v
	}
	return cfg, nil
}

// Connect opens a session in the database ("" = as the conninfo says).
func (e Endpoint) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	cfg, err := e.Config(database)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to database %s at %s: %w", cfg.Database, net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), connfail.Short(err))
	}
	if err := endWithClient(ctx, conn); err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// startingUp is how long a server that is just starting, or stopping, is waited for: after a
// crash it answers before it lets anybody in.
const startingUp = 20 * time.Second

func dial(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	for began := time.Now(); ; {
		conn, err := pgx.ConnectConfig(ctx, cfg)
		var refused *pgconn.PgError
		if err == nil || !errors.As(err, &refused) || refused.Code != "57P03" || time.Since(began) > startingUp { // cannot_connect_now
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// endWithClient lets the server notice in the middle of a long statement that this process
// is gone: whoever carries on after it would wait for its locks. Servers can since 14.
func endWithClient(ctx context.Context, conn *pgx.Conn) error {
	if major(conn) < 14 {
		return nil
	}
	if _, err := conn.Exec(ctx, "SET client_connection_check_interval = '500ms'"); err != nil {
		return fmt.Errorf("prepare a session: %w", err)
	}
	return nil
}

// major is the version that the server told when the session began; 0 = of a server that is not released yet.
func major(conn *pgx.Conn) int {
	version, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	n, err := strconv.Atoi(version)
	if err != nil {
		return 0
	}
	return n
}

// At is the same endpoint at another address, for the target that has the source's roles.
func (e Endpoint) At(host string, port int) Endpoint {
	e.Conninfo += fmt.Sprintf(" host=%s port=%d", Quote(host), port)
	return e
}

// Libpq is the conninfo for a program that reads the password from a file (libpq: the last of two equal keywords counts).
func (e Endpoint) Libpq(database, passfile string) string {
	s := e.Conninfo
	if database != "" {
		s += " dbname=" + Quote(database)
	}
	if passfile != "" {
		s += " passfile=" + Quote(passfile)
	}
	return s
}

// WritePassfile writes a libpq password file that serves this endpoint's role on every host.
// Empty password: no file is needed and none is written.
func (e Endpoint) WritePassfile(path string) error {
	if e.Password == "" {
		return nil
	}
	cfg, err := e.Config("")
	if err != nil {
		return err
	}
	esc := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
	line := fmt.Sprintf("*:*:*:%s:%s\n", esc.Replace(cfg.User), esc.Replace(e.Password))
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		return fmt.Errorf("write the password file for the server's own connection: %w", err)
	}
	return nil
}

// Quote makes a libpq conninfo value (manual, section 34.1.1.1).
func Quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// Ident quotes an SQL identifier, of one or more parts.
func Ident(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// Literal quotes an SQL string for the few commands that take no parameters (DDL).
func Literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
