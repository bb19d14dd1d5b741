package httpd

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/lullhq/lull/internal/maint"
)

// site is another one than the status page, at another origin, with a policy of its own.
func site(t *testing.T, policy, html string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write([]byte(html))
	})
	mux.Handle("GET /clients/", http.StripPrefix("/clients", http.FileServer(http.Dir(filepath.Join(readers, "node_modules")))))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

const bar = `document.querySelector("[role=status]").shadowRoot.querySelector("div")`

// tomorrow is a world whose record plays around the present: the banner of a site asks the browser's clock.
func tomorrow(t *testing.T, in time.Duration) (*world, string) {
	now := time.Now().UTC().Truncate(time.Minute)
	w := newWorld(t, now)
	p := plan
	p.Title = `Upgrade <b onclick=alert(1)>ترقية</b>`
	p.Window = maint.Window{Start: now.Add(in).Format(maint.WallLayout), Zone: "Etc/UTC", Allow: 2 * time.Hour}
	w.say("pg17", now.Add(-time.Hour), p)
	w.server.refresh(t.Context())
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	return w, srv.URL
}

// A site includes one tag. Under a strict policy the banner comes, says when, moves nothing, and stays closed.
func TestBannerOnAnotherSite(t *testing.T) {
	ctx := browser(t)
	w, page := tomorrow(t, 3*time.Hour)
	strict := "default-src 'none'; script-src " + page + "; connect-src " + page + "; require-trusted-types-for 'script'"
	home := site(t, strict, `<!doctype html><html lang="de"><title>Shop</title><h1>Shop</h1><p>Words.<script src="`+page+`/banner.js" defer></script>`)
	must(t, call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"}))
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 700), chromedp.Navigate(home)))
	ask[bool](ctx, t, `window.shift = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) window.shift += e.value }).observe({type: "layout-shift", buffered: true}); true`)

	until(ctx, t, bar+`.hidden === false`)
	if got := ask[string](ctx, t, bar+`.querySelector("a").textContent`); got != "Scheduled: \u2068Upgrade <b onclick=alert(1)>ترقية</b>\u2069" {
		t.Errorf("the banner says %q", got)
	}
	if got := ask[string](ctx, t, bar+`.querySelector("a").href`); got != "https://status.example.com/maintenance/pg17" {
		t.Errorf("the banner leads to %s", got)
	}
	until(ctx, t, bar+`.querySelector("span").textContent.endsWith("· in 3 Stunden")`)
	if !ask[bool](ctx, t, `getComputedStyle(`+bar+`).backgroundColor === "rgb(36, 89, 179)" && getComputedStyle(document.querySelector("[role=status]")).position === "fixed"`) {
		t.Error("the banner has no style under the site's policy")
	}
	if ask[bool](ctx, t, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the banner is wider than a telephone")
	}
	if shift := ask[float64](ctx, t, `window.shift`); shift != 0 {
		t.Errorf("the site's layout shifted by %.3f", shift)
	}

	ask[bool](ctx, t, bar+`.querySelector("button").click(); true`)
	until(ctx, t, bar+`.hidden`)
	must(t, chromedp.Do(ctx, chromedp.Navigate(home)))
	until(ctx, t, bar)
	looked(ctx, t)
	if !ask[bool](ctx, t, bar+`.hidden`) {
		t.Error("a closed banner came again")
	}

	// The work begins: that is news.
	w.say("pg17", w.clock(), maint.Started{Text: "Begun."})
	w.server.refresh(t.Context())
	ask[bool](ctx, t, `document.dispatchEvent(new Event("visibilitychange")); true`)
	until(ctx, t, bar+`.hidden === false && `+bar+`.querySelector("a").textContent.startsWith("In progress: ")`)
	w.say("pg17", w.clock(), maint.Completed{Text: "Done."})
	w.server.refresh(t.Context())
	ask[bool](ctx, t, `document.dispatchEvent(new Event("visibilitychange")); true`)
	until(ctx, t, bar+`.hidden`)
}

// looked waits until the site's banner has read the notices once more.
func looked(ctx context.Context, t *testing.T) {
	t.Helper()
	ask[bool](ctx, t, `document.dispatchEvent(new Event("visibilitychange")); true`)
	until(ctx, t, `performance.getEntriesByType("resource").filter(e => e.name.endsWith("/banner.json") && e.responseEnd > 0).length >= 2`)
}

// What is far ahead is not shown yet, and a site says how far that is.
func TestBannerWaitsForItsTime(t *testing.T) {
	ctx := browser(t)
	_, page := tomorrow(t, 48*time.Hour)
	tag := func(lead string) string {
		return site(t, "", `<!doctype html><title>Shop</title><body><script src="`+page+`/banner.js" `+lead+` defer></script>`)
	}
	must(t, chromedp.Do(ctx, chromedp.Navigate(tag(""))))
	until(ctx, t, bar)
	looked(ctx, t)
	if !ask[bool](ctx, t, bar+`.hidden`) {
		t.Error("a maintenance in two days is shown")
	}
	must(t, chromedp.Do(ctx, chromedp.Navigate(tag(`data-lead="72" data-close="Fermer"`))))
	until(ctx, t, bar+`.hidden === false && `+bar+`.querySelector("button").ariaLabel === "Fermer"`)
}

// Statuspage's script is asked the way its users ask it, and two widgets of others run on it.
func TestForeignWidgets(t *testing.T) {
	ctx := browser(t)
	if _, err := os.Stat(filepath.Join(readers, "ready")); err != nil {
		t.Skip("the programs of others are not there (scripts/clients)")
	}
	page := served(t)
	home := site(t, "", `<!doctype html><title>Shop</title><body>
<script src="`+page+`/se-v2.js"></script>
<script src="/clients/statuspage-widget/dist/widget.js"></script>
<script src="/clients/@webcomponents/webcomponentsjs/webcomponents-bundle.js"></script>
<script src="/clients/@statuspage/status-widget/dist/index.js"></script>
<statuspage-widget src="`+page+`"></statuspage-widget>`)
	must(t, chromedp.Do(ctx, chromedp.Navigate(home)))
	ask[bool](ctx, t, `window.got = {}; window.sp = new StatusPage.page({page: "any"});
		sp.summary({success: d => got.summary = d.status.description});
		sp.components({success: d => got.components = d.components.length});
		sp.incidents({filter: "unresolved", success: d => got.incidents = d.incidents[0].name});
		sp.scheduledMaintenances({filter: "active", success: d => got.active = d.scheduled_maintenances[0].name});
		sp.scheduled_maintenances({success: d => got.all = d.scheduled_maintenances.length});
		new StatusPageWidget("any"); true`)
	until(ctx, t, `got.summary === "Minor Service Outage" && got.components === 3 && got.incidents === "Mail is late" && got.active === "Database upgrade" && got.all === 5`)
	until(ctx, t, `document.querySelector(".status-page-link.status-page-indicator-minor")?.textContent.startsWith("Minor Service Outage")`)
	until(ctx, t, `document.querySelector("statuspage-widget").shadowRoot?.textContent.includes("Minor Service Outage")`)
}

// A script that cannot reach the page says so to whoever asked.
func TestScriptTellsErrors(t *testing.T) {
	ctx := browser(t)
	page := served(t)
	home := site(t, "connect-src 'none'", `<!doctype html><title>Shop</title><script src="`+page+`/se-v2.js"></script>`)
	must(t, chromedp.Do(ctx, chromedp.Navigate(home)))
	ask[bool](ctx, t, `new StatusPage.page({page: "any"}).status({success: () => window.said = "success", error: e => window.said = e.name}); true`)
	until(ctx, t, `window.said === "TypeError"`)
}
