package pgup

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// refreshFor is how long the memory is filled once more right before the switch: what was
// read by then counts, and clients do not wait meanwhile.
const refreshFor = 15 * time.Second

// cache reads into the memory of the target what the source has in its own. A copy of files
// has the same blocks in the same places.
func (u *Upgrade) cache() run.Item {
	return u.before("cache", "Cache", step{observe: u.seeCache, apply: u.fillCache})
}

// filled is what the step keeps: a server that was started again has nothing in memory.
type filled struct {
	Since string `json:"since"` // the target runs
}

func (u *Upgrade) seeCache(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo filled
	found, err := rec.Memo(&memo)
	if err != nil || !found {
		return run.Observation{Presence: run.Absent}, err
	}
	if running, err := u.server.Running(ctx); err != nil || !running {
		return run.Observation{Presence: run.Absent, Evidence: "the new server does not run"}, err
	}
	m, err := u.targetMemory(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	if m.Since != memo.Since {
		return run.Observation{Presence: run.Absent, Evidence: "the new server was started again since"}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: "read since the new server was started, at " + memo.Since}, nil
}

func (u *Upgrade) targetMemory(ctx context.Context) (cluster.Memory, error) {
	conn, err := u.target.Connect(ctx, "")
	if err != nil {
		return cluster.Memory{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return cluster.LookMemory(ctx, conn)
}

func (u *Upgrade) fillCache(ctx context.Context, rec run.Recorder) error {
	w, err := u.warm(ctx, rec)
	if err != nil {
		return err
	}
	if err := rec.Note(ctx, w.text(), w.figures("")); err != nil {
		return err
	}
	return rec.Keep(ctx, filled{w.memory.Since})
}

// refreshCache does it once more, for what changed since: clients have gone on.
func (u *Upgrade) refreshCache(ctx context.Context, rec run.Recorder) error {
	short, cancel := context.WithTimeout(ctx, refreshFor)
	defer cancel()
	w, err := u.warm(short, rec)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return rec.Note(ctx, fmt.Sprintf("What the old server has in memory was read into that of the new one for another %s, and not to the end: the switch does not wait for it.", refreshFor), nil)
	}
	if err != nil {
		return err
	}
	return rec.Note(ctx, w.text(), w.figures("_at_switch"))
}

// warmth is what came of it.
type warmth struct {
	memory cluster.Memory // of the target
	wanted int64          // blocks to have in memory
	left   int64          // blocks that there is no room for
	there  int64          // of those wanted, in memory afterwards; -1 = not known
	reason string         // why nothing could be read
	how    string         // by what the blocks were chosen, where they are not known
	took   time.Duration
}

func (w warmth) text() string {
	if w.reason != "" {
		return "The memory of the new server was not filled: " + w.reason + "."
	}
	text := fmt.Sprintf("What the old server has in memory was read into that of the new one: %d blocks, %s, in %.1f s.", w.wanted, bytesText(w.wanted*w.memory.Bytes), w.took.Seconds())
	if w.how != "" {
		text = fmt.Sprintf("The memory of the new server was filled: %d blocks, %s, in %.1f s. %s", w.wanted, bytesText(w.wanted*w.memory.Bytes), w.took.Seconds(), w.how)
	}
	if w.there >= 0 && w.wanted > 0 {
		text += fmt.Sprintf(" Of them, %.0f %% were there afterwards.", 100*w.share())
	}
	if w.left > 0 {
		text += fmt.Sprintf(" There was no room for %d more, those used least: shared_buffers is smaller on the new server, or taken by what it does itself.", w.left)
	}
	return text
}

func (w warmth) share() float64 { return float64(w.there) / float64(w.wanted) }

// figures of a second time have an ending to their names.
func (w warmth) figures(ending string) maint.Figures {
	f := maint.Figures{"cache_blocks" + ending: float64(w.wanted), "cache_s" + ending: w.took.Seconds()}
	if w.there >= 0 && w.wanted > 0 {
		f["cache_share"+ending] = w.share()
	}
	return f
}

// warm chooses what fits, reads it and looks what of it is there then.
func (u *Upgrade) warm(ctx context.Context, rec run.Recorder) (w warmth, err error) {
	began := time.Now()
	rec.Progress(run.Progress{Text: "looking what the old server has in memory", Public: "Making the new database fast"})
	w.there = -1
	if w.memory, err = u.targetMemory(ctx); err != nil {
		return w, err
	}
	room := w.memory.Blocks - w.memory.Blocks/16 // for what the target reads by itself
	all, err := u.residents(ctx, room, &w)
	if errors.Is(err, cluster.ErrNoLibrary) {
		w.how = "On the old server the library pg_buffercache is not installed, so the tables and indexes were chosen that are read most for their size."
		all, err = u.hottest(ctx, room)
	}
	if err != nil {
		return w, err
	}
	err = u.read(ctx, rec, all)
	if errors.Is(err, cluster.ErrNoLibrary) {
		w.reason = "the library pg_prewarm is not installed with the programs of the new version"
		return w, nil
	}
	if err == nil && w.how == "" {
		err = u.recount(ctx, all, &w)
	}
	w.wanted, w.took = wanted(all), time.Since(began)
	return w, err
}

func (u *Upgrade) read(ctx context.Context, rec run.Recorder, all []resident) error {
	var total float64
	var done atomic.Int64
	list := portions(all)
	for _, p := range list {
		total += float64(p.blocks)
	}
	return spread(ctx, u, list, func(ctx context.Context, conn *pgx.Conn, p portion) error {
		rec.Progress(run.Progress{Text: "reading into memory what the old server has there", Unit: "blocks", Done: float64(done.Load()), Total: total, Public: "Making the new database fast"})
		_, err := cluster.Warm(ctx, conn, p.spans)
		done.Add(p.blocks)
		return err
	})
}

// recount counts what of it the target has in memory now.
func (u *Upgrade) recount(ctx context.Context, all []resident, w *warmth) error {
	w.there = 0
	for _, r := range all {
		conn, err := u.target.Connect(ctx, r.database)
		if err != nil {
			return err
		}
		now, err := cluster.Buffers(ctx, conn)
		conn.Close(context.WithoutCancel(ctx))
		if errors.Is(err, cluster.ErrNoLibrary) {
			w.there = -1
			return nil
		}
		if err != nil {
			return fmt.Errorf("database %s: %w", r.database, err)
		}
		w.there += int64(cluster.Overlap(r.chunks, now))
	}
	return nil
}
