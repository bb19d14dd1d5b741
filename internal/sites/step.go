package sites

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/sites/live"
)

// BannerStep switches the banner on, or off, at all sites. One that cannot be switched does
// not keep the others from it.
//
// Done means that every site says so and that the timeline has it. Before the latter, a step
// whose sites are as wanted counts as begun: a banner that nobody recorded was not announced.
type BannerStep struct {
	name  string
	sites []Site
	now   func(context.Context) (Banner, error)
	on    bool
	live  *live.Checker // nil: it is not looked whether it is live
}

var _ run.Step = (*BannerStep)(nil)

// NewBannerStep makes the step. The banner is the one that is on in between, also for the step that takes it off: now
// gives it as it is when it is asked for, since work that is late has another one.
func NewBannerStep(name string, sites []Site, now func(context.Context) (Banner, error), on bool) *BannerStep {
	return &BannerStep{name: name, sites: slices.Clone(sites), now: now, on: on}
}

// Watching lets the step wait until the banner is live at the sites that say for how long.
func (s *BannerStep) Watching(c *live.Checker) *BannerStep {
	s.live = c
	return s
}

// memo is what the step keeps.
type memo struct {
	Commits map[string]string    `json:"commits"`          // site to commit
	Pushed  map[string]time.Time `json:"pushed,omitempty"` // when that was published
	Said    bool                 `json:"said"`             // the timeline has it
}

// Name implements run.Step.
func (s *BannerStep) Name() string { return s.name }

// Observe implements run.Step. A site that cannot be looked at is taken as not switched: Apply says why.
func (s *BannerStep) Observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	m, err := remember(rec)
	if err != nil {
		return run.Observation{}, err
	}
	banner, err := s.now(ctx)
	if err != nil {
		return run.Observation{}, err
	}
	f := newFleet(s.sites)
	defer f.close()
	found := make([]look, len(s.sites))
	f.each(func(i int, site Site) error {
		found[i] = s.look(ctx, f, site, banner)
		return nil
	})
	if err := context.Cause(ctx); err != nil {
		return run.Observation{}, err
	}
	right, begun := 0, false
	var said []string
	for _, l := range found {
		said = append(said, l.said)
		if l.right {
			right++
		}
		begun = begun || l.begun
	}
	evidence := fmt.Sprintf("the banner is %s at %d of %d sites: %s", s.word(), right, len(s.sites), strings.Join(said, ", "))
	return run.Observation{Presence: s.presence(right, begun, m.Said), Evidence: strings.TrimSuffix(evidence, ": ")}, nil
}

// look is what the step saw of one site.
type look struct {
	right bool
	begun bool // written and not committed
	said  string
}

func (s *BannerStep) look(ctx context.Context, f *fleet, site Site, b Banner) (l look) {
	err := f.with(ctx, site, func(c carrier) error {
		seen, err := c.look(ctx, b)
		if err != nil {
			return err
		}
		l = look{right: seen.State == s.wanted() || seen.State == StateSelf, said: seen.words(site)}
		if !l.right && s.on {
			if l.begun, err = c.begun(ctx, b); err != nil {
				l.said += fmt.Sprintf(" (%v)", err)
			}
		}
		return nil
	})
	if err != nil {
		return look{said: fmt.Sprintf("%s cannot be looked at: %v", site.Name, err)}
	}
	return l
}

// words are what was seen of a site.
func (f Finding) words(site Site) string {
	switch {
	case f.State == StateSelf:
		return fmt.Sprintf("%s by %s", site.Name, f.Place)
	case f.Commit == "":
		return fmt.Sprintf("%s %s by %s", site.Name, f.State, f.Place)
	case f.Proposed != "":
		return fmt.Sprintf("%s %s when %s is merged into %s", site.Name, f.State, f.Proposed, f.Place)
	}
	return fmt.Sprintf("%s %s at %s of %s", site.Name, f.State, short(f.Commit), f.Place)
}

// presence of the step that switches off rests on the memo alone to begin with: sites without a banner are no trace of it.
func (s *BannerStep) presence(right int, begun, said bool) run.Presence {
	switch {
	case said && right == len(s.sites):
		return run.Done
	case said && !s.on, s.on && (right > 0 || begun):
		return run.Partial
	}
	return run.Absent
}

// Apply implements run.Step.
func (s *BannerStep) Apply(ctx context.Context, rec run.Recorder) error {
	banner, err := s.now(ctx)
	if err != nil {
		return err
	}
	if err := Check(banner); s.on && err != nil {
		return err
	}
	m, err := remember(rec)
	if err != nil {
		return err
	}
	f := newFleet(s.sites)
	defer f.close()
	w := &work{rec: rec, on: s.on, word: s.word(), memo: m, of: len(s.sites)}
	if err := f.failed(f.each(func(_ int, site Site) error { return w.bring(ctx, f, site, banner) })); err != nil {
		return err
	}
	if len(s.sites) > 0 {
		if err := rec.Say(ctx, "banner/"+s.name, Changed(banner, s.on, len(s.sites), len(s.sites))); err != nil {
			return err
		}
	}
	if err := s.watch(ctx, rec, banner, w.memo.Pushed); err != nil {
		return err
	}
	w.memo.Said = true
	return rec.Keep(ctx, w.memo)
}

// watch waits until the banner is live, or is gone, where lull.yaml says for how long. What comes of it is a fact and
// stops nothing: a host that builds slowly is no reason to call the work off.
func (s *BannerStep) watch(ctx context.Context, rec run.Recorder, b Banner, pushed map[string]time.Time) error {
	if s.live == nil {
		return nil
	}
	var watched []Site
	for _, site := range s.sites {
		if site.LiveWithin > 0 && site.URL != "" {
			watched = append(watched, site)
		}
	}
	if len(watched) == 0 {
		return nil
	}
	rec.Progress(run.Progress{Text: "waiting for the sites to show it", Unit: "sites", Total: float64(len(watched))})
	sum := Verify(ctx, s.live, watched, b, s.on, pushed)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return rec.Note(ctx, sum.Fact(), sum.Figures())
}

// Undo implements run.Step: a banner that was switched on is switched off, at the sites that
// have it from this step. To switch it off needs no undoing: nobody wants it back.
func (s *BannerStep) Undo(ctx context.Context, rec run.Recorder) error {
	m, err := remember(rec)
	if err != nil || !s.on {
		return err
	}
	banner, err := s.now(ctx)
	if err != nil {
		return err
	}
	f := newFleet(s.sites)
	defer f.close()
	w := &work{rec: rec, word: string(StateOff), memo: memo{Commits: map[string]string{}, Pushed: map[string]time.Time{}}, of: len(s.sites), undo: true}
	err = f.failed(f.each(func(_ int, site Site) error { return s.takeOff(ctx, f, w, m, site, banner) }))
	if off := w.memo.Commits; err == nil && len(off) > 0 {
		err = rec.Say(ctx, "banner/"+s.name+"/undone", Changed(banner, false, len(off), len(s.sites)))
	}
	return err
}

func (s *BannerStep) takeOff(ctx context.Context, f *fleet, w *work, m memo, site Site, b Banner) error {
	ours := false
	err := f.with(ctx, site, func(c carrier) error {
		if err := c.drop(ctx, b); err != nil {
			return err
		}
		seen, err := c.look(ctx, b)
		_, known := m.Commits[site.Name]
		ours = known || seen.State == StateOn
		return err
	})
	if err != nil || !ours {
		return err
	}
	return w.bring(ctx, f, site, b)
}

// work is what the sites of one Apply or Undo share.
type work struct {
	rec  run.Recorder
	on   bool
	word string
	of   int
	undo bool

	mu   sync.Mutex
	memo memo
}

func (w *work) bring(ctx context.Context, f *fleet, site Site, b Banner) error {
	var res result
	err := f.with(ctx, site, func(c carrier) (err error) {
		res, err = c.put(ctx, b, w.on)
		return err
	})
	if err != nil {
		return w.note(ctx, site, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.memo.Commits[site.Name]; !known || res.made {
		w.memo.Commits[site.Name] = res.commit
	}
	if res.made {
		w.memo.Pushed[site.Name] = time.Now().UTC()
	}
	if !w.undo {
		if err := w.rec.Keep(ctx, w.memo); err != nil {
			return err
		}
	}
	w.rec.Progress(run.Progress{Text: site.Name + " is " + w.word, Unit: "sites", Done: float64(len(w.memo.Commits)), Total: float64(w.of)})
	return w.rec.Note(ctx, site.Name+": "+res.words(w.word), nil)
}

// words are what was done to a site.
func (r result) words(word string) string {
	if r.itself {
		return "nothing to do: its pages follow the status page by the embedded script"
	}
	what := "the banner is " + word
	if !r.made {
		what = "the banner was " + word + " already"
	}
	if r.commit != "" {
		preposition := ", commit "
		if !r.made {
			preposition = ", at commit "
		}
		what += preposition + short(r.commit)
	}
	return what + ", " + r.where
}

func (w *work) note(ctx context.Context, site Site, cause error) error {
	text := fmt.Sprintf("%s: the banner could not be switched %s: %v", site.Name, w.word, cause)
	if err := w.rec.Note(context.WithoutCancel(ctx), text, nil); err != nil {
		return err
	}
	return cause
}

func (s *BannerStep) wanted() State {
	if s.on {
		return StateOn
	}
	return StateOff
}

func (s *BannerStep) word() string { return string(s.wanted()) }

// Changed is the banner on the record: on how many of the sites it is now, or is no more.
func Changed(b Banner, on bool, n, of int) maint.BannerChanged {
	e := maint.BannerChanged{On: on, Sites: n, Of: of, Text: b.Text}
	if !on {
		e.Text = "The notice is off our sites."
	}
	return e
}

func remember(rec run.Recorder) (memo, error) {
	var m memo
	_, err := rec.Memo(&m)
	if m.Commits == nil {
		m.Commits = map[string]string{}
	}
	if m.Pushed == nil {
		m.Pushed = map[string]time.Time{}
	}
	return m, err
}
