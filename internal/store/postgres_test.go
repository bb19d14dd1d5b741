package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

// TestPostgres is what only a server can do to a store.
func TestPostgres(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"own"}, Settings: map[string]string{"max_connections": "200"}})
	h := home{place: schemas(s)}
	for name, test := range map[string]func(*testing.T, *pgtest.Server, home){
		"its own schema": testOwnSchema, "refusals": testRefusals, "commits are flushed": testCommitsAreFlushed,
		"the holder is named": testHolderIsNamed, "a cut commit": testCutCommit, "the server's identity": testIdentity,
		"writes take turns": testWritesTakeTurns,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s, h)
		})
	}
}

// A role that may make a schema, or has one, needs no more.
func testOwnSchema(t *testing.T, s *pgtest.Server, h home) {
	s.Exec(t, "own", `CREATE ROLE keeper LOGIN PASSWORD 'it''s'`, `GRANT CREATE ON DATABASE own TO keeper`)
	place := s.Server.DSN("own", "keeper") + ` password='it\'s'`
	appendOne(t, h.open(t, place))
	s.Exec(t, "own", `REVOKE CREATE ON DATABASE own FROM keeper`)
	again := h.open(t, place)
	if n := count(t, again.Reader(), `SELECT count(*) FROM lull.entries`); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func testRefusals(t *testing.T, s *pgtest.Server, h home) {
	s.Exec(t, "postgres", `CREATE ROLE guest LOGIN PASSWORD 'guest'`)
	newer := h.place(t)
	if _, err := h.open(t, newer).Writer().ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`); err != nil {
		t.Fatal(err)
	}
	b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{}, "postgres")
	ignoring := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{Settings: map[string]string{
		"ignore_startup_parameters": "search_path,lock_timeout,idle_in_transaction_session_timeout,default_transaction_read_only",
	}}, "postgres")
	for place, want := range map[string]struct{ said, next string }{
		s.Server.DSN("postgres", "guest") + " password=guest":   {"permission denied", "CREATE SCHEMA lull AUTHORIZATION"},
		s.Server.DSN("postgres", "guest") + " password=hunter2": {"password authentication failed", "password_file"},
		s.DSN("nowhere"): {`database "nowhere" does not exist`, "createdb"},
		s.DSN("postgres") + " search_path=nowhere":                     {"no schema of the search_path", "CREATE SCHEMA"},
		"host=127.0.0.1 port=1 user=lull dbname=lull password=hunter2": {"connection refused", "check that the server runs"},
		newer:             {"its tables are of version 999", "newer lull"},
		b.DSN("postgres"): {"unsupported startup parameter", "not that of a pooler"},
		ignoring.DSN("postgres") + " search_path=lull":                                {"search_path", "not that of a pooler"},
		"host=127.0.0.1 port=5432 user=lull dbname=x sslmode=hunter2 password=secret": {"read the connection string", "lull.yaml"},
	} {
		_, err := store.OpenPostgres(t.Context(), place)
		if err == nil || !strings.Contains(err.Error(), want.said) || !strings.Contains(hint.Of(err), want.next) {
			t.Errorf("%v [%s], want %q [%s]", err, hint.Of(err), want.said, want.next)
		}
		if err != nil && (strings.Contains(err.Error(), "password=hunter2") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), s.Password)) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

// A database that is set not to flush, to be fast, must not make the journal forget.
func testCommitsAreFlushed(t *testing.T, s *pgtest.Server, h home) {
	for _, tt := range []struct{ set, want string }{{"off", "on"}, {"remote_apply", "remote_apply"}} {
		place := h.place(t) + " synchronous_commit=" + tt.set
		var got string
		if err := h.open(t, place).Writer().QueryRowContext(t.Context(), `SHOW synchronous_commit`).Scan(&got); err != nil || got != tt.want {
			t.Errorf("%s became %s, %v", tt.set, got, err)
		}
	}
}

func testHolderIsNamed(t *testing.T, _ *pgtest.Server, h home) {
	place := h.place(t)
	first, second := h.open(t, place), h.open(t, place)
	if _, err := first.Acquire(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("pid %d on %s", os.Getpid(), host)
	if _, err := second.Acquire(t.Context(), "m"); !errors.Is(err, run.ErrLeaseHeld) || !strings.Contains(err.Error(), want) || hint.Of(err) == "" {
		t.Errorf("%v [%s], want %s", err, hint.Of(err), want)
	}
	if err := first.Close(); err != nil { // gives leases up
		t.Fatal(err)
	}
	if lease, err := second.Acquire(t.Context(), "m"); err != nil || lease.Epoch != 2 {
		t.Errorf("%+v, %v", lease, err)
	}
}

func testIdentity(t *testing.T, s *pgtest.Server, h home) {
	var want string
	if err := s.Connect(t, "postgres").QueryRow(t.Context(), `SELECT system_identifier::text FROM pg_control_system()`).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got, err := h.openNew(t).Server(t.Context()); err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

// While a write has its number and is not committed, no other gets the next one: a reader whose
// cursor stands there would never see the lower one.
func testWritesTakeTurns(t *testing.T, _ *pgtest.Server, h home) {
	place := h.place(t)
	slow, quick, reader := h.open(t, place), h.open(t, place), h.open(t, place)
	numbered, commit := make(chan struct{}), make(chan struct{})
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- slow.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO entries (subject, version, at, kind, data) VALUES ('slow', 1, 0, 'started', '{}')`)
			close(numbered)
			<-commit
			return err
		})
	}()
	<-numbered
	go func() {
		_, err := quick.Append(t.Context(), "quick", 0, timeline.Draft{Event: maint.Started{}})
		second <- err
	}()
	for waiting := 0; waiting == 0; {
		waiting = count(t, reader.Reader(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_advisory_xact_lock%')`)
		select {
		case err := <-second:
			t.Fatalf("the second write came before the first: %v", err)
		default:
		}
	}
	close(commit)
	if err := errors.Join(<-first, <-second); err != nil {
		t.Fatal(err)
	}
	entries, err := reader.Read(t.Context(), 0, 10)
	if err != nil || len(entries) != 2 || entries[0].Subject != "slow" {
		t.Errorf("%v, %v", entries, err)
	}
}

// cutter passes a connection on until it sees a commit. Then it cuts it: before the server has
// heard of it, or after the server has answered.
type cutter struct {
	listener net.Listener
	to       string
	after    chan bool // one cut: false is before
}

func newCutter(t *testing.T, port int) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, to: fmt.Sprintf("127.0.0.1:%d", port), after: make(chan bool, 1)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(client)
		}
	}()
	return c
}

func (c *cutter) port() int { return c.listener.Addr().(*net.TCPAddr).Port }

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	answers := make(chan []byte)
	go read(server, answers)
	asked := make(chan []byte)
	go read(client, asked)
	for cutting := false; ; {
		select {
		case b, ok := <-answers:
			if !ok || cutting {
				return
			}
			_, _ = client.Write(b)
		case b, ok := <-asked:
			if !ok {
				return
			}
			if strings.HasPrefix(string(b), "Q") && strings.Contains(string(b), "commit") {
				select {
				case after := <-c.after:
					if !after {
						return
					}
					cutting = true
				default:
				}
			}
			_, _ = server.Write(b)
		}
	}
}

func read(from net.Conn, into chan<- []byte) {
	defer close(into)
	for {
		b := make([]byte, 64<<10)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		into <- b[:n]
	}
}

// What a commit came to whose answer was lost is found out by looking: "failed and not
// persisted" is said to be so, "failed but persisted" is no failure.
func testCutCommit(t *testing.T, s *pgtest.Server, h home) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut after the commit: %t", after), func(t *testing.T) {
			t.Parallel()
			c := newCutter(t, s.Port)
			cut := h.open(t, strings.Replace(h.place(t), fmt.Sprintf("port=%d", s.Port), fmt.Sprintf("port=%d", c.port()), 1)+" sslmode=disable")
			lease, err := cut.Acquire(t.Context(), "m")
			if err != nil {
				t.Fatal(err)
			}
			c.after <- after
			added, err := cut.Append(t.Context(), "m", 0, timeline.Draft{Event: maint.Started{}})
			if n := len(history(t, cut)); (err == nil) != after || len(added) != n || (n == 1) != after {
				t.Errorf("answered %d entries, %v; there are %d", len(added), err, n)
			}
			if err != nil && (!strings.Contains(err.Error(), "nothing was written") || hint.Of(err) == "") {
				t.Errorf("said %v [%s]", err, hint.Of(err))
			}
			before := len(history(t, cut))
			c.after <- after
			fact := timeline.Draft{Key: "k", Event: maint.Updated{Text: "x"}}
			if err := cut.Commit(t.Context(), lease, run.Checkpoint{Step: "a", Status: run.Finished}, fact); err != nil {
				t.Errorf("the journal: %v", err)
			}
			if points, err := cut.Load(t.Context(), "m"); err != nil || points["a"].Status != run.Finished || len(history(t, cut)) != before+1 {
				t.Errorf("%v, %v, and %d entries", points, err, len(history(t, cut))-before)
			}
		})
	}
}

// TestServerRestarts: an open store goes on by itself, and hints come again. Leases are lost.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	h := home{place: schemas(s)}
	place := h.place(t)
	writer, reader := h.open(t, place), h.open(t, place)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hints := reader.Wake(ctx)
	await(t, hints)
	lease, err := writer.Acquire(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	appendOne(t, writer)
	restart(t, s)
	if err := writer.Commit(t.Context(), lease, run.Checkpoint{}); !errors.Is(err, run.ErrLeaseLost) {
		t.Errorf("a commit after the restart: %v", err)
	}
	appendOne(t, writer)
	await(t, hints) // it listens again
	for n := 0; n < 2; {
		entries, err := reader.History(t.Context(), "m")
		if n = len(entries); err == nil && n != 2 {
			t.Fatalf("%d entries after the restart", n)
		}
	}
	appendOne(t, writer)
	for n := 2; n < 3; n = len(history(t, reader)) {
		await(t, hints)
	}
}

func restart(t *testing.T, s *pgtest.Server) {
	t.Helper()
	if err := s.Stop(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	if err := s.Spawn(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
