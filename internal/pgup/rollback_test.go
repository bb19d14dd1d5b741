package pgup_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
)

// remembering gives an upgrade that knows what earlier runs did, as another process would.
func (g *ground) remembering(t *testing.T) *pgup.Upgrade {
	t.Helper()
	points, err := g.journal.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	u := pgup.New(g.spec)
	if err := u.Recall(points); err != nil {
		t.Fatal(err)
	}
	if !u.Moved(points) || u.GivenUp(points) || u.Returned(points) {
		t.Fatal("the way back is not open")
	}
	return u
}

func (g *ground) carryOut(t *testing.T, items []run.Item) error {
	t.Helper()
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: facts{t}}
	return r.Run(t.Context(), id, items)
}

// keeps makes sure that every acknowledged row is on the server that clients reach, and which version that is.
func (g *ground) keeps(t *testing.T, want int, acked map[string][]int64) {
	t.Helper()
	for db, numbers := range acked {
		var version, lost int
		err := g.through(t, db).QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int / 10000,
			(SELECT count(*) FROM unnest($1::bigint[]) AS a(n) WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.n = a.n))`, numbers).Scan(&version, &lost)
		if err != nil {
			t.Fatal(err)
		}
		if version != want || lost != 0 || len(numbers) == 0 {
			t.Errorf("database %s: version %d, %d of %d acknowledged rows lost", db, version, lost, len(numbers))
		}
	}
}

// leftovers counts what an upgrade may leave on a server.
func leftovers(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	err := conn.QueryRow(context.Background(), `SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_subscription) + (SELECT count(*) FROM pg_replication_slots)
		+ (SELECT count(*) FROM pg_replication_origin) + (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_namespace WHERE nspname = 'lull')
		+ (SELECT count(*) FROM pg_class WHERE relreplident NOT IN ('d', 'n'))`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var served = []string{"app", "shop", "mail"}

// upgraded is an upgrade and what came after it, with clients at work all the while. All that
// they wrote is on a server of that version.
func upgraded(t *testing.T, then func(*pgup.Upgrade) []run.Item, major int) (*ground, *pgup.Upgrade) {
	t.Helper()
	g := newGround(t)
	clients := g.clients(t, served...)
	stop := sync.OnceValue(clients.stop)
	defer stop()
	if err := g.run(t); err != nil {
		t.Fatal(err)
	}
	u := g.remembering(t)
	if err := g.carryOut(t, then(u)); err != nil {
		t.Fatal(err)
	}
	g.keeps(t, major, stop())
	return g, u
}

func TestRollbackLosesNothing(t *testing.T) {
	whole(t)
	g, _ := upgraded(t, (*pgup.Upgrade).RollbackItems, 13)
	for _, db := range served {
		if n := leftovers(t, g.source.Connect(t, db)); n != 0 {
			t.Errorf("the old server has %d things of the upgrade left in %s", n, db)
		}
	}
	var altered int
	if err := g.source.Connect(t, "app").QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_database WHERE datconnlimit <> -1) + (SELECT count(*) FROM pg_db_role_setting)`).Scan(&altered); err != nil || altered != 0 {
		t.Errorf("the old server has %d altered settings, %v", altered, err)
	}
}

func TestFinishCleansBothSides(t *testing.T) {
	whole(t)
	g, u := upgraded(t, (*pgup.Upgrade).FinishItems, 17)
	for _, db := range served {
		for side, conn := range map[string]*pgx.Conn{"old": g.source.Connect(t, db), "new": connectTo(t, g.spec.Source.At("127.0.0.1", g.spec.Place.Port), db)} {
			if n := leftovers(t, conn); n != 0 {
				t.Errorf("the %s server has %d things of the upgrade left in %s", side, n, db)
			}
		}
	}
	points, err := g.journal.Load(t.Context(), id)
	if err != nil || !u.GivenUp(points) {
		t.Errorf("the way back is not given up, %v", err)
	}
	g.sourceRefuses(t)
}
