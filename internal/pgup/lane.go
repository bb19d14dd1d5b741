package pgup

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// lane is what a hold needs of one database: two sessions a side, because the marker and
// the sequences travel at the same time.
type lane struct {
	db                   cluster.Database
	slot                 string
	source, target       *pgx.Conn
	seqSource, seqTarget *pgx.Conn
	sequences            *cluster.Sequences
}

func (l *lane) open(ctx context.Context, source, target cluster.Endpoint) (err error) {
	for _, c := range []struct {
		into *(*pgx.Conn)
		at   cluster.Endpoint
	}{{&l.source, source}, {&l.seqSource, source}, {&l.target, target}, {&l.seqTarget, target}} {
		if *c.into, err = c.at.Connect(ctx, l.db.Name); err != nil {
			return err
		}
	}
	// Durable all the same: the target is flushed by the opening of its fence, before the decision.
	if _, err := l.seqTarget.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare the target's session: %w", err)
	}
	if err := cluster.PrepareMarker(ctx, l.source, l.target); err != nil {
		return err
	}
	l.sequences, err = cluster.PrepareSequences(ctx, l.seqSource, l.seqTarget)
	return err
}

// marker sends one to the target and returns when it is seen there.
func (l *lane) marker(ctx context.Context) (cluster.Stamp, error) {
	token := rand.Text()
	stamp, err := cluster.PutMarker(ctx, l.source, l.slot, token)
	if err != nil {
		return stamp, err
	}
	return stamp, cluster.AwaitMarker(ctx, l.target, l.slot, token)
}
