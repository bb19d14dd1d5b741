package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
)

// publishEvery is how often it is looked for posts whose time has come.
const publishEvery = time.Second

// publishing publishes the posts whose time has come until ctx ends. Of several servers any may do it: the record takes each once.
func (a *App) publishing(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		err := a.publishDue(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			slog.Warn("publish the posts whose time has come", "error", err)
		}
		failing = err != nil
		pause(ctx, publishEvery)
	}
}

func (a *App) publishDue(ctx context.Context) error {
	kept, err := a.store.Drafted(ctx)
	if err != nil {
		return err
	}
	var all []error
	for _, e := range kept {
		if d, ok := e.Event.(maint.ChangeDrafted); ok && !d.Due.IsZero() && !d.Due.After(a.now()) {
			all = append(all, a.publishDraft(ctx, e))
		}
	}
	return errors.Join(all...)
}

// publishDraft publishes what was due by that entry, unless something was said since.
func (a *App) publishDraft(ctx context.Context, due timeline.Entry) error {
	name := due.Subject.Name()
	_, err := a.tellChange(ctx, say.Change{Name: name}, func(c maint.Change) ([]maint.Event, error) {
		if c.Version != due.Version {
			return nil, nil
		}
		return c.DecidePublish()
	})
	if err != nil && !errors.Is(err, timeline.ErrConflict) {
		return fmt.Errorf("post %s: %w", name, err)
	}
	return nil
}
