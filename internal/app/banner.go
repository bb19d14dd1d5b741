package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/sites"
	"github.com/lullhq/lull/internal/timeline"
)

// severity is the banner's word for a layout's colours.
const severity = "maintenance"

// banner is the strip on the sites while the maintenance is ahead or under way. Work that is late is shown on them until
// it is expected to end; zero is as planned.
func (a *App) banner(p *config.Plan, expected time.Time) sites.Banner {
	b := sites.Banner{
		Enabled: true, Text: p.Title + ": " + windowText(p.Window), URL: a.Config.Server.URL + "/maintenance/" + string(p.ID),
		ID: string(p.ID), Severity: severity,
	}
	start, end, err := p.Window.Resolve()
	if err != nil {
		return b
	}
	b.EndsAt = end.UTC()
	late := expected.After(end)
	if late {
		b.EndsAt = expected.UTC()
		expected = expected.In(end.Location())
		b.Text += ". " + nowExpected(phrase.English, expected) + "."
	}
	for i, lang := range a.Config.Page.Languages {
		if i == 0 {
			continue // Text is in it, or in whatever language the plan is
		}
		if b.Texts == nil {
			b.Texts = map[string]string{}
		}
		c := phrase.In(lang)
		b.Texts[lang] = p.Title + ": " + c.At(c.Date("date.full", start), phrase.Clock(start)+"–"+phrase.Clock(end)+" "+end.Format("MST"))
		if late {
			b.Texts[lang] += ". " + nowExpected(c, expected) + "."
		}
	}
	return b
}

func nowExpected(c *phrase.Catalogue, at time.Time) string {
	return c.Text(phrase.Say("at.expected_end", "when", phrase.Clock(at)+" "+at.Format("MST")))
}

// bannerNow is the banner as the record has it.
func (a *App) bannerNow(ctx context.Context, p *config.Plan) (sites.Banner, error) {
	past, err := a.history(ctx, p.ID)
	if err != nil {
		return sites.Banner{}, err
	}
	return a.banner(p, lateUntil(timeline.Fold(p.ID, past))), nil
}

// lateUntil is when late work will end; zero when it is not late.
func lateUntil(m maint.Maintenance) time.Time {
	if m.Late == nil {
		return time.Time{}
	}
	return m.Late.ExpectedEnd
}

// bannerStep follows the record: when it is its turn, the work may be late.
func (a *App) bannerStep(p *config.Plan, name string, on bool) *sites.BannerStep {
	now := func(ctx context.Context) (sites.Banner, error) { return a.bannerNow(ctx, p) }
	return sites.NewBannerStep(name, a.sites(), now, on).Watching(a.checker())
}

// bannerIsOn says what the record has last of the banner.
func bannerIsOn(entries []timeline.Entry) (on bool) {
	for _, e := range entries {
		if b, ok := e.Event.(maint.BannerChanged); ok {
			on = b.On
		}
	}
	return on
}

// endsBanner switches the banner off as the last step of all when the plan itself does not: where it leaves it on, or
// where somebody switched it on before with lull sites on.
func (a *App) endsBanner(ctx context.Context, p *config.Plan, items []run.Item) ([]run.Item, error) {
	last, on := "", false
	ends := false
	for _, s := range p.Steps {
		if s.Kind == config.KindBanner {
			on, ends = s.Banner.On, !s.Banner.On
			if s.Banner.On {
				last = s.Name
			}
		}
	}
	if ends || len(a.Config.Sites) == 0 {
		return items, nil
	}
	if !on {
		past, err := a.history(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		if !bannerIsOn(past) {
			return items, nil
		}
	}
	const name = "banner-end"
	for i := range items {
		if last != "" && items[i].Step.Name() == last {
			items[i].Until = name
		}
	}
	off := run.Item{Step: a.bannerStep(p, name, false), Title: "Banner off"}
	return slices.Insert(items, len(items)-1, off), nil // the last one says that the maintenance is completed
}

// takeBannerDown switches off what lull sites on has switched on, for a maintenance that will not be.
func (a *App) takeBannerDown(ctx context.Context, id maint.ID, b sites.Banner) error {
	past, err := a.history(ctx, id)
	if err != nil || !bannerIsOn(past) {
		return err
	}
	_, err = a.publish(ctx, id, b, false, a.sites(), nil)
	return err
}

// moveBanner changes the words of a banner that is on when the plan is announced anew. It gives a sentence for whoever
// announced it: that stands, whatever comes of the sites.
func (a *App) moveBanner(ctx context.Context, p *config.Plan) string {
	past, err := a.history(ctx, p.ID)
	if err != nil || !bannerIsOn(past) {
		return ""
	}
	out, err := a.publish(ctx, p.ID, a.banner(p, lateUntil(timeline.Fold(p.ID, past))), true, a.sites(), nil)
	if err != nil {
		return fmt.Sprintf(" The banner still has the old words: %v. Type: lull sites on %s", err, p.File)
	}
	if n := made(out); n > 0 {
		return fmt.Sprintf(" The banner was changed on %d of %d sites.", n, len(out))
	}
	return ""
}

func made(out []sites.Outcome) (n int) {
	for _, o := range out {
		if o.Made {
			n++
		}
	}
	return n
}

// publish switches the banner at sites, and puts on record what was done, also when some of them failed.
func (a *App) publish(ctx context.Context, id maint.ID, b sites.Banner, on bool, all []sites.Site, told func(sites.Outcome)) ([]sites.Outcome, error) {
	out, err := sites.Publish(ctx, all, b, on, told)
	if id == "" || len(out) == 0 {
		return out, err
	}
	done := 0
	for _, o := range out {
		if o.Err == nil {
			done++
		}
		if o.Err != nil || o.Made {
			note := o.Words
			if o.Err != nil {
				note = "the banner could not be switched: " + o.Err.Error()
			}
			if rec := a.put(ctx, id, maint.Noted{Step: "banner", Text: o.Site.Name + ": " + note}); rec != nil {
				return out, errors.Join(err, rec)
			}
		}
	}
	past, hist := a.history(ctx, id)
	if hist != nil {
		return out, errors.Join(err, hist)
	}
	if changed := made(out) > 0; err == nil && (changed || bannerIsOn(past) != on) {
		err = a.put(ctx, id, sites.Changed(b, on, done, len(a.Config.Sites)))
	}
	return out, err
}

// put puts an event on record.
func (a *App) put(ctx context.Context, id maint.ID, e maint.Event) error {
	_, err := a.store.Append(context.WithoutCancel(ctx), id, timeline.AnyVersion, timeline.Draft{At: a.now(), Event: e})
	if err != nil {
		return fmt.Errorf("put on record what became of the banner: %w", err)
	}
	return nil
}

// SitesOptions say which sites, and how long to wait for them.
type SitesOptions struct {
	Only  []string      // names; none = all
	Wait  time.Duration // for the banner to be live, or gone; 0 = not
	Ahead time.Duration // the banner is shown from that long before the start; 0 = at once
	Told  func(sites.Outcome)
}

func (a *App) chosen(only []string) ([]sites.Site, error) {
	all := a.sites()
	if len(only) == 0 {
		if len(all) == 0 {
			return nil, hint.Errorf("add them under sites: in lull.yaml", "there are no sites")
		}
		return all, nil
	}
	var out []sites.Site
	for _, name := range only {
		i := slices.IndexFunc(all, func(s sites.Site) bool { return s.Name == name })
		if i < 0 {
			return nil, hint.Errorf("lull sites list", "there is no site %q", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// planBanner gives the banner of a plan that was announced.
func (a *App) planBanner(ctx context.Context, planFile string, on bool) (maint.ID, sites.Banner, error) {
	if planFile == "" {
		return "", sites.Banner{}, nil
	}
	p, m, err := a.plan(ctx, planFile)
	if err != nil {
		return "", sites.Banner{}, err
	}
	switch {
	case m.State == maint.Draft:
		return "", sites.Banner{}, hint.Errorf("lull schedule "+planFile, "maintenance %s was not announced, and the banner links to its page", p.ID)
	case on && m.State == maint.StateScheduled && !m.Plan.Same(a.announcement(p)):
		return "", sites.Banner{}, hint.Errorf("lull schedule "+planFile, "the plan is not what was announced")
	case on && (m.State == maint.StateCompleted || m.State == maint.StateCancelled):
		return "", sites.Banner{}, hint.Errorf("lull sites off "+planFile, "maintenance %s is over", p.ID)
	}
	return p.ID, a.banner(p, lateUntil(m)), nil
}

// SwitchSites switches the banner on or off, and waits until the public sees it if that is wanted.
func (a *App) SwitchSites(ctx context.Context, planFile string, on bool, o SitesOptions) ([]sites.Outcome, *sites.Verified, error) {
	id, b, err := a.planBanner(ctx, planFile, on)
	if err != nil {
		return nil, nil, err
	}
	all, err := a.chosen(o.Only)
	if err != nil {
		return nil, nil, err
	}
	if o.Ahead > 0 && on {
		p, _, err := a.plan(ctx, planFile)
		if err != nil {
			return nil, nil, err
		}
		if start, _, err := p.Window.Resolve(); err == nil {
			b.StartsAt = start.Add(-o.Ahead).UTC()
		}
	}
	out, err := a.publish(ctx, id, b, on, all, o.Told)
	if err != nil || o.Wait <= 0 || b.Text == "" {
		return out, nil, err
	}
	pushed := map[string]time.Time{}
	for _, x := range out {
		if !x.Pushed.IsZero() {
			pushed[x.Site.Name] = x.Pushed
		}
	}
	v, err := a.verify(ctx, id, all, b, on, o.Wait, pushed)
	return out, &v, err
}

// VerifySites looks at every page of the sites, and puts on record what it saw.
func (a *App) VerifySites(ctx context.Context, planFile string, on *bool, o SitesOptions) (sites.Verified, error) {
	id, b, err := a.planBanner(ctx, planFile, false)
	if err != nil {
		return sites.Verified{}, err
	}
	all, err := a.chosen(o.Only)
	if err != nil {
		return sites.Verified{}, err
	}
	if on == nil {
		past, err := a.history(ctx, id)
		if err != nil {
			return sites.Verified{}, err
		}
		is := bannerIsOn(past)
		on = &is
	}
	return a.verify(ctx, id, all, b, *on, o.Wait, nil)
}

func (a *App) verify(ctx context.Context, id maint.ID, all []sites.Site, b sites.Banner, on bool, wait time.Duration, pushed map[string]time.Time) (sites.Verified, error) {
	for i := range all {
		all[i].LiveWithin = wait
	}
	v := sites.Verify(ctx, a.checker(), all, b, on, pushed)
	if err := context.Cause(ctx); err != nil {
		return v, err
	}
	if id == "" {
		return v, nil
	}
	return v, a.put(ctx, id, maint.Noted{Step: "banner", Text: v.Fact(), Figures: v.Figures()})
}

// LookAtSites says what the published version of each site says of the plan's banner; without a plan, whether it has one.
func (a *App) LookAtSites(ctx context.Context, planFile string, only []string) ([]sites.Outcome, error) {
	var b sites.Banner
	if planFile != "" {
		p, m, err := a.plan(ctx, planFile)
		if err != nil {
			return nil, err
		}
		b = a.banner(p, lateUntil(m))
	}
	all, err := a.chosen(only)
	if err != nil {
		return nil, err
	}
	return sites.Look(ctx, all, b), context.Cause(ctx)
}
