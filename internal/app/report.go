package app

import (
	"context"
	"slices"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/inapp"
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

// Report writes the post-mortem from the record. What it adds is the count of people who have seen it in the app: that grows after the last entry.
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

// reportWithNotices adds what became of the notices, which is on record by itself, and how many people in the app have seen them by now.
func (a *App) reportWithNotices(ctx context.Context, id maint.ID, entries []timeline.Entry) (Report, error) {
	notices, err := a.history(ctx, maint.NoticesID(id))
	if err != nil {
		return Report{}, err
	}
	views, err := a.store.Views(ctx, id)
	if err != nil {
		return Report{}, err
	}
	r := a.report(slices.Concat(entries, notices), views...)
	r.Entries = entries
	return r, nil
}

func (a *App) report(entries []timeline.Entry, views ...inapp.View) Report {
	r := view.PostMortem(entries, a.now())
	for _, v := range views {
		if v.Word != "" { // what anyone is shown is no notice
			r.Viewed = append(r.Viewed, view.Viewed{Word: v.Word, Channel: v.Channel, First: v.First, People: v.Seen})
		}
	}
	return Report{Markdown: r.Markdown(), Public: r.Public().Markdown(), Entries: entries}
}
