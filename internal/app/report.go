package app

import (
	"context"
	"slices"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Report is the post-mortem of one maintenance and the record that it was written from.
type Report struct {
	Markdown []byte // with the operator's own notes at its end
	Public   []byte // without them
	Entries  []timeline.Entry
}

// Report writes the post-mortem from the record, and from nothing else.
func (a *App) Report(ctx context.Context, planFile string) (Report, error) {
	p, _, err := a.plan(ctx, planFile)
	if err != nil {
		return Report{}, err
	}
	entries, err := a.history(ctx, p.ID)
	if err != nil {
		return Report{}, err
	}
	if len(entries) == 0 {
		return Report{}, hint.Errorf("lull schedule "+planFile, "there is no record of %s", p.ID)
	}
	return a.reportWithNotices(ctx, p.ID, entries)
}

// reportWithNotices adds what became of the notices, which is on record by itself.
func (a *App) reportWithNotices(ctx context.Context, id maint.ID, entries []timeline.Entry) (Report, error) {
	notices, err := a.history(ctx, maint.NoticesID(id))
	if err != nil {
		return Report{}, err
	}
	r := a.report(slices.Concat(entries, notices))
	r.Entries = entries
	return r, nil
}

func (a *App) report(entries []timeline.Entry) Report {
	r := view.PostMortem(entries, a.now())
	return Report{Markdown: r.Markdown(), Public: r.Public().Markdown(), Entries: entries}
}
