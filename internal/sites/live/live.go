// Package live looks at a site the way its public does: it fetches every page of the sitemap and says on how many the
// banner is, or is gone. It is bounded in pages, bytes and requests a second, and stays on the site's own host.
//
// It must not know how the banner got there. The client that it is given decides which addresses may be reached.
package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// The bounds of one site.
const (
	mostPages = 5000
	atOnce    = 4
	perSecond = 20
	shownBad  = 5 // pages that are named in a result
)

// Checker looks at sites.
type Checker struct{ Client *http.Client }

// Target is a site.
type Target struct {
	URL     string
	Sitemap string // "" = it is looked for: sitemap.xml, then what robots.txt names
	Script  string // of a site with the embed script: its address, which the pages must load
}

// Want is what each page shall show, or not show any more.
type Want struct {
	On    bool
	ID    string
	Texts []string // the banner's text in every language; one of them is enough
}

// Result is what was seen.
type Result struct {
	Pages int // that were looked at
	Right int // of them
	Wrong []Page
	Cut   bool      // the sitemap names more pages than are looked at
	From  time.Time // the banner is on pages and hidden until then; zero = it is to be seen
}

// Page is one that is not as wanted, or could not be looked at.
type Page struct {
	URL string
	Why string
}

// All says that every page is as wanted.
func (r Result) All() bool { return r.Pages > 0 && r.Right == r.Pages }

// Waited is a result and when all pages were as wanted; zero when they were not in time.
type Waited struct {
	Result
	At time.Time
}

// Between two looks there is at least shortest, and longer with every look.
const (
	shortest = 500 * time.Millisecond
	longest  = 15 * time.Second
)

// Wait looks until every page is as wanted, or the time is over; when it is over already, at every page once. The front page is asked first, and the others when it
// is right; pages that were right are not asked again.
func (c *Checker) Wait(ctx context.Context, t Target, w Want, until time.Time) (Waited, error) {
	var v *visit
	var err error
	for gap := shortest; ; gap = min(gap*3/2, longest) {
		if v == nil {
			v, err = c.visit(ctx, t)
		}
		if err == nil {
			v.round(ctx, w)
			if r := v.result(); r.All() {
				return Waited{r, time.Now()}, nil
			}
		}
		if ctx.Err() != nil {
			return Waited{}, context.Cause(ctx)
		}
		if left := time.Until(until); left <= 0 {
			if v == nil {
				return Waited{}, err
			}
			return last(ctx, v, w)
		} else if left < gap {
			gap = left
		}
		select {
		case <-ctx.Done():
			return Waited{}, context.Cause(ctx)
		case <-time.After(gap):
		}
	}
}

// last looks once at every page that is not right yet: behind a front page that was not they have not been asked.
func last(ctx context.Context, v *visit, w Want) (out Waited, err error) {
	v.look(ctx, w, v.left())
	out.Result = v.result()
	if out.All() {
		out.At = time.Now()
	}
	return out, context.Cause(ctx)
}

// visit is the pages of a site, and what was seen of each.
type visit struct {
	fetch fetcher
	t     Target
	pages []string // the front page first
	cut   bool

	mu    sync.Mutex
	wrong map[string]string // why, of each page that is not right yet
	from  time.Time
}

func (c *Checker) visit(ctx context.Context, t Target) (*visit, error) {
	base, err := url.Parse(t.URL)
	if err != nil || base.Host == "" {
		return nil, errors.New("the site's address cannot be read")
	}
	v := &visit{t: t, fetch: fetcher{client: c.Client, host: base.Host, limit: rate.NewLimiter(perSecond, atOnce)}, wrong: map[string]string{}}
	if v.pages, err = v.fetch.sitemap(ctx, base, t.Sitemap); err != nil {
		return nil, err
	}
	if base.Path == "" {
		base.Path = "/"
	}
	front := base.String()
	v.pages = slices.DeleteFunc(v.pages, func(p string) bool { return p == front })
	v.pages = append([]string{front}, v.pages...)
	if len(v.pages) > mostPages {
		v.pages, v.cut = v.pages[:mostPages], true
	}
	for _, p := range v.pages {
		v.wrong[p] = "it was not looked at"
	}
	return v, nil
}

// round looks at what is not right yet, at the front page before all others.
func (v *visit) round(ctx context.Context, w Want) {
	left := v.left()
	if len(left) == 0 {
		return
	}
	v.look(ctx, w, left[:1])
	if _, still := v.wrong[left[0]]; !still {
		v.look(ctx, w, left[1:])
	}
}

func (v *visit) left() (out []string) {
	for _, p := range v.pages {
		if _, wrong := v.wrong[p]; wrong {
			out = append(out, p)
		}
	}
	return out
}

func (v *visit) look(ctx context.Context, w Want, pages []string) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, p := range pages {
		g.Go(func() error {
			why := v.lookAt(ctx, w, p)
			v.mu.Lock()
			defer v.mu.Unlock()
			if v.wrong[p] = why; why == "" {
				delete(v.wrong, p)
			}
			return nil
		})
	}
	_ = g.Wait() // each page has its own reason
}

// lookAt says what is wrong with a page, or "".
func (v *visit) lookAt(ctx context.Context, w Want, address string) string {
	body, err := v.fetch.get(ctx, address, mostPage)
	if err != nil {
		return err.Error()
	}
	p := parsePage(body)
	if v.t.Script != "" {
		if w.On && !p.loads(v.t.Script) {
			return "it does not load " + v.t.Script
		}
		return ""
	}
	shown := p.shows(w)
	starts, marked := p.marked(w.ID)
	switch {
	case w.On && !shown:
		return "the banner is not on it"
	case !w.On && (shown || marked):
		return "the banner is still on it"
	case w.On && starts.After(time.Now()):
		v.mu.Lock()
		defer v.mu.Unlock()
		v.from = starts
	}
	return ""
}

func (v *visit) result() Result {
	left := v.left()
	r := Result{Pages: len(v.pages), Right: len(v.pages) - len(left), Cut: v.cut, From: v.from}
	for _, p := range left[:min(len(left), shownBad)] {
		r.Wrong = append(r.Wrong, Page{p, v.wrong[p]})
	}
	return r
}

// Sum is what was seen of all sites together.
type Sum struct {
	Sites, Of      int // all of whose pages are as wanted, of how many
	Pages, OfPages int
	Slowest        time.Duration // from push to live, of the sites for which it is known; 0 = of none
	Names          []string      // of sites that are not as wanted
	Cut            bool
	From           time.Time // it is hidden until then
}

// Add counts a site.
func (s *Sum) Add(name string, r Result, after time.Duration) {
	s.Of++
	s.Pages, s.OfPages = s.Pages+r.Right, s.OfPages+r.Pages
	s.Cut = s.Cut || r.Cut
	if r.From.After(s.From) {
		s.From = r.From
	}
	if !r.All() {
		s.Names = append(s.Names, name)
		return
	}
	s.Sites++
	s.Slowest = max(s.Slowest, after)
}

// Text is the fact as a sentence: "live on 4 of 4 sites, 213 of 213 pages, 41 s after the push".
func (s Sum) Text(on bool) string {
	word := "gone from"
	if on {
		word = "live on"
	}
	text := fmt.Sprintf("%s %d of %s, %d of %s", word, s.Sites, several(s.Of, "site"), s.Pages, several(s.OfPages, "page"))
	if s.Slowest > 0 && s.Sites == s.Of {
		text += ", " + length(s.Slowest) + " after the push"
	}
	if s.Cut {
		text += fmt.Sprintf(" (the first %d of each site)", mostPages)
	}
	if !s.From.IsZero() {
		text += ", to be seen from " + s.From.UTC().Format("2 January 2006, 15:04 UTC")
	}
	if len(s.Names) > 0 {
		slices.Sort(s.Names)
		text += "; not all of " + strings.Join(s.Names, ", ")
	}
	return text
}

func several(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

func length(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return cmp.Or(strings.TrimSuffix(d.Round(time.Second).String(), "0s"), "0s")
}
