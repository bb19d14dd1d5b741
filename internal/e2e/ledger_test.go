package e2e

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/ledger"
)

// clients write into every database through the pooler, from before the maintenance to after it.
type clients struct {
	g      *ground
	stop   context.CancelFunc
	end    sync.WaitGroup
	mu     sync.Mutex
	saw    map[string]ledger.Summary // by database
	failed error
}

func (g *ground) startClients(t *testing.T) *clients {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &clients{g: g, stop: cancel, saw: map[string]ledger.Summary{}}
	t.Cleanup(func() { cancel(); c.end.Wait() })
	for _, db := range databases {
		c.end.Go(func() {
			s, err := ledger.Run(ctx, ledger.Options{DSN: g.through(db), File: g.ledger(db), Clients: 2, Rate: 30})
			c.mu.Lock()
			defer c.mu.Unlock()
			c.saw[db] = s
			if err != nil {
				c.failed = err
			}
		})
	}
	c.end.Go(func() {
		if err := g.work(ctx); err != nil {
			t.Errorf("a long transaction failed: %v", err)
		}
	})
	for _, db := range databases {
		eventually(t, "a first commit in "+db, func() bool {
			s, err := ledger.ReadSummary(g.ledger(db))
			return err == nil && s.Acked > 0
		})
	}
	return c
}

func (g *ground) ledger(db string) string { return filepath.Join(g.dir, "ledger."+db) }

// verify ends the clients and looks what became of all they wrote.
func (c *clients) verify(t *testing.T) {
	t.Helper()
	c.stop()
	c.end.Wait()
	must(t, c.failed)
	for _, db := range databases {
		s := c.saw[db]
		if !s.Sound() || s.Acked == 0 {
			t.Errorf("the clients of %s: %s", db, s)
		}
		c.g.verifyWaits(t, db, s)
		v, err := ledger.Verify(t.Context(), c.g.through(db), c.g.ledger(db))
		if err != nil || !v.Sound() {
			t.Errorf("the commits of %s: %v %s", db, err, v)
		}
	}
}

// eventually waits for what other processes bring about.
func eventually(t *testing.T, what string, seen func() bool) {
	t.Helper()
	const within = 3 * time.Minute // tells a hang from a slow machine
	for end := time.Now().Add(within); !seen(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no sign of %s within %s", what, within)
		}
	}
}

// work is a client whose transactions take long: whoever waits for transactions to end waits for it.
func (g *ground) work(ctx context.Context) error {
	lasts := context.WithoutCancel(ctx)
	conn, err := pgx.Connect(lasts, g.through("app"))
	if err != nil {
		return err
	}
	defer conn.Close(lasts)
	for n := 0; ctx.Err() == nil; n++ {
		err := pgx.BeginFunc(lasts, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(lasts, "INSERT INTO visit VALUES ($1, 'work')", n); err != nil {
				return err
			}
			_, err := tx.Exec(lasts, "SELECT pg_sleep(0.25)")
			return err
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
	return nil
}
