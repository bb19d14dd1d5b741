// Package pgtest gives a test PostgreSQL servers and poolers of its own, real ones, that
// end with the test, or with the test binary if that is killed.
//
// It knows pgserver and testing. It must not know what is tested.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
)

// Superuser is the role that every test server has.
const Superuser = "lull"

// Options are how a test's server differs from the ordinary one.
type Options struct {
	WALLevel  string            // "" is logical
	Databases []string          // made besides postgres
	Settings  map[string]string // over the ordinary ones
	InitArgs  []string          // for initdb
	Install   pgserver.Install  // another than the one that is found, such as a server without the other programs
}

// Server is a running server of one test.
type Server struct {
	pgserver.Server
	Password string
}

// patience tells a hang from a slow machine.
const patience = 5 * time.Minute

// Start starts a server of the major version. Nothing it holds survives a crash of the
// machine: it never waits for the disk, unless the test sets fsync.
func Start(t testing.TB, major int, o Options) *Server {
	t.Helper()
	in := o.Install
	if in.Major == 0 {
		in = Install(t, major)
	}
	dir, err := in.Owner.TempDir()
	check(t, err)
	t.Cleanup(func() { remove(t, dir) })
	s := &Server{Server: pgserver.Server{Install: in, Data: filepath.Join(dir, "data"), SocketDir: dir}}
	s.Password = fill(t, s.Server, o.InitArgs)
	settings := map[string]string{
		"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on", "autovacuum_naptime": "1min",
		"wal_level": "logical", "max_wal_senders": "20", "max_replication_slots": "20", "max_worker_processes": "20",
		"listen_addresses": "127.0.0.1", "shared_buffers": "32MB", "log_min_messages": "log",
	}
	if o.WALLevel != "" {
		settings["wal_level"] = o.WALLevel
	}
	maps.Copy(settings, o.Settings)
	s.configure(t, settings)
	t.Cleanup(func() { s.end(t) })
	s.spawn(t)
	for _, name := range o.Databases {
		s.Exec(t, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	}
	return s
}

// Install finds a major version, or ends the test with what to type.
func Install(t testing.TB, major int) pgserver.Install {
	t.Helper()
	in, err := pgserver.Find(major)
	check(t, err)
	return in
}

func check(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if next := hint.Of(err); next != "" {
		t.Fatalf("%v\nIn a checkout: make setup. Elsewhere: %s.", err, next)
	}
	t.Fatal(err)
}

// configure writes settings to a file, so that a later start by other means has them too.
func (s *Server) configure(t testing.TB, settings map[string]string) {
	t.Helper()
	check(t, s.Owner.WriteFile(filepath.Join(s.Data, "postgresql.auto.conf"), conf(settings)))
}

// spawn tries again on another port, should somebody else have taken the first.
func (s *Server) spawn(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var failed error
	for range 5 {
		ports, err := pgserver.FreePorts(1)
		check(t, err)
		s.Port = ports[0]
		err = s.Spawn(ctx, nil)
		if err == nil {
			return
		}
		if failed = errors.Join(failed, err); hint.Of(err) == "" {
			break
		}
	}
	t.Fatal(failed)
}

// Restart stops it and starts it with what its files say now, on another port.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, s.Stop(ctx, "fast"))
	s.spawn(t)
}

func (s *Server) end(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Stop(ctx, "immediate"); err != nil {
		t.Error(err)
	}
	logEnd(t, fmt.Sprintf("server %d", s.Port), s.Data+".log")
}

// logEnd shows what the program said last, when the test has failed.
func logEnd(t testing.TB, whose, file string) {
	if !t.Failed() {
		return
	}
	if said, err := os.ReadFile(file); err == nil {
		const kept = 1500
		t.Logf("the log of %s ends with:\n%s", whose, said[max(0, len(said)-kept):])
	}
}

func remove(t testing.TB, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// DSN is how the superuser reaches a database.
func (s *Server) DSN(database string) string {
	return s.Server.DSN(database, Superuser) + " password=" + s.Password
}

// Connect opens a connection that is closed when the test ends.
func (s *Server) Connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	return connect(t, s.DSN(database))
}

func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Exec runs statements one after the other, each in a transaction of its own.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DSN(database))
	check(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}
