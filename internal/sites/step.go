package sites

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// atOnce bounds how many repositories are worked on side by side.
const atOnce = 8

// BannerStep switches the banner on, or off, at all sites. One that cannot be switched does
// not keep the others from it.
//
// Done means that every site says so and that the timeline has it. Before the latter, a step
// whose sites are as wanted counts as begun: a banner that nobody recorded was not announced.
type BannerStep struct {
	name   string
	sites  []Site
	banner Banner
	on     bool
}

var _ run.Step = (*BannerStep)(nil)

// NewBannerStep makes the step. The banner is the one that is on in between, also for the step that takes it off.
func NewBannerStep(name string, sites []Site, banner Banner, on bool) *BannerStep {
	return &BannerStep{name: name, sites: slices.Clone(sites), banner: banner, on: on}
}

// memo is what the step keeps.
type memo struct {
	Commits map[string]string `json:"commits"` // site to commit
	Said    bool              `json:"said"`    // the timeline has it
}

// Name implements run.Step.
func (s *BannerStep) Name() string { return s.name }

// Observe implements run.Step. A site that cannot be looked at is taken as not switched: Apply says why.
func (s *BannerStep) Observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	m, err := remember(rec)
	if err != nil {
		return run.Observation{}, err
	}
	found := make([]look, len(s.sites))
	s.each(func(i int, site Site) error {
		found[i] = s.look(ctx, site)
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

func (s *BannerStep) look(ctx context.Context, site Site) look {
	r, err := open(ctx, site)
	if err != nil {
		return look{said: fmt.Sprintf("%s cannot be looked at: %v", site.Name, err)}
	}
	f, err := r.observe(ctx, s.banner)
	if err != nil {
		return look{said: fmt.Sprintf("%s cannot be looked at: %v", site.Name, err)}
	}
	l := look{right: f.State == s.wanted(), said: fmt.Sprintf("%s %s at %s of %s", site.Name, f.State, short(f.Commit), f.Place)}
	if !l.right && s.on {
		l.begun, err = r.begun(ctx, switchOn(s.banner))
	}
	if err != nil {
		l.said += fmt.Sprintf(" (%v)", err)
	}
	return l
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
	if err := s.banner.Check(); s.on && err != nil {
		return err
	}
	m, err := remember(rec)
	if err != nil {
		return err
	}
	c := switchOff()
	if s.on {
		c = switchOn(s.banner)
	}
	w := &work{rec: rec, word: s.word(), memo: m, of: len(s.sites)}
	if err := s.failed(s.each(func(_ int, site Site) error { return w.bring(ctx, site, c) })); err != nil {
		return err
	}
	if len(s.sites) > 0 {
		if err := rec.Say(ctx, "banner/"+s.name, s.event(s.on, len(s.sites))); err != nil {
			return err
		}
	}
	m.Said = true
	return rec.Keep(ctx, m)
}

// Undo implements run.Step: a banner that was switched on is switched off, at the sites that
// have it from this step. To switch it off needs no undoing: nobody wants it back.
func (s *BannerStep) Undo(ctx context.Context, rec run.Recorder) error {
	m, err := remember(rec)
	if err != nil || !s.on {
		return err
	}
	w := &work{rec: rec, word: "off", memo: memo{Commits: map[string]string{}}, of: len(s.sites), undo: true}
	err = s.failed(s.each(func(_ int, site Site) error {
		r, err := open(ctx, site)
		if err != nil {
			return err
		}
		if err := r.dropBegun(ctx, switchOn(s.banner)); err != nil {
			return err
		}
		f, err := r.observe(ctx, s.banner)
		if _, ours := m.Commits[site.Name]; err != nil || !ours && f.State != StateOn {
			return err
		}
		return w.bring(ctx, site, switchOff())
	}))
	if off := w.memo.Commits; err == nil && len(off) > 0 {
		err = rec.Say(ctx, "banner/"+s.name+"/undone", s.event(false, len(off)))
	}
	return err
}

// work is what the sites of one Apply or Undo share.
type work struct {
	rec  run.Recorder
	word string
	of   int
	undo bool

	mu   sync.Mutex
	memo memo
}

func (w *work) bring(ctx context.Context, site Site, c change) error {
	r, err := open(ctx, site)
	if err != nil {
		return w.note(ctx, site, err)
	}
	res, err := r.bring(ctx, c)
	if err != nil {
		return w.note(ctx, site, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.memo.Commits[site.Name]; !known || res.made {
		w.memo.Commits[site.Name] = res.commit
	}
	if !w.undo {
		if err := w.rec.Keep(ctx, w.memo); err != nil {
			return err
		}
	}
	w.rec.Progress(run.Progress{Text: site.Name + " is " + w.word, Unit: "sites", Done: float64(len(w.memo.Commits)), Total: float64(w.of)})
	return w.rec.Note(ctx, w.outcome(site, r, res), nil)
}

func (w *work) outcome(site Site, r *repo, res result) string {
	what := fmt.Sprintf("%s: the banner is %s, commit %s", site.Name, w.word, short(res.commit))
	if !res.made {
		what = fmt.Sprintf("%s: the banner was %s already, at commit %s", site.Name, w.word, short(res.commit))
	}
	if r.pushes() {
		return what + ", pushed to " + r.place()
	}
	return what + ", not pushed"
}

func (w *work) note(ctx context.Context, site Site, cause error) error {
	text := fmt.Sprintf("%s: the banner could not be switched %s: %v", site.Name, w.word, cause)
	if err := w.rec.Note(context.WithoutCancel(ctx), text, nil); err != nil {
		return err
	}
	return cause
}

// each runs do for every site, side by side, but one after the other in one repository. It
// gives the errors in the order of the sites.
func (s *BannerStep) each(do func(int, Site) error) []error {
	errs := make([]error, len(s.sites))
	shared := map[string][]int{}
	for i, site := range s.sites {
		dir, err := filepath.EvalSymlinks(site.Repository)
		if err != nil {
			dir = site.Repository
		}
		shared[dir] = append(shared[dir], i)
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, members := range shared {
		g.Go(func() error {
			for _, i := range members {
				errs[i] = do(i, s.sites[i])
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return errs
}

// failed names every site that is not as wanted.
func (s *BannerStep) failed(errs []error) error {
	var all error
	n := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if err = fmt.Errorf("%s: %w", s.sites[i].Name, err); n > 0 {
			err = fmt.Errorf("%w; %w", all, err)
		}
		all, n = err, n+1
	}
	if all == nil {
		return nil
	}
	all = fmt.Errorf("the banner could not be switched at %d of %d sites: %w", n, len(errs), all)
	if hint.Of(all) == "" {
		all = hint.Wrap(all, "see why, then type the same command again: sites that are done are left alone")
	}
	return all
}

func (s *BannerStep) wanted() State {
	if s.on {
		return StateOn
	}
	return StateOff
}

func (s *BannerStep) word() string { return string(s.wanted()) }

func (s *BannerStep) event(on bool, n int) maint.BannerChanged {
	e := maint.BannerChanged{On: on, Sites: n, Of: len(s.sites), Text: s.banner.Text}
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
	return m, err
}
