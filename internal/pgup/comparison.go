package pgup

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) comparison() run.Item {
	return u.before("comparison", "Comparison of both sides", step{observe: u.seeComparison, apply: u.compareSides})
}

// equal is what the comparison keeps once no row was found to differ.
type equal struct {
	Pass pass `json:"pass"`
}

func (u *Upgrade) seeComparison(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var memo equal
	compared, err := rec.Memo(&memo)
	if err != nil || !compared {
		return run.Observation{Presence: run.Absent}, err
	}
	u.compared = memo.Pass
	return run.Observation{Presence: run.Done, Evidence: "definitions are equal on both sides, and no row differs"}, nil
}

// pair is the two sides of one database.
type pair struct {
	db       cluster.Database
	src, dst *pgx.Conn
}

// eachPair does something with the two sides of each database, one database after the other.
func (u *Upgrade) eachPair(ctx context.Context, do func(pair) error) error {
	for _, db := range u.inv.Databases {
		if err := u.inPair(ctx, db, do); err != nil {
			return fmt.Errorf("database %s: %w", db.Name, err)
		}
	}
	return nil
}

func (u *Upgrade) inPair(ctx context.Context, db cluster.Database, do func(pair) error) error {
	src, err := u.Source.Connect(ctx, db.Name)
	if err != nil {
		return err
	}
	defer src.Close(context.WithoutCancel(ctx))
	dst, err := u.target.Connect(ctx, db.Name)
	if err != nil {
		return err
	}
	defer dst.Close(context.WithoutCancel(ctx))
	return do(pair{db, src, dst})
}

// lack is a table of which the planner knows less on the target than on the source.
type lack struct{ database, relation, text string }

// lacking lists what the planner knows on the source and not on the target, and the tables
// whose visibility map is worse there.
func (u *Upgrade) lacking(ctx context.Context) (out []lack, err error) {
	err = u.eachPair(ctx, func(p pair) error {
		stats, err := compare.Statistics(ctx, p.src, p.dst)
		if err != nil {
			return err
		}
		for _, m := range stats {
			out = append(out, lack{p.db.Name, m.Relation, m.String()})
		}
		maps, err := compare.VisibilityMap(ctx, p.src, p.dst)
		for _, m := range maps {
			out = append(out, lack{p.db.Name, m.Relation, m.String()})
		}
		return err
	})
	return out, err
}

// withoutStatistics names what is lacking.
func (u *Upgrade) withoutStatistics(ctx context.Context) (missing []string, err error) {
	all, err := u.lacking(ctx)
	return texts(all), err
}

func texts(lacking []lack) (out []string) {
	for _, l := range lacking {
		out = append(out, l.database+": "+l.text)
	}
	return out
}

// compareSchemas refuses when something was defined on one side only, for instance by a
// migration that ran after the copy was made.
func (u *Upgrade) compareSchemas(ctx context.Context) error {
	all, err := u.differences(ctx)
	if err == nil && len(all) > 0 {
		err = differ(all)
	}
	return err
}

// differences names what is not defined alike on both sides.
func (u *Upgrade) differences(ctx context.Context) (all []string, err error) {
	err = u.eachPair(ctx, func(p pair) error {
		found, err := compare.Schema(ctx, p.src, p.dst, u.Harden.Leave())
		for _, d := range found {
			all = append(all, p.db.Name+": "+d.String())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	roles, err := u.roleDifferences(ctx)
	return append(all, roles...), err
}
