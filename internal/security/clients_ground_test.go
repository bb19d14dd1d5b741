package security

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// deadline gives what waits a moment, and ends the test when that has gone on for too long.
func deadline(t *testing.T) func(what string) {
	end := time.Now().Add(3 * time.Minute)
	return func(what string) {
		t.Helper()
		if time.Now().After(end) {
			t.Fatal(what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// prepend puts a rule before all others of pg_hba.conf.
func prepend(t *testing.T, s *pgtest.Server, line string) {
	t.Helper()
	file := filepath.Join(s.Data, "pg_hba.conf")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Owner.WriteFile(file, append([]byte(line), was...)); err != nil {
		t.Fatal(err)
	}
}

// awaitLogin waits until a rule that was just written lets the role in.
func awaitLogin(t *testing.T, s *pgtest.Server, role string) {
	t.Helper()
	until := deadline(t)
	for {
		conn, err := pgx.Connect(t.Context(), s.Server.DSN("postgres", role)+" password=Kah7 application_name=lull_test")
		if err == nil {
			_ = conn.Close(t.Context())
			return
		}
		until(err.Error())
	}
}

// dialFrom connects from another address of this machine.
func dialFrom(t *testing.T, s *pgtest.Server, address string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(s.Server.DSN("postgres", "web") + " password=Kah7 application_name=nightly sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext
	until := deadline(t)
	for {
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err == nil {
			return conn
		}
		until(err.Error())
	}
}
