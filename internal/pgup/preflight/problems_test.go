package preflight_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// problems are in the order in which they are planted. They are taken away in the opposite one.
var problems = []planted{
	{id: "wal_level", object: "wal_level = replica"},
	{id: "slots", object: "0 of 2 are free"},
	{id: "senders", object: "are needed"},
	{id: "workers", object: "max_logical_replication_workers = 0"},
	{id: "max_slot_wal_keep_size", object: "1GB"},
	{id: "plpgsql", db: "bare", plant: []string{`DROP EXTENSION plpgsql`}, object: "bare"},
	{id: "lull-schema", plant: []string{`CREATE SCHEMA lull`}, object: "app"},
	{id: "tablespaces", object: "spare", do: tablespace},
	{
		id: "subscriptions", object: "far",
		plant: []string{`CREATE SUBSCRIPTION far CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)`},
		fix:   []string{`ALTER SUBSCRIPTION far SET (slot_name = NONE)`, `DROP SUBSCRIPTION far`},
	},
	{id: "prepared-transactions", plant: []string{`BEGIN; CREATE TABLE prepared (); PREPARE TRANSACTION 'left over'`}, object: "left over"},
	{id: "foreign-slot", plant: []string{`SELECT pg_create_physical_replication_slot('lull_test_1')`}, object: "lull_test_1"},
	{
		id: "slot", plant: []string{`SELECT pg_create_physical_replication_slot('backup')`}, object: "backup",
		fix: []string{`SELECT pg_drop_replication_slot('backup')`},
	},
	{id: "superusers", plant: []string{`CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'`}, object: "boss", fix: []string{`DROP ROLE boss`}, do: as("boss")},
}

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
