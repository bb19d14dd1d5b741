package live

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const text = `Database upgrade: 5 December 2026, 17:00 to 19:00 NZDT <"&'>`

// site has a front page, one that is named by an index of sitemaps, packed, and one behind a redirect.
func site(t *testing.T, shown func(path string) string) (Target, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "User-agent: *\nSitemap: %s/map.xml\n", srv.URL)
	})
	mux.HandleFunc("/map.xml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>%s/pages.xml.gz</loc></sitemap></sitemapindex>`, srv.URL)
	})
	mux.HandleFunc("/pages.xml.gz", func(w http.ResponseWriter, _ *http.Request) {
		z := gzip.NewWriter(w)
		fmt.Fprint(z, `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://elsewhere.example/</loc></url>`)
		for _, p := range []string{"/", "/about", "/old#part", "/about"} {
			fmt.Fprintf(z, "<url><loc> %s%s </loc></url>", srv.URL, p)
		}
		fmt.Fprint(z, "</urlset>")
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", http.StatusFound) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/", "/about", "/new":
			asked.Add(1)
			fmt.Fprintf(w, "<!doctype html><title>x</title><body>%s<main>Hello</main>", shown(r.URL.Path))
		default:
			http.NotFound(w, r)
		}
	})
	return Target{URL: srv.URL + "/"}, &asked
}

const banner = `<aside data-lull-banner="pg17"><a href="/x">Database <b>upgrade</b>:
	5 December 2026, 17:00 to 19:00 NZDT &lt;&quot;&amp;&#39;&gt;</a></aside>`

var want = Want{On: true, ID: "pg17", Texts: []string{text}}

// once looks at every page once.
func once(t *testing.T, client *http.Client, target Target, w Want) (Result, error) {
	t.Helper()
	got, err := (&Checker{Client: client}).Wait(t.Context(), target, w, time.Now())
	return got.Result, err
}

func TestLook(t *testing.T) {
	t.Parallel()
	gone := Want{ID: "pg17", Texts: []string{text}}
	for name, c := range map[string]struct {
		shown func(string) string
		want  Want
		right int
		why   string
	}{
		"live":         {func(string) string { return banner }, want, 3, ""},
		"on one":       {func(p string) string { return map[string]string{"/": banner}[p] }, want, 1, "the banner is not on it"},
		"in a script":  {func(string) string { return "<script>'" + text + "'</script><!-- " + banner + " -->" }, want, 0, "the banner is not on it"},
		"gone":         {func(string) string { return "" }, gone, 3, ""},
		"not gone":     {func(p string) string { return map[string]string{"/new": banner}[p] }, gone, 2, "the banner is still on it"},
		"empty, by id": {func(string) string { return `<aside data-lull-banner="pg17"></aside>` }, gone, 0, "the banner is still on it"},
		"another":      {func(string) string { return `<aside data-lull-banner="other">Buy now</aside>` }, gone, 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, _ := site(t, c.shown)
			r, err := once(t, http.DefaultClient, target, c.want)
			if err != nil || r.Pages != 3 || r.Right != c.right {
				t.Fatalf("%+v, %v", r, err)
			}
			for _, p := range r.Wrong {
				if p.Why != c.why {
					t.Errorf("%s: %s", p.URL, p.Why)
				}
			}
		})
	}
}

// The pages turn one after the other; those that were right are not asked again, and the time is that of the last.
func TestWait(t *testing.T) {
	t.Parallel()
	var round atomic.Int64
	target, asked := site(t, func(p string) string {
		n := round.Add(1)
		if p == "/" && n > 1 || p != "/" && n > 5 {
			return banner
		}
		return ""
	})
	w, err := (&Checker{Client: http.DefaultClient}).Wait(t.Context(), target, want, time.Now().Add(3*time.Minute))
	if err != nil || !w.All() || w.At.IsZero() {
		t.Fatalf("%+v, %v", w, err)
	}
	if n := asked.Load(); n != round.Load() || n < 6 || n > 8 {
		t.Errorf("%d pages were asked for", n)
	}
	most, _ := site(t, func(p string) string { // all but the front page, which is asked first
		return map[bool]string{true: banner}[p != "/"]
	})
	w, err = (&Checker{Client: http.DefaultClient}).Wait(t.Context(), most, want, time.Now())
	if err != nil || w.Right != 2 || len(w.Wrong) != 1 || w.Wrong[0].Why != "the banner is not on it" {
		t.Errorf("%+v, %v", w, err)
	}
	never, _ := site(t, func(string) string { return "" })
	w, err = (&Checker{Client: http.DefaultClient}).Wait(t.Context(), never, want, time.Now())
	if err != nil || w.Right != 0 || !w.At.IsZero() || len(w.Wrong) == 0 {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestSitesThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"no XML": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }, "it is no XML"},
		"HTML":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html></html>") }, "it begins with <html>"},
		"other hosts": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<urlset><url><loc>https://other.example/</loc></url></urlset>")
		}, "pages of other.example alone"},
		"broken": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "500"},
		"leads away": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example/", http.StatusFound)
		}, "leads to another host"},
		"leads around": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "from one address to the next"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(c.answer))
			defer srv.Close()
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			_, err := once(t, client, Target{URL: srv.URL}, want)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestSnippet(t *testing.T) {
	t.Parallel()
	target, _ := site(t, func(p string) string {
		if p == "/new" {
			return ""
		}
		return `<script src="https://status.example.com/banner.js?v=1" defer></script>`
	})
	target.Script = "https://status.example.com/banner.js"
	r, err := once(t, http.DefaultClient, target, want)
	if err != nil || r.Right != 2 || !strings.Contains(r.Wrong[0].Why, "does not load") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestSum(t *testing.T) {
	t.Parallel()
	var s Sum
	s.Add("www", Result{Pages: 200, Right: 200}, 41*time.Second)
	s.Add("docs", Result{Pages: 13, Right: 13}, 3*time.Second)
	if got := s.Text(true); got != "live on 2 of 2 sites, 213 of 213 pages, 41 s after the push" {
		t.Error(got)
	}
	s.Add("blog", Result{Pages: 2, Right: 1}, 0)
	if got := s.Text(false); got != "gone from 2 of 3 sites, 214 of 215 pages; not all of blog" {
		t.Error(got)
	}
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(banner))
	f.Add([]byte("<script>a</script><title>b</title><p data-lull-banner='x'>&lt;"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := parsePage(body)
		if strings.Contains(p.text, "  ") {
			t.Errorf("%q", p.text)
		}
	})
}

func FuzzSitemap(f *testing.F) {
	f.Add([]byte("<urlset><url><loc>https://a/</loc></url></urlset>"))
	f.Add([]byte("<sitemapindex><sitemap><loc>x</loc></sitemap></sitemapindex>"))
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, locs, err := parseSitemap(data); err != nil && len(locs) > 0 {
			t.Error(locs, err)
		}
	})
}

// A banner that is on the pages ahead of its time is not called seen.
func TestABannerAheadOfItsTime(t *testing.T) {
	t.Parallel()
	from := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	for name, c := range map[string]struct {
		starts string
		want   time.Time
	}{"ahead": {from.Format(time.RFC3339), from}, "begun": {"2020-01-01T00:00:00Z", time.Time{}}, "at once": {"", time.Time{}}, "nonsense": {"soon", time.Time{}}} {
		target, _ := site(t, func(string) string {
			return strings.Replace(banner, `="pg17"`, `="pg17" data-starts="`+c.starts+`"`, 1)
		})
		got, err := once(t, http.DefaultClient, target, want)
		if err != nil || !got.All() || !got.From.Equal(c.want) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		var s Sum
		s.Add("www", got, 0)
		if text := s.Text(true); strings.Contains(text, "to be seen from "+c.want.Format("2 January 2006, 15:04 UTC")) == c.want.IsZero() {
			t.Errorf("%s: %s", name, text)
		}
	}
}
