package app

import (
	"context"
	"fmt"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Page folds the whole public record as it is at this moment.
func (a *App) Page(ctx context.Context) (view.PageModel, error) {
	s := a.source()
	progress, err := s.Progress(ctx)
	if err != nil {
		return view.PageModel{}, err
	}
	var all []timeline.PublicEntry
	for after := int64(0); ; {
		entries, next, err := s.Read(ctx, after, 1000)
		if err != nil {
			return view.PageModel{}, fmt.Errorf("read the record: %w", err)
		}
		all = append(all, entries...)
		if next <= after {
			return view.Page(a.catalog(), all, progress, a.now()), nil
		}
		after = next
	}
}

// Timeline gives public entries of the record after a position, and the position up to which it looked.
func (a *App) Timeline(ctx context.Context, after int64, limit int) ([]timeline.PublicEntry, int64, error) {
	return a.source().Read(ctx, after, limit)
}

// Read gives entries of the record after a position.
func (a *App) Read(ctx context.Context, after int64, limit int) ([]timeline.Entry, error) {
	return a.store.Read(ctx, after, limit)
}

// History gives all that is on record of one subject.
func (a *App) History(ctx context.Context, id maint.ID) ([]timeline.Entry, error) {
	return a.history(ctx, id)
}

// Version gives how many entries there are of a subject.
func (a *App) Version(ctx context.Context, id maint.ID) (int64, error) {
	past, err := a.history(ctx, id)
	return int64(len(past)), err
}

// ReportOf is Report by the name of a maintenance, as Markdown alone.
func (a *App) ReportOf(ctx context.Context, id maint.ID, public bool) ([]byte, error) {
	past, err := a.history(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case id.Kind() != maint.AMaintenance || len(past) == 0:
		return nil, fmt.Errorf("report of %q: %w", id, maint.ErrUnknownMaintenance)
	}
	r, err := a.reportWithNotices(ctx, id, past)
	if public {
		return r.Public, err
	}
	return r.Markdown, err
}
