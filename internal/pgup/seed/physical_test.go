package seed_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
)

// TestTheCopyHasEveryCommitOnce builds a target of three databases while each of them is
// written to: what the copy has and what the slots bring must join without a gap and
// without a double. A double would stop the apply worker, because the tables have keys.
func TestTheCopyHasEveryCommitOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("whole upgrades are made of the copy in the short form, too: left to the long form")
	}
	t.Parallel()
	source := pgtest.Start(t, 13, pgtest.Options{Databases: []string{"app", "shop", "mail"}})
	for _, db := range []string{"app", "shop", "mail"} {
		source.Exec(t, db, `CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)`,
			`INSERT INTO t (v) SELECT repeat('x', 100) FROM generate_series(1, 2000)`)
	}
	e := cluster.Endpoint{Conninfo: source.Server.DSN("postgres", pgtest.Superuser), Password: source.Password}
	inv, err := cluster.Take(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Databases) != 3 || len(inv.Empty) != 1 {
		t.Fatalf("inventory found %v and empty %v", inv.Databases, inv.Empty)
	}
	newer, err := pgtest.Install(t, 17).RunAs("")
	if err != nil {
		t.Fatal(err)
	}
	older, err := source.RunAs("")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := newer.Owner.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	p := seed.Physical{Source: e, Inventory: inv, Old: older, New: newer, Data: filepath.Join(dir, "new"), Jobs: 2}
	stop := write(t, source, "app", "shop", "mail")

	publish(t, source, inv)
	if err := p.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := source.Connect(t, "postgres")
	lsn, err := cluster.InsertLSN(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Recover(t.Context(), lsn, func(ctx context.Context) error { return cluster.Nudge(ctx, conn) }, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if done, err := p.Recovered(t.Context()); err != nil || !done {
		t.Fatalf("recovered %v, %v", done, err)
	}
	if err := p.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	target := start(t, p, dir)
	follow(t, p, e.At("127.0.0.1", target.Port), lsn)
	acknowledged := stop()

	for _, db := range inv.Databases {
		src, dst := source.Connect(t, db.Name), connect(t, e.At("127.0.0.1", target.Port), db.Name)
		barrier(t, src, dst, "s"+fmt.Sprint(db.OID))
		want, got := sum(t, src), sum(t, dst)
		if want != got {
			t.Errorf("database %s: source has %s, target %s", db.Name, want, got)
		}
	}
	if acknowledged < 100 {
		t.Errorf("only %d rows were written meanwhile: the test proves little", acknowledged)
	}
}

func publish(t *testing.T, source *pgtest.Server, inv cluster.Inventory) {
	t.Helper()
	for _, db := range inv.Databases {
		conn := source.Connect(t, db.Name)
		if err := cluster.Publish(t.Context(), conn, "p"); err != nil {
			t.Fatal(err)
		}
		if err := cluster.AwaitOlder(t.Context(), conn, func(cluster.Blocker) {}); err != nil {
			t.Fatal(err)
		}
		if err := cluster.CreateSlot(t.Context(), conn, "s"+fmt.Sprint(db.OID)); err != nil {
			t.Fatal(err)
		}
	}
}

func start(t *testing.T, p seed.Physical, dir string) pgserver.Server {
	t.Helper()
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, p.Source, "")
	changed, err := cluster.ChangedSettings(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	hba, ident, err := cluster.AccessRules(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	at := seed.Place{Host: "127.0.0.1", Port: ports[0], SocketDir: dir}
	if _, err := p.Configure(t.Context(), at, changed, hba, ident); err != nil {
		t.Fatal(err)
	}
	s := p.Server(at)
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func follow(t *testing.T, p seed.Physical, target cluster.Endpoint, lsn string) {
	t.Helper()
	for _, db := range p.Inventory.Databases {
		name := "s" + fmt.Sprint(db.OID)
		if err := cluster.Subscribe(t.Context(), connect(t, target, db.Name), name, p.SourceConninfo(db.Name), "p", name); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Follow(t.Context(), connect(t, target, db.Name), name, lsn); err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t *testing.T, e cluster.Endpoint, db string) *pgx.Conn {
	t.Helper()
	conn, err := e.Connect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func barrier(t *testing.T, src, dst *pgx.Conn, slot string) {
	t.Helper()
	if err := cluster.PrepareMarker(t.Context(), src, dst); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.PutMarker(t.Context(), src, slot, "end"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.AwaitMarker(t.Context(), dst, slot, "end"); err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, conn *pgx.Conn) (s string) {
	t.Helper()
	err := conn.QueryRow(t.Context(), `SELECT count(*) || ' rows, ' || md5(string_agg(n || v, ',' ORDER BY n)) FROM public.t`).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write keeps one writer busy in each database until stop is called, which tells how many rows were acknowledged.
func write(t *testing.T, source *pgtest.Server, databases ...string) (stop func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var n atomic.Int64
	for _, db := range databases {
		conn := source.Connect(t, db)
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := conn.Exec(context.WithoutCancel(ctx), `INSERT INTO t (v) VALUES (md5(random()::text))`); err != nil {
					t.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	return func() int64 { cancel(); wg.Wait(); return n.Load() }
}
