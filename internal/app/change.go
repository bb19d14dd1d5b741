package app

import (
	"context"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// PostChange publishes a post of the change log, or replaces what it said.
func (a *App) PostChange(ctx context.Context, w say.Change) (say.Said, error) {
	if err := properName(w.Name); err != nil {
		return say.Said{}, err
	}
	if err := a.announced(ctx, w.Maintenance); err != nil {
		return say.Said{}, err
	}
	e := maint.ChangePosted{Title: w.Title, Text: w.Text, Labels: w.Labels, Maintenance: maint.ID(w.Maintenance)}
	return a.tellChange(ctx, w, func(c maint.Change) ([]maint.Event, error) { return c.DecidePost(e) })
}

// WithdrawChange takes a post off the page.
func (a *App) WithdrawChange(ctx context.Context, w say.Change) (say.Said, error) {
	s, err := a.tellChange(ctx, w, maint.Change.DecideWithdraw)
	if err != nil {
		return s, fmt.Errorf("withdraw post %s: %w", w.Name, err)
	}
	if len(s.Entries) > 0 {
		s.Text = "It is off the status page."
	}
	return s, nil
}

// Changes lists the posts that are on the page, newest first.
func (a *App) Changes(ctx context.Context) ([]view.Change, error) {
	page, err := a.Page(ctx)
	return page.Changes, err
}

func (a *App) tellChange(ctx context.Context, w say.Change, decide func(maint.Change) ([]maint.Event, error)) (say.Said, error) {
	id := maint.ChangeID(w.Name)
	return tellOf(ctx, a, id, w.Terms, maint.Change{ID: id}, decide)
}

// announced refuses a maintenance that nobody was told of: the post would name it to everyone.
func (a *App) announced(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	id := maint.ID(name)
	past, err := a.history(ctx, id)
	if err != nil {
		return err
	}
	if id.Kind() != maint.AMaintenance || timeline.Fold(id, past).State == maint.Draft {
		return hint.Wrap(maint.Refuse("there is no maintenance %q on the status page", name), "name one that was announced, or none")
	}
	return nil
}
