package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// crowded is a server with a role that works in it and no statistics of statements.
func crowded(t *testing.T, major int, settings map[string]string) (cluster.Endpoint, func() *pgx.Conn) {
	t.Helper()
	s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"shop"}, Settings: settings})
	s.Exec(t, "shop", "CREATE ROLE app LOGIN PASSWORD 'app'", "CREATE TABLE customer (id int PRIMARY KEY, name text)", "GRANT SELECT ON customer TO app")
	return cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}, func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), s.Server.DSN("shop", "app")+" password=app application_name=web")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		return conn
	}
}

func TestStatementsOfALog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		major int
		form  string
	}{{13, "stderr"}, {17, "csvlog"}, {17, "jsonlog"}} {
		t.Run(fmt.Sprint(c.major, " ", c.form), func(t *testing.T) {
			t.Parallel()
			e, connect := crowded(t, c.major, map[string]string{"logging_collector": "on", "log_directory": "log", "log_destination": c.form,
				"log_min_duration_statement": "0", "log_line_prefix": "%m [%p] %q%u@%d "})
			conn := connect()
			exec(t, conn, "SELECT name\n\tFROM customer -- by its key\n\tWHERE id = 7")
			exec(t, conn, "SELECT name FROM customer WHERE id = $1", 8)
			h := until(t, func() (cluster.Heard, bool) { // the log is written by another process
				h, err := cluster.Logged(t.Context(), e, []string{"shop"}, 10, 0)
				if err != nil {
					t.Fatal(err)
				}
				return h, len(h.Statements) > 0 && h.Statements[0].Calls == 2
			})
			if s := h.Statements[0]; len(h.Statements) != 1 || cluster.Shape(s.Text) != "SELECT name FROM customer WHERE id = ?" || s.User != "app" || s.Database != "shop" ||
				!strings.HasPrefix(h.From, "the log of the last 1 days in log") {
				t.Errorf("heard: %+v", h)
			}
		})
	}
	e, _ := crowded(t, 17, nil)
	if h, err := cluster.Logged(t.Context(), e, []string{"shop"}, 10, 0); err != nil || len(h.Statements) > 0 || !strings.Contains(h.From, "logging_collector") {
		t.Errorf("it keeps no log: %+v, %v", h, err)
	}
}

// TestStatementsAtWork has one that is at work for as long as anybody looks, one that the server does not show to its
// end, and one of Lull's.
func TestStatementsAtWork(t *testing.T) {
	t.Parallel()
	e, connect := crowded(t, 13, nil)
	lull, err := e.Connect(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	for conn, sql := range map[*pgx.Conn]string{
		connect(): "SELECT name, pg_sleep(3600) FROM customer RIGHT JOIN (SELECT 7) x (id) USING (id)",
		connect(): "SELECT pg_sleep(3600), '" + strings.Repeat("x", 2000) + "'",
		lull:      "SELECT pg_sleep(3600)",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = conn.Exec(ctx, sql) // it ends when it is cancelled
		}()
		t.Cleanup(func() {
			cancel()
			<-ended
			conn.Close(context.Background())
		})
	}
	h := until(t, func() (cluster.Heard, bool) { // they may not all have begun
		h, err := cluster.Seen(t.Context(), e, []string{"shop"}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return h, len(h.Statements) > 0 && strings.Contains(h.From, "left out")
	})
	s := h.Statements[0]
	if len(h.Statements) != 1 || cluster.Shape(s.Text) != "SELECT name, pg_sleep(?) FROM customer RIGHT JOIN (SELECT ?) x (id) USING (id)" || s.User != "app" || s.Database != "shop" || s.Calls < 2 ||
		!strings.HasSuffix(h.From, "shows only their beginning (track_activity_query_size): 1") {
		t.Errorf("seen: %+v", h)
	}
	if none, err := cluster.Seen(t.Context(), e, []string{"postgres"}, 10); err != nil || len(none.Statements) > 0 || !strings.HasPrefix(none.From, "no client was seen at work in 100 looks") {
		t.Errorf("in another database: %+v, %v", none, err)
	}
}

func until(t *testing.T, look func() (cluster.Heard, bool)) cluster.Heard {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		h, done := look()
		if done {
			return h
		}
		if time.Now().After(end) {
			t.Fatalf("not so: %+v", h)
		}
	}
}
