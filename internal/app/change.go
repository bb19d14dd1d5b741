package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// PostChange publishes a post of the change log, or replaces what it said. One with a time to come waits for it, and a
// draft waits for somebody to publish it.
func (a *App) PostChange(ctx context.Context, w say.Change) (say.Said, error) {
	if err := properName(w.Name); err != nil {
		return say.Said{}, err
	}
	if err := a.announced(ctx, w.Maintenance); err != nil {
		return say.Said{}, err
	}
	post := maint.ChangePosted{Title: w.Title, Text: w.Text, Labels: w.Labels, Maintenance: maint.ID(w.Maintenance), Pictures: w.Pictures}
	now := a.now()
	waits := w.Date.After(now)
	if !waits {
		post.Date = w.Date
	}
	draft := maint.ChangeDrafted{Post: post}
	if waits && !w.Draft {
		draft.Due = w.Date
	}
	s, err := a.tellChange(ctx, w, func(c maint.Change) ([]maint.Event, error) {
		if w.Draft || waits {
			return c.DecideDraft(draft, now)
		}
		return c.DecidePost(post)
	})
	if err == nil && len(s.Entries) > 0 {
		s.Text = waiting(s, draft)
	}
	return s, err
}

// waiting says what became of words that were kept back.
func waiting(s say.Said, d maint.ChangeDrafted) string {
	if _, kept := s.Entries[0].Event.(maint.ChangeDrafted); !kept {
		return s.Text
	}
	if d.Due.IsZero() {
		return "It is a draft: nobody sees it before you publish it."
	}
	return "It waits: lull serve publishes it at " + d.Due.UTC().Format("2006-01-02 15:04 MST") + "."
}

// PublishChange publishes a draft as it is.
func (a *App) PublishChange(ctx context.Context, w say.Change) (say.Said, error) {
	s, err := a.tellChange(ctx, w, maint.Change.DecidePublish)
	if err != nil {
		return s, fmt.Errorf("publish post %s: %w", w.Name, err)
	}
	return s, nil
}

// WithdrawChange takes a post off the page, or gives a draft up.
func (a *App) WithdrawChange(ctx context.Context, w say.Change) (say.Said, error) {
	s, err := a.tellChange(ctx, w, maint.Change.DecideWithdraw)
	if err != nil {
		return s, fmt.Errorf("withdraw post %s: %w", w.Name, err)
	}
	if len(s.Entries) > 0 {
		s.Text = "It is off the status page."
		if _, draft := s.Entries[0].Event.(maint.ChangeDiscarded); draft {
			s.Text = "The draft is given up."
		}
	}
	return s, nil
}

// Changes lists the posts that are on the page, newest first.
func (a *App) Changes(ctx context.Context) ([]view.Change, error) {
	page, err := a.Page(ctx)
	return page.Changes, err
}

// Drafts lists the posts that nobody sees yet: those that were kept back, and those that completed maintenances make by themselves.
func (a *App) Drafts(ctx context.Context) (out []maint.Change, err error) {
	kept, err := a.store.Drafted(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range kept {
		c, err := a.change(ctx, e.Subject)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	page, err := a.Page(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range page.Past {
		c, err := a.change(ctx, maint.ChangeID(string(m.ID)))
		if err != nil {
			return nil, err
		}
		if c.Version == 0 && c.Draft != nil {
			out = append(out, c)
		}
	}
	return out, nil
}

// Change is all there is of a post; ErrUnknownChange when there is nothing.
func (a *App) Change(ctx context.Context, name string) (maint.Change, error) {
	c, err := a.change(ctx, maint.ChangeID(name))
	if err == nil && c.Draft == nil && !c.Public() {
		err = fmt.Errorf("post %s: %w", name, maint.ErrUnknownChange)
	}
	return c, err
}

func (a *App) change(ctx context.Context, id maint.ID) (maint.Change, error) {
	past, err := a.history(ctx, id)
	if err != nil {
		return maint.Change{}, err
	}
	return a.changeOf(ctx, id, past)
}

// changeOf folds what is on record of a post. Where nothing is, a completed maintenance of the same name has drafted it.
func (a *App) changeOf(ctx context.Context, id maint.ID, past []timeline.Entry) (maint.Change, error) {
	c := maint.Change{ID: id}
	for _, e := range past {
		c = c.Apply(e.Event, e.At)
	}
	if len(past) > 0 {
		return c, nil
	}
	of, err := a.history(ctx, maint.ID(id.Name()))
	if err != nil {
		return c, err
	}
	if post, ok := view.Suggest(phrase.In(a.language()), of, a.now()); ok {
		c.Draft = &maint.ChangeDrafted{Post: post}
	}
	return c, nil
}

func (a *App) tellChange(ctx context.Context, w say.Change, decide func(maint.Change) ([]maint.Event, error)) (say.Said, error) {
	id := maint.ChangeID(w.Name)
	return a.tell(ctx, id, w.Terms, func(past []timeline.Entry) ([]maint.Event, error) {
		c, err := a.changeOf(ctx, id, past)
		if err != nil {
			return nil, err
		}
		return decide(c)
	})
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

// language is that of the page where a reader asks for none.
func (a *App) language() string {
	return slices.Concat(a.Config.Page.Languages, phrase.Languages)[0]
}
