package pgup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/run/runtest"
)

// ground is a cluster of three databases behind a pooler, and an upgrade of it.
type ground struct {
	source  *pgtest.Server
	pooler  *pgtest.Bouncer
	spec    pgup.Spec
	journal *runtest.Journal
}

const id = maint.ID("postgres-17")

// newGround lays it. The source loads the libraries at its start.
func newGround(t *testing.T, preload ...string) *ground {
	t.Helper()
	return newGroundWith(t, map[string]string{"shared_preload_libraries": strings.Join(preload, ",")})
}

// newGroundWith lays it with these settings of the source.
func newGroundWith(t *testing.T, settings map[string]string) *ground {
	t.Helper()
	return newGroundOf(t, 13, 17, settings)
}

// newGroundOf lays it for an upgrade between these versions.
func newGroundOf(t *testing.T, from, to int, settings map[string]string) *ground {
	t.Helper()
	dbs := []string{"app", "shop", "mail"}
	source := pgtest.Start(t, from, pgtest.Options{Databases: dbs, Settings: settings})
	for _, db := range dbs {
		source.Exec(t, db,
			`CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)`,
			`CREATE TABLE keyless (v text)`,
			`CREATE SEQUENCE loose`,
			`INSERT INTO t (v) SELECT repeat('x', 100) FROM generate_series(1, 2000)`,
			`INSERT INTO keyless SELECT 'k' || i FROM generate_series(1, 20) i`,
			`ANALYZE`)
	}
	source.Exec(t, "app", `CREATE TABLE words (w text COLLATE "und-x-icu" PRIMARY KEY)`, `INSERT INTO words VALUES ('a'), ('ä'), ('b')`)
	source.Exec(t, "postgres", `CREATE ROLE client LOGIN PASSWORD 'client'`)
	for _, db := range dbs {
		source.Exec(t, db, `GRANT ALL ON ALL TABLES IN SCHEMA public TO client`, `GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO client`)
	}
	pooler := pgtest.StartBouncer(t, source, pgtest.BouncerOptions{Users: map[string]string{"client": "client"}}, dbs...)
	owner, err := source.RunAs("")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := owner.Owner.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	g := &ground{source: source, pooler: pooler, journal: &runtest.Journal{}}
	g.spec = pgup.Spec{
		Name: "upgrade", ID: string(id), Cluster: "main", To: to, Jobs: 2, WayBack: true, HoldBudget: 10 * time.Second, Self: self, WorkDir: t.TempDir(),
		Source:  cluster.Endpoint{Conninfo: source.Server.DSN("postgres", pgtest.Superuser), Password: source.Password},
		Place:   seed.Place{Host: "127.0.0.1", Port: ports[0], SocketDir: dir},
		Data:    filepath.Join(dir, "new"),
		Poolers: []gate.Pooler{{Name: "main", Admin: pooler.PgBouncer.DSN("pgbouncer", pgtest.Superuser) + " password=" + pooler.Password, Config: pooler.Config()}},
	}
	t.Cleanup(func() { g.removeTarget(t) })
	return g
}

func (g *ground) installed(t *testing.T) (pgserver.Install, error) {
	return pgtest.Install(t, g.spec.To).RunAs("")
}

// removeTarget stops what the upgrade started: a server that it leaves running outlives the test otherwise.
func (g *ground) removeTarget(t *testing.T) {
	in, err := g.installed(t)
	if err != nil {
		t.Error(err)
		return
	}
	if said, err := os.ReadFile(g.spec.Data + ".server.log"); err == nil && t.Failed() {
		t.Logf("the log of the target ends with:\n%s", said[max(0, len(said)-4000):])
	}
	if err := (pgserver.Server{Install: in, Data: g.spec.Data}).Stop(context.Background(), "immediate"); err != nil {
		t.Error(err)
	}
}

func (g *ground) run(t *testing.T) error {
	t.Helper()
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: facts{t}}
	return r.Run(t.Context(), id, pgup.New(g.spec).Items())
}

// client writes through the pooler until stop is called, and keeps what was acknowledged.
type client struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	failed atomic.Int64
	acked  map[string][]int64
}

func (g *ground) clients(t *testing.T, dbs ...string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{cancel: cancel, acked: map[string][]int64{}}
	var mu sync.Mutex
	for _, db := range dbs {
		conn := g.through(t, db)
		c.wg.Go(func() {
			var mine []int64
			for ctx.Err() == nil {
				var n int64
				err := conn.QueryRow(context.WithoutCancel(ctx), `INSERT INTO t (v) VALUES (nextval('loose')::text) RETURNING n`).Scan(&n)
				if err != nil {
					c.failed.Add(1)
					t.Errorf("a client's statement failed: %v", err)
					return
				}
				mine = append(mine, n)
			}
			mu.Lock()
			c.acked[db] = mine
			mu.Unlock()
		})
	}
	return c
}

// through connects as an ordinary client does: by the pooler, and without a prepared statement's name.
func (g *ground) through(t *testing.T, db string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(g.pooler.PgBouncer.DSN(db, "client") + " password=client")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (c *client) stop() map[string][]int64 {
	c.cancel()
	c.wg.Wait()
	return c.acked
}

func TestThreeDatabasesMoveWithoutALostCommit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is an upgrade of its own: left to the long form")
	}
	g := newGround(t)
	clients := g.clients(t, "app", "shop", "mail")
	if err := g.run(t); err != nil {
		clients.stop()
		t.Fatal(err)
	}
	acked := clients.stop()
	for db, numbers := range acked {
		conn := g.through(t, db)
		var version int
		var lost int
		err := conn.QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000,
			(SELECT count(*) FROM unnest($1::bigint[]) AS a(n) WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.n = a.n))`, numbers).Scan(&version, &lost)
		if err != nil {
			t.Fatal(err)
		}
		if version != 17 || lost != 0 || len(numbers) == 0 {
			t.Errorf("database %s: version %d, %d of %d acknowledged rows lost", db, version, lost, len(numbers))
		}
	}
	g.sourceRefuses(t)
	g.sortsAnew(t)
}

// sortsAnew shows that an index made with another library's order was rebuilt with this one's.
func (g *ground) sortsAnew(t *testing.T) {
	t.Helper()
	var at string
	if err := g.source.Connect(t, "app").QueryRow(t.Context(), `SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collname = 'und-x-icu'`).Scan(&at); err != nil {
		t.Fatal(err)
	}
	target := connectTo(t, g.spec.Source.At("127.0.0.1", g.spec.Place.Port), "app")
	var now string
	if err := target.QueryRow(t.Context(), `SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collname = 'und-x-icu'`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	var first uint32
	var file uint32
	if err := target.QueryRow(t.Context(), `SELECT oid, relfilenode FROM pg_class WHERE relname = 'words_pkey'`).Scan(&first, &file); err != nil {
		t.Fatal(err)
	}
	if rebuilt := file != first; rebuilt != (at != now) {
		t.Errorf("the old library has version %s, the new one %s, and the index was rebuilt: %v", at, now, rebuilt)
	}
}

func connectTo(t *testing.T, e cluster.Endpoint, db string) *pgx.Conn {
	t.Helper()
	conn, err := e.Connect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// sourceRefuses shows that a client which goes past the pooler cannot write on the old server any more.
func (g *ground) sourceRefuses(t *testing.T) {
	t.Helper()
	_, err := pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d user=client password=client dbname=app", g.source.Port))
	if err == nil {
		t.Error("the old server still lets clients in")
	}
}

// facts logs what is recorded, so that a failure can be read.
type facts struct{ t *testing.T }

func (f facts) Recorded(_ time.Time, e maint.Event) { f.t.Logf("%T %+v", e, e) }
func (f facts) Confirmed(it run.Item, o run.Observation) {
	f.t.Logf("still done: %s: %s", it.Title, o.Evidence)
}
func (f facts) Progressed(run.Progress) {}
