package pgup_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// following is an upgrade whose target follows the source, and whose run was stopped there.
func following(t *testing.T) *ground {
	t.Helper()
	g := newGround(t)
	if err := g.runUntil(t, "subscription", func(context.Context) error { return errStopped }); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	return g
}

// slot is the name of the one slot of the database.
func (g *ground) slot(t *testing.T, db string) (name string) {
	t.Helper()
	err := g.source.Connect(t, "postgres").QueryRow(t.Context(), `SELECT slot_name FROM pg_replication_slots WHERE database = $1`, db).Scan(&name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (g *ground) onTarget(t *testing.T, db string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), g.targetDSN(db))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// stuck keeps the target from applying the marker, so that the step which waits for it works
// until it is told to stop. It gives what the run ends with.
func (g *ground) stuck(t *testing.T) (ended <-chan error) {
	t.Helper()
	lock := g.onTarget(t, "app")
	exec(t, lock, `BEGIN; LOCK TABLE lull.marker IN SHARE MODE`)
	done := make(chan error, 1)
	go func() {
		err := g.run(t)
		lock.Close(context.Background()) // whatever comes next finds no stranger on the target
		done <- err
	}()
	g.eventually(t, "a step that waits for the marker", func(look *pgx.Conn) (seen bool, err error) {
		err = look.QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'lull.marker'::regclass`).Scan(&seen)
		return seen, err
	}, connectTo(t, g.spec.Source.At("127.0.0.1", g.spec.Place.Port), "app"))
	return done
}

func (g *ground) eventually(t *testing.T, what string, see func(*pgx.Conn) (bool, error), conn *pgx.Conn) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		seen, err := see(conn)
		if err != nil {
			t.Fatal(err)
		}
		if seen {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no sign of %s", what)
		}
	}
}

// told wants an error with these words, and a hint with those.
func told(t *testing.T, ended <-chan error, words, next string) {
	t.Helper()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(hint.Of(err), next) {
			t.Errorf("it ended with %v\n    %s\nand not with %q, %q", err, hint.Of(err), words, next)
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("nobody noticed: no word of %q", words)
	}
}

func at(err error) <-chan error {
	c := make(chan error, 1)
	c <- err
	return c
}

// dropSlot is faster than the worker that comes back to it.
func (g *ground) dropSlot(t *testing.T, name string) {
	t.Helper()
	conn := g.source.Connect(t, "postgres")
	if err := cluster.DropSlot(t.Context(), conn, name); err != nil {
		t.Fatal(err)
	}
}

// completes runs the upgrade to its end under load, and no acknowledged row is missing.
func (g *ground) completes(t *testing.T) {
	t.Helper()
	clients := g.clients(t, "app")
	err := g.run(t)
	acked := clients.stop()["app"]
	if err != nil {
		t.Fatal(err)
	}
	var lost, version int
	err = g.through(t, "app").QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000, (SELECT count(*) FROM unnest($1::bigint[]) AS a(n) WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.n = a.n))`, acked).Scan(&version, &lost)
	if err != nil || version != 17 || lost != 0 || len(acked) == 0 {
		t.Errorf("version %d, %d of %d acknowledged rows lost, %v", version, lost, len(acked), err)
	}
}

func TestADroppedSlotIsToldAndTheCopyStartedAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is an upgrade of its own: left to the long form")
	}
	g := following(t)
	ended := g.stuck(t)
	g.source.Exec(t, "app", `INSERT INTO t (v) VALUES ('only here')`)
	name := g.slot(t, "app")
	g.dropSlot(t, name)
	told(t, ended, "slot "+name+" is gone", "removes the copy and starts it again")
	g.completes(t)
	if !g.noted(t, "It is removed and started again.") {
		t.Error("starting again is not on the timeline")
	}
	var there bool
	if err := g.through(t, "app").QueryRow(t.Context(), `SELECT count(*) = 1 FROM t WHERE v = 'only here'`).Scan(&there); err != nil || !there {
		t.Errorf("what was written while there was no slot is missing: %v", err)
	}
}

func TestAKilledTargetIsTold(t *testing.T) {
	whole(t)
	g := following(t)
	ended := g.stuck(t)
	if err := g.targetServer(t).Stop(t.Context(), "immediate"); err != nil {
		t.Fatal(err)
	}
	told(t, ended, "does not answer any more", "type the same command again")
	g.completes(t)
}

func (g *ground) targetServer(t *testing.T) pgserver.Server {
	t.Helper()
	in, err := g.installed(t)
	if err != nil {
		t.Fatal(err)
	}
	return pgserver.Server{Install: in, Data: g.spec.Data}
}

func TestARowInTheWayIsShown(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is an upgrade of its own: left to the long form")
	}
	g := following(t)
	target := g.onTarget(t, "shop")
	exec(t, target, `INSERT INTO t (n, v) OVERRIDING SYSTEM VALUE VALUES (2001, 'in the way')`)
	g.source.Exec(t, "shop", `INSERT INTO t (v) VALUES ('from the source')`)
	told(t, at(g.run(t)), `table public.t: duplicate key value violates unique constraint "t_pkey": Key (n)=(2001) already exists.`, `-d shop -U lull -c "SELECT * FROM public.t WHERE n = '2001'"`)
	exec(t, target, `DELETE FROM t WHERE n = 2001`)
	target.Close(t.Context())
	g.completes(t)
}

func TestTheWALBudgetIsKept(t *testing.T) {
	whole(t)
	g := following(t)
	g.spec.WALBudget = 40_000_000
	ended := g.stuck(t)
	conn := g.source.Connect(t, "app")
	var err error
	for range 300 { // about 300 kB each
		if _, err = conn.Exec(t.Context(), `INSERT INTO t (v) SELECT repeat(md5(i::text), 10) FROM generate_series(1, 800) i`); err != nil {
			t.Fatal(err)
		}
	}
	told(t, ended, "Its slots were dropped before its disk fills", "raise wal_budget in the plan")
	if !g.noted(t, "is used up") {
		t.Error("giving up was not announced")
	}
	var left int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_replication_slots`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d slots are left, %v", left, err)
	}
	g.abort(t)
	var trace string
	err = conn.QueryRow(t.Context(), `SELECT coalesce((SELECT string_agg(nspname, ' ') FROM pg_namespace WHERE nspname = 'lull'), '') || coalesce((SELECT string_agg(evtname, ' ') FROM pg_event_trigger), '') || coalesce((SELECT string_agg(pubname, ' ') FROM pg_publication), '')`).Scan(&trace)
	if err != nil || trace != "" {
		t.Errorf("after the abort there is %s, %v", trace, err)
	}
}

func TestADisabledSubscriptionIsTold(t *testing.T) {
	whole(t)
	g := following(t)
	ended := g.stuck(t)
	exec(t, connectTo(t, g.spec.Source.At("127.0.0.1", g.spec.Place.Port), "mail"), fmt.Sprintf(`ALTER SUBSCRIPTION %s DISABLE`, cluster.Ident(g.slot(t, "mail"))))
	told(t, ended, "was disabled", "type the same command again")
}

func TestAFailoverIsToldAndTheCopyStartedAgain(t *testing.T) {
	whole(t)
	g := following(t)
	standby := g.standby(t)
	ended := g.stuck(t)
	if err := g.source.Stop(t.Context(), "immediate"); err != nil {
		t.Fatal(err)
	}
	if err := standby.Stop(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	g.source.Data = standby.Data // the test ends this one then
	if err := g.source.Spawn(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	told(t, ended, "was failed over, from timeline 1 to 2", "removes the copy and starts it again")
	g.completes(t)
}

// standby is a copy of the source that was promoted.
func (g *ground) standby(t *testing.T) pgserver.Server {
	t.Helper()
	data := filepath.Join(filepath.Dir(g.source.Data), "standby")
	if out, err := g.source.Command(t.Context(), "pg_basebackup", "--pgdata", data, "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--dbname", g.source.DSN("postgres")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	s := pgserver.Server{Install: g.source.Install, Data: data, Port: ports[0], SocketDir: g.source.SocketDir}
	if err := s.Spawn(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres", "lull")+" password="+g.source.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec(t, conn, `SELECT pg_promote()`)
	return s
}
