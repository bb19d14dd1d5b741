package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

func endpoint(s *pgtest.Server) cluster.Endpoint {
	return cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}
}

// abandon leaves a statement to itself, as a client does that is killed.
func abandon(t *testing.T, s *pgtest.Server, sql string, under func() bool) {
	t.Helper()
	conn, err := endpoint(s).Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Exec(context.Background(), sql) // ends with the connection
	}()
	eventually(t, "the statement", under)
	if err := conn.PgConn().Conn().Close(); err != nil {
		t.Fatal(err)
	}
	<-done
}

func eventually(t *testing.T, what string, seen func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !seen(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no sign of %s", what)
		}
	}
}

func yes(t *testing.T, conn *pgx.Conn, query string) bool {
	t.Helper()
	var b bool
	if err := conn.QueryRow(t.Context(), query).Scan(&b); err != nil {
		t.Fatal(err)
	}
	return b
}

// What a killed run was doing on the new server must not keep the next one waiting.
func TestSessionEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	look := s.Connect(t, "postgres")
	sleeping := func() bool {
		return yes(t, look, `SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'`)
	}
	abandon(t, s, `SELECT pg_sleep(3600)`, sleeping)
	eventually(t, "the end of the session", func() bool { return !sleeping() })
}

// A slot that waits for a transaction of the application is still being made when its maker is gone.
func TestDropSlotInTheMaking(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 13, pgtest.Options{})
	writer, look := s.Connect(t, "postgres"), s.Connect(t, "postgres")
	if _, err := writer.Exec(t.Context(), `BEGIN; CREATE TABLE t ()`); err != nil {
		t.Fatal(err)
	}
	abandon(t, s, `SET lock_timeout = 0; SELECT pg_create_logical_replication_slot('s', 'pgoutput')`, func() bool {
		x, found, err := cluster.LookSlot(t.Context(), look, "s")
		return err == nil && found && x.LSN == ""
	})
	if err := cluster.DropSlot(t.Context(), look, "s"); err != nil {
		t.Fatal(err)
	}
	if _, found, err := cluster.LookSlot(t.Context(), look, "s"); err != nil || found {
		t.Errorf("it is still there: %v", err)
	}
}
