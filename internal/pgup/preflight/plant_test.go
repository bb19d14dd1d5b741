package preflight_test

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/lullhq/lull/internal/checks/checkstest"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// tablespace makes one: its folder has to be there, and to be the server's.
func tablespace(t *testing.T, s *pgtest.Server) func() {
	dir := filepath.Join(filepath.Dir(s.Data), "spare")
	if err := s.Owner.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "postgres", `CREATE TABLESPACE spare LOCATION '`+dir+`'`)
	return func() {}
}

// as keeps a session of a role whose password is its name, and does something in it.
func as(role string, statements ...string) func(*testing.T, *pgtest.Server) func() {
	return func(t *testing.T, s *pgtest.Server) func() {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), s.Server.DSN("app", role)+" password="+role)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range statements {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		return func() { _ = conn.Close(context.Background()) }
	}
}

// speakTLS gives the server a key and a certificate.
func speakTLS(t *testing.T, s *pgtest.Server) func() {
	t.Helper()
	s.Certify(t, x509.Certificate{})
	s.Exec(t, "postgres", `ALTER SYSTEM SET ssl = on`, `SELECT pg_reload_conf()`)
	return checkstest.Until(`SELECT setting = 'on' FROM pg_settings WHERE name = 'ssl'`)(t, s)
}

// follow reads the log as a standby does.
func follow(t *testing.T, s *pgtest.Server) func() {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), s.DSN("postgres")+" replication=true application_name=reader")
	if err != nil {
		t.Fatal(err)
	}
	at, err := conn.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	fe := conn.Frontend()
	fe.Send(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + string(at[0].Rows[0][2])})
	if err := fe.Flush(); err != nil {
		t.Fatal(err)
	}
	for {
		msg, err := fe.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := msg.(*pgproto3.CopyBothResponse); ok {
			return func() { _ = conn.Close(context.Background()) }
		}
	}
}
