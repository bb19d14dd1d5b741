package snapshot

import (
	"context"
	"log/slog"
	"time"
)

// Keeper pushes the face again whenever it has changed.
type Keeper struct {
	Mirror  Mirror
	Face    func() (files []File, ok bool) // not ok: there is nothing better than what was pushed already
	Changed <-chan struct{}                // something was said
	Log     *slog.Logger
	Done    func(error) // told after each push; may be nil

	failing bool
}

// How often it is pushed: soon after something was said, and now and then while nothing but progress has changed.
const (
	gather   = 2 * time.Second // changes that come together are pushed together
	progress = time.Minute
	farewell = 20 * time.Second // for a last push when the server ends
)

// Run pushes until ctx ends, and what is owed then once more.
func (k *Keeper) Run(ctx context.Context) {
	k.push(ctx)
	tick := time.NewTicker(progress)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			k.last(ctx)
			return
		case <-k.Changed:
		case <-tick.C:
		}
		k.push(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(gather):
		}
	}
}

func (k *Keeper) last(ctx context.Context) {
	select {
	case <-k.Changed:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	k.push(ctx)
}

// push logs when pushing begins to fail and when it works again, and not in between. A push that failed is tried again with the next.
func (k *Keeper) push(ctx context.Context) {
	files, ok := k.Face()
	if !ok || ctx.Err() != nil {
		return
	}
	c, err := k.Mirror.Push(ctx, files)
	if k.Done != nil {
		k.Done(err)
	}
	switch {
	case err != nil && ctx.Err() != nil: // it is over: what was cut off is no failure
	case err != nil && !k.failing:
		k.Log.Warn("the snapshot of the status page cannot be pushed", "error", err)
	case err == nil && k.failing:
		k.Log.Info("the snapshot of the status page is pushed again")
	case err == nil && !c.None():
		k.Log.Debug("the snapshot of the status page is pushed", "written", c.Written, "removed", c.Removed)
	}
	k.failing = err != nil
}
