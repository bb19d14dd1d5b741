package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// Baking is what is told while a new server is watched.
type Baking struct {
	Cluster string      `json:"cluster"`
	Text    string      `json:"text"`
	Sample  pgup.Sample `json:"sample"`
}

// bakes says whether the plan has a new server watched.
func bakes(p *config.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s config.Step) bool { return s.Kind == config.KindUpgrade && s.Upgrade.Bake > 0 })
}

// bake watches the new servers of a completed maintenance until their time is over, and
// does what the plan says when one of them is past its limits. It holds no lease
// meanwhile: rollback and finish can be typed at any time.
func (a *App) bake(ctx context.Context, p *config.Plan, opts RunOptions) (string, error) {
	_, m, err := a.plan(ctx, p.File)
	if err != nil {
		return "", err
	}
	nothing := fmt.Sprintf("Nothing is left to do: %s was completed on %s.", p.ID, m.Ended.UTC().Format("2 January 2006, 15:04 UTC"))
	if !bakes(p) { // the servers have had a life of their own since: not even looked at
		return nothing, nil
	}
	all, err := a.open(ctx, p)
	if err != nil || len(all) == 0 {
		return nothing, err
	}
	all = slices.DeleteFunc(all, func(b baking) bool { return !a.now().Before(m.Ended.Add(b.upgrade.BakeFor)) })
	if len(all) == 0 {
		return a.over(ctx, p, opts)
	}
	return a.watch(ctx, p, m.Ended, all, opts)
}

// baking is an upgrade whose new server is watched.
type baking struct {
	upgrade  *pgup.Upgrade
	baseline *pgup.Baseline
	ended    pgup.Conclusion
}

// errClosed says of an upgrade that there is nothing to watch any more, or never was.
var errClosed = errors.New("nothing to watch")

// open are the upgrades to be watched whose clients are on the new server, as far as Lull had a hand in it.
func (a *App) open(ctx context.Context, p *config.Plan) (out []baking, err error) {
	var kept map[string]run.Checkpoint
	moved, err := a.moved(ctx, p, func(u *pgup.Upgrade, points map[string]run.Checkpoint) error {
		if u.Returned(points) {
			return hint.Errorf("lull rollback "+p.File, "a rollback of maintenance %s has begun: it is to be carried to its end", p.ID)
		}
		if u.WayBack && u.GivenUp(points) || u.BakeFor == 0 {
			return errClosed
		}
		kept = points
		return nil
	})
	if errors.Is(err, errClosed) {
		return nil, nil
	}
	for _, u := range moved {
		before, err := u.Baseline(kept)
		if err != nil {
			return nil, err
		}
		out = append(out, baking{upgrade: u, baseline: before})
	}
	return out, err
}

// watch watches all of them, until the last one's time is over or the first one is past its limits.
func (a *App) watch(ctx context.Context, p *config.Plan, from time.Time, all []baking, opts RunOptions) (string, error) {
	group, watching := errgroup.WithContext(ctx)
	watching, cancel := context.WithCancel(watching)
	defer cancel()
	var telling sync.Mutex
	for i := range all {
		b := &all[i]
		until := from.Add(b.upgrade.BakeFor)
		due := dueLines{from: from, length: b.upgrade.BakeFor}
		group.Go(func() (err error) {
			b.ended, err = b.upgrade.Bake(watching, pgup.Watch{Baseline: b.baseline, From: from, Until: until, Tell: func(s pgup.Sample) {
				telling.Lock()
				defer telling.Unlock()
				if due.now(s) && opts.Tell != nil {
					opts.Tell(Baking{Cluster: b.upgrade.Cluster, Text: s.Text(), Sample: s})
				}
			}})
			if b.ended.End == pgup.LimitsPast {
				cancel()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	return a.conclude(ctx, p, all, opts)
}

// conclude puts on record how the watching ended, and acts on it.
func (a *App) conclude(ctx context.Context, p *config.Plan, all []baking, opts RunOptions) (string, error) {
	ends := map[pgup.End]int{}
	for _, b := range all {
		ends[b.ended.End]++
		note, err := b.ended.Note(b.upgrade.Name + "/bake")
		if errors.Is(err, pgup.ErrNotWatched) {
			continue
		}
		at := a.now()
		draft := timeline.Draft{Key: fmt.Sprintf("bake/%s/%s", b.upgrade.Name, b.ended.End), At: at, Event: note}
		if _, err := a.store.Append(context.WithoutCancel(ctx), p.ID, timeline.AnyVersion, draft); err != nil {
			return "", fmt.Errorf("put on record how the new server did: %w", err)
		}
		if opts.Watcher != nil {
			opts.Watcher.Recorded(at, note)
		}
	}
	switch {
	case ends[pgup.LimitsPast] > 0:
		return "", a.Rollback(ctx, p.File, opts.Watcher)
	case ends[pgup.Stopped] > 0:
		return "Nobody watches the new server any more. " + wayOn(p, "watch"), nil
	case ends[pgup.Moved] > 0:
		return "Clients are not on the new server any more, so there is nothing to watch. lull status tells what was done.", nil
	}
	return a.over(ctx, p, opts)
}

// over asks whether the way back is to be given up, if somebody is there.
func (a *App) over(ctx context.Context, p *config.Plan, opts RunOptions) (string, error) {
	if way := wayOn(p, ""); way == "" || opts.Offer == nil {
		return strings.TrimSpace("The time of watching is over. " + way), nil
	}
	yes, err := opts.Offer(ctx, "The time of watching is over. Give up the way back, and clean up both servers?")
	if err != nil || !yes {
		return wayOn(p, ""), nil
	}
	return "", a.Finish(ctx, p.File, FinishOptions{Watcher: opts.Watcher})
}

// wayOn is what can be typed while the way back is open.
func wayOn(p *config.Plan, more string) string {
	if !slices.ContainsFunc(p.Steps, func(s config.Step) bool { return s.Kind == config.KindUpgrade && s.Upgrade.WayBack }) {
		return ""
	}
	next := []string{"`lull rollback " + p.File + "` takes it", "`lull finish " + p.File + "` gives it up"}
	if more != "" {
		next = append([]string{"`lull run " + p.File + "` watches on"}, next...)
	}
	return "The way back is still open: " + strings.Join(next, ", ") + "."
}

// dueLines thins out the samples: a line a minute at first, one in five minutes later, and
// one at once when the grade changes or the server does not answer.
type dueLines struct {
	from   time.Time
	length time.Duration
	last   time.Time
	grade  pgup.Grade
	failed bool
}

func (d *dueLines) now(s pgup.Sample) bool {
	gap := 5 * time.Minute
	if s.At.Sub(d.from) < 15*time.Minute {
		gap = time.Minute
	}
	failed := s.Trouble != ""
	due := d.last.IsZero() || s.At.Sub(d.last) >= min(gap, d.length/10) || s.Left == 0 || failed != d.failed || !failed && s.Verdict.Grade != d.grade
	if due {
		d.last, d.failed = s.At, failed
		if !failed {
			d.grade = s.Verdict.Grade
		}
	}
	return due
}
