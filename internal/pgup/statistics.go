package pgup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
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
	reads    int64 // blocks of it, by clients of the source
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
// table that needs it, several at once, while the target goes on following the source.
// Each column's statistics target and the extended statistics are those of the source: they
// came with the copy.
func (u *Upgrade) gather(ctx context.Context, rec run.Recorder) (tables int, err error) {
	for _, db := range u.inv.Databases {
		if err := u.refreshViews(ctx, rec, db.Name); err != nil {
			return 0, err
		}
	}
	all, err := u.tasks(ctx)
	if err != nil {
		return 0, err
	}
	if u.To >= carriesStatistics {
		lacking, err := u.lacking(ctx)
		if err != nil {
			return 0, err
		}
		all = needed(all, lacking)
	}
	return len(all), u.analyse(ctx, rec, inOrder(all))
}

// freshen vacuums and analyses what is lacking, and nothing else: clients are on the target.
func (u *Upgrade) freshen(ctx context.Context, rec run.Recorder, lacking []lack) error {
	all, err := u.tasks(ctx)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(needed(all, lacking), func(t task) bool { return t.relation.Schema == "pg_catalog" })
	return u.analyse(ctx, rec, all)
}

// carriesStatistics is the version from which on pg_upgrade brings the planner's statistics
// along, but for extended ones (release notes of 18).
const carriesStatistics = 18

// needed leaves out what came with the copy. The system's own catalogs are new.
func needed(all []task, lacking []lack) (out []task) {
	short := map[lack]bool{}
	for _, l := range lacking {
		short[lack{database: l.database, relation: l.relation}] = true
	}
	for _, t := range all {
		if t.relation.Schema == "pg_catalog" || short[lack{database: t.database, relation: t.relation.Path}] {
			out = append(out, t)
		}
	}
	return out
}

// hot is the share of all reads that the tables which come first take together.
const hot = 0.9

// inOrder puts the tables first that clients of the source read most, and of those, as of all
// others, the largest: the long ones decide when all are done.
func inOrder(all []task) []task {
	var reads, sum float64
	for _, t := range all {
		reads += float64(t.reads)
	}
	slices.SortStableFunc(all, func(a, b task) int { return cmp.Compare(b.reads, a.reads) })
	first := 0
	for first < len(all) && sum < hot*reads {
		sum += float64(all[first].reads)
		first++
	}
	for _, part := range [][]task{all[:first], all[first:]} {
		slices.SortStableFunc(part, func(a, b task) int { return cmp.Compare(b.relation.Bytes, a.relation.Bytes) })
	}
	return all
}

// tasks lists what there is to analyse in all databases of the target.
func (u *Upgrade) tasks(ctx context.Context) (all []task, err error) {
	for _, db := range u.inv.Databases {
		more, err := u.relations(ctx, db.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// relations lists what there is to analyse in a database of the target, each with how much clients read of it on the source.
func (u *Upgrade) relations(ctx context.Context, database string) (out []task, err error) {
	source, err := u.Source.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer source.Close(context.WithoutCancel(ctx))
	reads, err := cluster.Reads(ctx, source)
	if err != nil {
		return nil, err
	}
	conn, err := u.target.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, err := cluster.Relations(ctx, conn)
	for _, r := range list {
		out = append(out, task{database: database, relation: r, reads: reads[r.Path]})
	}
	return out, err
}

// analyse works through the tasks in their order, each worker on one connection a database.
func (u *Upgrade) analyse(ctx context.Context, rec run.Recorder, tasks []task) error {
	var total, done atomic.Int64
	for _, t := range tasks {
		total.Add(t.relation.Bytes)
	}
	return spread(ctx, u, tasks, func(ctx context.Context, conn *pgx.Conn, t task) error {
		rec.Progress(run.Progress{Text: t.relation.Schema + "." + t.relation.Name, Unit: "bytes", Done: float64(done.Load()), Total: float64(total.Load()), Public: "Making the new database fast"})
		if err := cluster.VacuumAnalyze(ctx, conn, t.relation); err != nil {
			return err
		}
		done.Add(t.relation.Bytes)
		return nil
	})
}

// placed is work in one database.
type placed interface{ in() string }

func (t task) in() string { return t.database }

// spread hands work on the target to as many workers as the plan has jobs, in its order. Each
// worker has one connection a database.
func spread[T placed](ctx context.Context, u *Upgrade, tasks []T, do func(context.Context, *pgx.Conn, T) error) error {
	queue := make(chan T, len(tasks))
	for _, t := range tasks {
		queue <- t
	}
	close(queue)
	group, ctx := errgroup.WithContext(ctx)
	for range max(1, u.Jobs) {
		group.Go(func() error {
			conns := connections{endpoint: u.target}
			defer conns.close()
			for t := range queue {
				conn, err := conns.to(ctx, t.in())
				if err != nil {
					return err
				}
				if err := do(ctx, conn, t); err != nil {
					return err
				}
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
