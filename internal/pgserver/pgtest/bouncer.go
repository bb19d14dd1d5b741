package pgtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
)

// Bouncer is a running pooler of one test.
type Bouncer struct {
	pgserver.PgBouncer
	Password string // of the superuser, who may also administer the pooler
}

// BouncerOptions are how a test's pooler differs from the ordinary one.
type BouncerOptions struct {
	Databases map[string]string // name and how to reach it, besides those asked for
	Settings  map[string]string
	Users     map[string]string // name and password, besides the superuser
}

// StartBouncer starts a pooler in transaction mode that passes the named databases on to the server.
func StartBouncer(t testing.TB, s *Server, o BouncerOptions, databases ...string) *Bouncer {
	t.Helper()
	program, err := pgserver.FindPgBouncer()
	check(t, err)
	dir, err := s.Owner.TempDir()
	check(t, err)
	t.Cleanup(func() { remove(t, dir) })
	b := &Bouncer{PgBouncer: pgserver.PgBouncer{Program: program, Owner: s.Owner, Dir: dir}, Password: s.Password}
	p := pgserver.Pooling{Databases: map[string]string{}, Users: map[string]string{Superuser: s.Password}, Settings: map[string]string{"admin_users": Superuser}}
	for _, name := range databases {
		p.Databases[name] = fmt.Sprintf("host=127.0.0.1 port=%d", s.Port)
	}
	maps.Copy(p.Databases, o.Databases)
	maps.Copy(p.Users, o.Users)
	maps.Copy(p.Settings, o.Settings)
	t.Cleanup(func() { b.end(t) })
	b.spawn(t, p)
	return b
}

func (b *Bouncer) spawn(t testing.TB, p pgserver.Pooling) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var failed error
	for range 5 {
		ports, err := pgserver.FreePorts(1)
		check(t, err)
		b.Port = ports[0]
		check(t, b.Configure(p))
		err = b.Spawn(ctx)
		if err == nil {
			return
		}
		if failed = errors.Join(failed, err); hint.Of(err) == "" {
			break
		}
	}
	t.Fatal(failed)
}

// Reconfigure has it run with another configuration, without an end for anybody's connection.
func (b *Bouncer) Reconfigure(t testing.TB, p pgserver.Pooling) {
	t.Helper()
	check(t, b.Configure(p))
	pid, err := os.ReadFile(filepath.Join(b.Dir, "pgbouncer.pid"))
	check(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	check(t, err)
	check(t, syscall.Kill(n, syscall.SIGHUP))
}

func (b *Bouncer) end(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Error(err)
	}
	logEnd(t, fmt.Sprintf("pooler %d", b.Port), b.LogFile())
}

// DSN is how the superuser reaches a database through the pooler; "pgbouncer" is its console.
func (b *Bouncer) DSN(database string) string {
	return b.PgBouncer.DSN(database, Superuser) + " password=" + b.Password
}

// Connect opens a connection through the pooler that is closed when the test ends.
func (b *Bouncer) Connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	return connect(t, b.DSN(database)+" default_query_exec_mode=simple_protocol")
}
