package sites

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/sites/live"
)

// Outcome is what came of one site.
type Outcome struct {
	Site    Site
	Finding Finding   // of a look
	Made    bool      // there was something to do
	Words   string    // for a person
	Pushed  time.Time // when it was published, zero = nothing was to be done
	Err     error
}

// Publish switches the banner on or off at all sites at once. The error names those that failed; the others are done.
func Publish(ctx context.Context, all []Site, b Banner, on bool, told func(Outcome)) ([]Outcome, error) {
	if err := Check(b); on && err != nil {
		return nil, err
	}
	word := string(StateOff)
	if on {
		word = string(StateOn)
	}
	var mu sync.Mutex
	return side(all, func(f *fleet, site Site) (o Outcome) {
		o.Site = site
		o.Err = f.with(ctx, site, func(c carrier) error {
			res, err := c.put(ctx, b, on)
			if err == nil {
				o.Made, o.Words = res.made, res.words(word)
			}
			return err
		})
		if o.Made {
			o.Pushed = time.Now().UTC()
		}
		if told != nil {
			mu.Lock()
			defer mu.Unlock()
			told(o)
		}
		return o
	})
}

// Look says what each site's published version says. A site that cannot be looked at has an error of its own.
func Look(ctx context.Context, all []Site, b Banner) []Outcome {
	out, _ := side(all, func(f *fleet, site Site) (o Outcome) {
		o.Site = site
		o.Err = f.with(ctx, site, func(c carrier) (err error) {
			o.Finding, err = c.look(ctx, b)
			return err
		})
		return o
	})
	return out
}

func side(all []Site, do func(*fleet, Site) Outcome) ([]Outcome, error) {
	f := newFleet(all)
	defer f.close()
	out := make([]Outcome, len(all))
	errs := f.each(func(i int, site Site) error {
		out[i] = do(f, site)
		return out[i].Err
	})
	return out, f.failed(errs)
}

// Verified is what the public sees of all sites.
type Verified struct {
	live.Sum
	On    bool
	Sites []VerifiedSite
}

// VerifiedSite is one of them.
type VerifiedSite struct {
	Name string
	live.Result
	After time.Duration // from push to live, 0 = not known
	Err   error
}

// Verify looks at every page of the sites, side by side, and waits for those that are not as wanted, each as long as
// its LiveWithin after its push, or after now. A site that cannot be looked at counts as one that is not as wanted.
func Verify(ctx context.Context, c *live.Checker, all []Site, b Banner, on bool, pushed map[string]time.Time) Verified {
	v := Verified{On: on, Sites: make([]VerifiedSite, len(all))}
	want := live.Want{On: on, ID: b.ID, Texts: []string{b.Text}}
	for _, text := range b.Texts {
		want.Texts = append(want.Texts, text)
	}
	begun := time.Now()
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, site := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v.Sites[i] = verifyOne(ctx, c, site, want, begun, pushed)
		})
	}
	wg.Wait()
	for _, s := range v.Sites {
		v.Add(s.Name, s.Result, s.After)
	}
	return v
}

func verifyOne(ctx context.Context, c *live.Checker, site Site, want live.Want, begun time.Time, pushed map[string]time.Time) VerifiedSite {
	out := VerifiedSite{Name: site.Name}
	if site.URL == "" {
		out.Err = hint.Errorf("give the site a `url`", "nobody knows where the public sees it")
		return out
	}
	since, known := pushed[site.Name]
	if !known {
		since = begun
	}
	t := live.Target{URL: site.URL, Sitemap: site.Sitemap, Script: site.Script}
	w, err := c.Wait(ctx, t, want, since.Add(site.LiveWithin))
	out.Result, out.Err = w.Result, err
	if known && !w.At.IsZero() {
		out.After = max(w.At.Sub(since), time.Millisecond)
	}
	return out
}

// Fact is what goes on record.
func (v Verified) Fact() string { return "The banner is " + v.Text(v.On) + "." }

// Figures are its numbers.
func (v Verified) Figures() maint.Figures {
	prefix := "banner_gone_"
	if v.On {
		prefix = "banner_live_"
	}
	f := maint.Figures{prefix + "sites": float64(v.Sum.Sites), prefix + "sites_of": float64(v.Of), prefix + "pages": float64(v.Pages), prefix + "pages_of": float64(v.OfPages)}
	if v.Slowest > 0 && v.Sum.Sites == v.Of {
		f[prefix+"after_s"] = v.Slowest.Seconds()
	}
	return f
}

// Problems are what to tell of sites that are not as wanted.
func (v Verified) Problems() error {
	var all []error
	for _, s := range v.Sites {
		if s.Err != nil {
			all = append(all, s.Err)
		}
	}
	return errors.Join(all...)
}

// All says that every page of every site is as wanted.
func (v Verified) All() bool {
	return !slices.ContainsFunc(v.Sites, func(s VerifiedSite) bool { return !s.All() })
}
