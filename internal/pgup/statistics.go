package pgup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) statistics() run.Item {
	return u.before("statistics", "Statistics for the planner", step{observe: u.seeStatistics, apply: u.gatherStatistics})
}

// seeStatistics holds both sides against each other: no table that the planner knows on
// the source may be unknown to it on the target. The switch asks the same again.
func (u *Upgrade) seeStatistics(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	gathered, err := rec.Memo(&begun{})
	if err != nil {
		return run.Observation{}, err
	}
	if running, err := u.server.Running(ctx); err != nil || !running {
		return run.Observation{Presence: run.Absent, Evidence: "the new server does not run"}, err
	}
	missing, err := u.withoutStatistics(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	evidence := fmt.Sprintf("tables without statistics or visibility map: %d", len(missing))
	if len(missing) > 0 {
		evidence += ": " + sample(missing)
	}
	if !gathered || len(missing) > 0 {
		return run.Observation{Presence: run.Absent, Evidence: evidence}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: evidence}, nil
}

type task struct {
	database string
	relation cluster.Relation
}

func (u *Upgrade) gatherStatistics(ctx context.Context, rec run.Recorder) error {
	began := time.Now()
	n, err := u.gather(ctx, rec)
	if err != nil {
		return err
	}
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	return rec.Note(ctx, fmt.Sprintf("Planner statistics and visibility map of %d tables were ready after %.1f s, before any client was there.", n, took),
		maint.Figures{"statistics_s": took, "tables": float64(n)})
}

// gather refreshes the materialized views, in order, and then vacuums and analyses every
// table, several at once, while the target goes on following the source.
func (u *Upgrade) gather(ctx context.Context, rec run.Recorder) (tables int, err error) {
	var analyse []task
	for _, db := range u.inv.Databases {
		if err := u.refreshViews(ctx, rec, db.Name); err != nil {
			return 0, err
		}
		tasks, err := u.relations(ctx, db.Name)
		if err != nil {
			return 0, err
		}
		analyse = append(analyse, tasks...)
	}
	slices.SortStableFunc(analyse, func(a, b task) int { return cmp.Compare(b.relation.Bytes, a.relation.Bytes) })
	return len(analyse), u.analyse(ctx, rec, analyse)
}

func (u *Upgrade) relations(ctx context.Context, database string) ([]task, error) {
	conn, err := u.target.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, err := cluster.Relations(ctx, conn)
	var out []task
	for _, r := range list {
		out = append(out, task{database: database, relation: r})
	}
	return out, err
}

// analyse works through the tasks, the largest tables first, each worker on one connection a database.
func (u *Upgrade) analyse(ctx context.Context, rec run.Recorder, tasks []task) error {
	var total, done atomic.Int64
	queue := make(chan task, len(tasks))
	for _, t := range tasks {
		total.Add(t.relation.Bytes)
		queue <- t
	}
	close(queue)
	group, ctx := errgroup.WithContext(ctx)
	for range max(1, u.Jobs) {
		group.Go(func() error {
			conns := connections{endpoint: u.target}
			defer conns.close()
			for t := range queue {
				conn, err := conns.to(ctx, t.database)
				if err != nil {
					return err
				}
				rec.Progress(run.Progress{Text: t.relation.Schema + "." + t.relation.Name, Unit: "bytes", Done: float64(done.Load()), Total: float64(total.Load()), Public: "Making the new database fast"})
				if err := cluster.VacuumAnalyze(ctx, conn, t.relation); err != nil {
					return err
				}
				done.Add(t.relation.Bytes)
			}
			return nil
		})
	}
	return group.Wait()
}

// sample names the first few of a list.
func sample(list []string) string {
	const most = 5
	if len(list) <= most {
		return fmt.Sprint(list)
	}
	return fmt.Sprintf("%v and %d more", list[:most], len(list)-most)
}
