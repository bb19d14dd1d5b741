package pgbouncer

import (
	"context"
	"fmt"
	"time"
)

// How the pools are shrunk. PgBouncer looks for idle connections three times a second
// (src/janitor.c, full_maint_period), so one that is not gone after calm is in use.
const (
	shrunkIdle = "1" // seconds
	calm       = 1500 * time.Millisecond
	shrinking  = 4 * time.Second
)

// shrink closes the server connections that are not needed, while nobody waits for it.
// PAUSE closes all that are left at once, and their processes end at once: on a small
// machine that takes longer than everything else in the hold. Close takes the setting back.
func (g *Gate) shrink(ctx context.Context) error {
	if _, err := g.main.run(ctx, "SET server_idle_timeout = '"+shrunkIdle+"'"); err != nil {
		return fmt.Errorf("set how long the pooler keeps idle server connections: %w", err)
	}
	fewest, since := -1, time.Now()
	for began := since; time.Since(since) < calm && time.Since(began) < shrinking; {
		rows, err := g.main.run(ctx, "SHOW SERVERS")
		if err != nil {
			return fmt.Errorf("ask the pooler for its server connections: %w", err)
		}
		if fewest < 0 || len(rows) < fewest {
			fewest, since = len(rows), time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for idle server connections to end: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
