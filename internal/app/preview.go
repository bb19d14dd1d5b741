package app

import (
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// Preview is a notice as somebody would get it.
type Preview struct {
	Moment  string      `json:"moment"` // as the plan writes it
	Kind    notify.Kind `json:"kind"`
	Due     time.Time   `json:"due,omitzero"` // zero: when it happens
	Subject string      `json:"subject"`
	Text    string      `json:"text"`
	Label   string      `json:"label"`
	Link    string      `json:"link"`
}

// PreviewNotices puts all that people would be told of a plan into words. Nothing is sent.
func (a *App) PreviewNotices(planFile, channel, language string) ([]Preview, error) {
	p, err := config.LoadPlan(planFile, a.Config)
	if err != nil {
		return nil, err
	}
	words, err := a.words()
	if err != nil {
		return nil, err
	}
	to, err := a.reader(channel)
	if err != nil {
		return nil, err
	}
	if language != "" {
		to.Language = language
	}
	var out []Preview
	all := a.foreseen(p)
	if a.Config.Subscribers.Set {
		all = append(all, a.askedFor(p)...)
	}
	for _, n := range all {
		to := to
		if n.Kind == notify.Confirm {
			to.Link = "…" // made for each, when it is sent
		}
		m, err := words.Message(notify.Delivery{Notice: n}, to)
		if err != nil {
			return nil, err
		}
		out = append(out, Preview{Moment: n.Word, Kind: n.Kind, Due: n.Due, Subject: m.Subject, Text: m.Text, Label: m.Label, Link: m.Link})
	}
	return out, nil
}

// reader is somebody whom the channel would tell.
func (a *App) reader(channel string) (notify.Address, error) {
	if channel == "" {
		return notify.Address{}, nil
	}
	for _, x := range a.Config.Channels {
		if x.ID == channel && x.Widget != nil {
			return notify.Address{Channel: x.ID, Language: x.Language, Zone: x.Zone}, nil
		}
	}
	for _, to := range book(a.Config) {
		if to.Channel == channel {
			return to, nil
		}
	}
	return notify.Address{}, hint.Errorf("write it under channels: in lull.yaml", "there is no channel %q", channel)
}

// foreseen are the notices that a plan leads to, and those that it would if it went otherwise.
func (a *App) foreseen(p *config.Plan) []notify.Notice {
	plan := a.announcement(p)
	begin := maint.Maintenance{ID: p.ID}.Apply(plan, a.now())
	entry := func(e maint.Event) timeline.Entry {
		return timeline.Entry{Subject: p.ID, Version: 2, At: a.now(), Event: e}
	}
	out, _ := notify.Follow(maint.Maintenance{ID: p.ID}, entry(plan))
	_, end, err := plan.Window.Resolve()
	if err != nil {
		return out
	}
	moved := begin
	moved.Plan.Window.Start = end.AddDate(0, 0, -7).Format(maint.WallLayout)
	longer := plan.Window
	longer.Allow += longer.Allow / 2
	for _, would := range []struct {
		before maint.Maintenance
		event  maint.Event
	}{
		{begin, maint.Started{}},
		{begin, maint.Late{ExpectedEnd: end.Add(45 * time.Minute)}},
		{begin, maint.Extended{Window: longer}},
		{begin, maint.Completed{}},
		{moved, maint.Rescheduled{Scheduled: plan}},
		{begin, maint.Cancelled{}},
		{begin, maint.RolledBack{}},
	} {
		more, _ := notify.Follow(would.before, entry(would.event))
		for _, n := range more {
			if n.Kind != notify.Ahead {
				n.Due = time.Time{}
				out = append(out, n)
			}
		}
	}
	return out
}

// askedFor are examples of what subscribers alone get: nobody knows yet what there will be to say.
func (a *App) askedFor(p *config.Plan) []notify.Notice {
	plan := a.announcement(p)
	post := view.Change{ID: maint.ChangeID(string(p.ID)), Title: p.Title, Text: p.Summary}
	return []notify.Notice{
		{Kind: notify.Incident, Word: notify.AtOpening, Subject: maint.IncidentID(string(p.ID)), Title: p.Title, Summary: string(maint.Investigating), Text: p.Summary, Components: plan.Components, Names: plan.Names},
		{Kind: notify.Digest, Word: "weekly", Subject: "digest/example", Text: a.digested(post)},
		{Kind: notify.Confirm, Word: "link", Subject: "subscriber/example"},
	}
}
