package pgup

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
)

// lane is what a hold needs of one database: two sessions a side, because the marker and
// the sequences travel at the same time.
type lane struct {
	db             cluster.Database
	slot           string // the name of its marker
	subscription   string // that brings it
	from, to       *pgx.Conn
	seqFrom, seqTo *pgx.Conn
	sequences      *cluster.Sequences
	definitions    definitions
}

func (l *lane) open(ctx context.Context, from, to cluster.Endpoint, leave compare.Leave) (err error) {
	for _, c := range []struct {
		into *(*pgx.Conn)
		at   cluster.Endpoint
	}{{&l.from, from}, {&l.seqFrom, from}, {&l.to, to}, {&l.seqTo, to}} {
		if *c.into, err = c.at.Connect(ctx, l.db.Name); err != nil {
			return err
		}
	}
	// Durable all the same: that server is flushed by the opening of its fence, before the decision.
	if _, err := l.seqTo.Exec(ctx, "SET synchronous_commit = off"); err != nil {
		return fmt.Errorf("prepare a session: %w", err)
	}
	if err := cluster.PrepareMarker(ctx, l.from, l.to); err != nil {
		return err
	}
	if l.definitions, err = prepareDefinitions(ctx, l.seqFrom, l.seqTo, leave); err != nil {
		return err
	}
	l.sequences, err = cluster.PrepareSequences(ctx, l.seqFrom, l.seqTo)
	return err
}

// marker sends one to the other server and returns when it is seen there.
func (l *lane) marker(ctx context.Context) (cluster.Stamp, error) {
	token := rand.Text()
	stamp, err := cluster.PutMarker(ctx, l.from, l.slot, token)
	if err != nil {
		return stamp, err
	}
	stamp.Reached, err = cluster.ReachMarker(ctx, l.to, l.slot, token, l.subscription)
	return stamp, err
}
