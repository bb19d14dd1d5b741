package demo

import (
	"context"
	_ "embed" // the schema
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

// fill makes the application's role and database, pgbench's tables and the shop's.
func (g *Ground) fill(ctx context.Context, scale int) error {
	if err := g.role(ctx); err != nil {
		return err
	}
	if err := g.script(ctx, database, superuser,
		"CREATE EXTENSION citext", "CREATE EXTENSION hstore", "CREATE EXTENSION pg_stat_statements"); err != nil {
		return err
	}
	if err := g.pgbenchTables(ctx, scale); err != nil {
		return err
	}
	if err := g.script(ctx, database, appRole, schemaSQL); err != nil {
		return err
	}
	return g.script(ctx, database, superuser, "VACUUM (ANALYZE)", "CHECKPOINT")
}

// role makes the application's role and database. CREATE ROLE takes no parameters, so the
// server quotes the password itself.
func (g *Ground) role(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, g.withPassword(g.Source.DSN("postgres", superuser), superuser))
	if err != nil {
		return fmt.Errorf("fill the source: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var create string
	err = conn.QueryRow(ctx, "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)", appRole, g.passwords[appRole]).Scan(&create)
	for _, sql := range []string{create, "CREATE DATABASE " + database + " OWNER " + appRole} {
		if err == nil {
			_, err = conn.Exec(ctx, sql)
		}
	}
	if err != nil {
		return fmt.Errorf("make the application's role and database: %w", err)
	}
	return nil
}

// scramSecrets are what the server keeps of the roles' passwords.
func (g *Ground) scramSecrets(ctx context.Context) (map[string]string, error) {
	conn, err := pgx.Connect(ctx, g.withPassword(g.Source.DSN("postgres", superuser), superuser))
	if err != nil {
		return nil, fmt.Errorf("read the roles' secrets: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, "SELECT rolname::text, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("read the roles' secrets: %w", err)
	}
	secrets := map[string]string{}
	var role, secret string
	_, err = pgx.ForEachRow(rows, []any{&role, &secret}, func() error { secrets[role] = secret; return nil })
	if err != nil {
		return nil, fmt.Errorf("read the roles' secrets: %w", err)
	}
	return secrets, nil
}

// script runs SQL on the source, each text in a transaction of its own.
func (g *Ground) script(ctx context.Context, db, role string, texts ...string) error {
	conn, err := pgx.Connect(ctx, g.withPassword(g.Source.DSN(db, role), role))
	if err != nil {
		return fmt.Errorf("fill the source: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range texts {
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("fill database %s: %w", db, err)
		}
	}
	return nil
}

func (g *Ground) pgbenchTables(ctx context.Context, scale int) error {
	cmd, err := g.pgbench(ctx, g.Source.Port, "--initialize", "--quiet", "--scale", strconv.Itoa(scale))
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fill pgbench's tables: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// pgbench prepares the newer version's program, as the application's role.
func (g *Ground) pgbench(ctx context.Context, port int, args ...string) (*exec.Cmd, error) {
	file := filepath.Join(g.Servers, "pgpass")
	if err := g.Tools.Owner.WriteFile(file, []byte("*:*:*:"+appRole+":"+g.passwords[appRole]+"\n")); err != nil {
		return nil, err
	}
	cmd := g.Tools.Command(ctx, "pgbench", append([]string{"--host", "127.0.0.1", "--port", strconv.Itoa(port), "--username", appRole}, append(args, database)...)...)
	cmd.Env = append(cmd.Env, "PGPASSFILE="+file)
	return cmd, nil
}
