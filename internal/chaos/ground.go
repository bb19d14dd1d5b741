package chaos

import (
	"context"
	"crypto/rand"
	_ "embed" // Schema
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver"
)

// Of the maintenance that all worlds run.
const (
	fromMajor, toMajor = 13, 17

	id        = "postgres-17"
	superuser = "lull"
	client    = "client" // the application's role, and its password
)

var databases = []string{"app", "shop", "mail"}

// Schema is what is in each database before: a little of everything that an upgrade can trip over.
//
//go:embed schema.sql
var Schema string

// ground is what all worlds of a harness share: the programs, and a source that was prepared
// and cleanly stopped, to be copied for each.
type ground struct {
	old, new  pgserver.Install
	pgbouncer string
	programs  *programs
	near      string // where the servers' user can go
	password  string // of the superuser
}

func lay(ctx context.Context, p *programs) (_ *ground, err error) {
	g := &ground{programs: p, password: rand.Text()}
	if g.old, err = pgserver.Find(fromMajor); err != nil {
		return nil, err
	}
	if g.new, err = pgserver.Find(toMajor); err != nil {
		return nil, err
	}
	if g.pgbouncer, err = pgserver.FindPgBouncer(); err != nil {
		return nil, err
	}
	if g.near, err = g.old.Owner.TempDir(); err != nil {
		return nil, err
	}
	if err := g.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the source: %w", err), g.close())
	}
	return g, nil
}

func (g *ground) close() error { return os.RemoveAll(g.near) }

// settings are those of a source that never waits for the disk: kill -9 of a process loses
// nothing that it has given to the system.
var settings = map[string]string{
	"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on", "autovacuum_naptime": "1s",
	"wal_level": "logical", "max_wal_senders": "20", "max_replication_slots": "20", "max_worker_processes": "20",
	"listen_addresses": "127.0.0.1", "shared_buffers": "32MB", "min_wal_size": "4MB", "max_wal_size": "256MB",
	"wal_sender_timeout": "5s", "wal_receiver_timeout": "5s", "wal_retrieve_retry_interval": "500ms", "log_min_messages": "log",
	"unix_socket_directories": "",
}

func (g *ground) prepare(ctx context.Context) error {
	s := pgserver.Server{Install: g.old, Data: filepath.Join(g.near, "prepared")}
	// Small segments, so that WAL that a slot needs can be thrown away with a few megabytes written.
	if err := s.Init(ctx, pgserver.InitOptions{Superuser: superuser, Password: g.password, WALSegMB: 1, Args: []string{"--no-sync"}}); err != nil {
		return err
	}
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, settings[name])
	}
	if err := s.Owner.WriteFile(filepath.Join(s.Data, "postgresql.auto.conf"), []byte(conf.String())); err != nil {
		return err
	}
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		return err
	}
	s.Port = ports[0]
	if err := s.Spawn(ctx, nil); err != nil {
		return err
	}
	if err := g.fill(ctx, s); err != nil {
		return errors.Join(err, s.Stop(context.WithoutCancel(ctx), "immediate"))
	}
	return s.Stop(ctx, "fast")
}

func (g *ground) fill(ctx context.Context, s pgserver.Server) error {
	dsn := func(db string) string { return s.DSN(db, superuser) + " password=" + g.password }
	do := []string{"CREATE ROLE " + client + " LOGIN PASSWORD '" + client + "'"}
	for _, db := range databases {
		do = append(do, "CREATE DATABASE "+db)
	}
	do = append(do, "ALTER DATABASE mail CONNECTION LIMIT 80", "ALTER DATABASE app SET work_mem = '5MB'",
		"ALTER ROLE "+client+" IN DATABASE shop SET statement_timeout = '1min'")
	if err := execute(ctx, dsn("postgres"), do...); err != nil {
		return err
	}
	for _, db := range databases {
		if err := execute(ctx, dsn(db), Schema, "VACUUM (ANALYZE)"); err != nil {
			return err
		}
	}
	return nil
}

// copySource gives a world a source of its own.
func (g *ground) copySource(ctx context.Context, to string) error {
	flags := []string{"-a"}
	if runtime.GOOS == "linux" {
		flags = append(flags, "--reflink=auto")
	}
	out, err := exec.CommandContext(ctx, "cp", append(flags, filepath.Join(g.near, "prepared"), to)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy the prepared source: %w: %s", err, out)
	}
	return nil
}

// execute runs statements one after the other, each in a transaction of its own.
func execute(ctx context.Context, dsn string, statements ...string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	return nil
}

// column asks for the values of one column, as text.
func column(ctx context.Context, dsn, query string, args ...any) ([]string, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("%.60s: %w", query, err)
	}
	return out, nil
}
