package httpd

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lullhq/lull/internal/maint"
)

// mostWidget is how large the widget may be on the wire, whoever packs it.
const mostWidget = 15 << 10

func TestWidgetIsSmall(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	for _, path := range []string{"/widget.js", "/widget.mjs"} {
		for _, coding := range []string{"gzip", "br"} {
			n := get(t, w, path, "Accept-Encoding", coding).Body.Len()
			if n == 0 || n >= mostWidget {
				t.Errorf("%s by %s has %d bytes, want fewer than %d", path, coding, n, mostWidget)
			}
			t.Logf("%s by %s: %d bytes", path, coding, n)
		}
	}
}

// The script and the module are the same, but for how they begin and end.
func TestWidgetHasOneSource(t *testing.T) {
	t.Parallel()
	w := eventful(t)
	script, module := get(t, w, "/widget.js").Body.String(), get(t, w, "/widget.mjs", "Accept-Encoding", "br").Body
	plain, err := io.ReadAll(brotli.NewReader(module))
	must(t, err)
	_, script, _ = strings.Cut(script, "const languages")
	_, rest, found := strings.Cut(string(plain), "const languages")
	if body := rest[:len(rest)-len("export default lull\n")]; !found || len(script) < len(body) || script[:len(body)] != body {
		t.Error("the module is not the script")
	}
}

const (
	widget    = `[...document.body.children].at(-1).shadowRoot`
	widgetBar = widget + `.querySelector(".bar")`
	dialog    = widget + `.querySelector("dialog")`
)

// product is a page of another origin with a strict policy that has the widget.
func product(t *testing.T, page, html, body string) string {
	t.Helper()
	strict := "default-src 'none'; script-src " + page + "; connect-src " + page + "; require-trusted-types-for 'script'"
	return site(t, strict, `<!doctype html>`+html+`<title>Shop</title><main><h1>Shop</h1>
<p><button data-lull-open>News <span data-lull-badge hidden></span></button> <a href="#x">Next</a></p>`+body+`</main>
<script src="`+page+`/widget.js" data-lead="24" defer></script>`)
}

func posted(w *world, when time.Time) {
	w.say(maint.ChangeID("drafts"), when.AddDate(0, 0, -2), maint.ChangePosted{Title: "Drafts are kept", Text: "Nothing to do: **it is on** for everybody.", Labels: []string{"editor"}})
	w.say(maint.ChangeID("pg"), when.AddDate(0, 0, -1), maint.ChangePosted{Title: "PostgreSQL 17 <img src=x onerror=alert(1)>", Text: "Pages open *faster*, see [why](https://example.com/blog).\n\n- `one`\n- two <script>alert(1)</script>\n", Labels: []string{"faster", "new"}})
}

// A reader without a name, under a strict policy: before, during, live progress, after; and what was closed stays closed.
func TestWidgetForAnyone(t *testing.T) {
	ctx := browser(t)
	w, page := tomorrow(t, 3*time.Hour)
	t.Cleanup(w.server.hub.close)
	posted(w, w.clock())
	w.look()
	home := product(t, page, `<html lang="de">`, "")
	must(t, call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"}))
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 700), chromedp.Navigate(home)))
	until(ctx, t, widgetBar+`?.hidden === false`)
	if got := ask[string](ctx, t, widgetBar+`.querySelector("a").textContent`); got != "Geplant: \u2068Upgrade <b onclick=alert(1)>ترقية</b>\u2069" {
		t.Errorf("the bar says %q", got)
	}
	if got := ask[string](ctx, t, widget+`.querySelector("[role=status]").textContent`); got != "Geplant: \u2068Upgrade <b onclick=alert(1)>ترقية</b>\u2069" {
		t.Errorf("read out is %q", got)
	}
	if !ask[bool](ctx, t, `getComputedStyle(`+widgetBar+`).position === "fixed" && getComputedStyle(`+widgetBar+`).backgroundColor === "rgb(36, 89, 179)"`) {
		t.Error("the bar has no style under the site's policy")
	}
	if ask[bool](ctx, t, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page became wider than a telephone")
	}
	if got := ask[string](ctx, t, `document.querySelector("[data-lull-badge]").textContent`); got != "2" {
		t.Errorf("the badge says %q", got)
	}

	w.say("pg17", w.clock(), maint.Started{Text: "Begun."})
	w.work("pg17", "Copying", 0.424, w.clock())
	w.look()
	until(ctx, t, widgetBar+`.querySelector("progress")?.value === 42 && `+widgetBar+`.querySelector("a").textContent.startsWith("Läuft: ")`)
	w.work("pg17", "Copying the rest", 0.87, w.clock())
	w.look()
	until(ctx, t, widgetBar+`.querySelector("progress").value === 87 && `+widgetBar+`.textContent.includes("Copying the rest")`)
	w.say("pg17", w.clock(), maint.Completed{Text: "Done."})
	w.look()
	until(ctx, t, widgetBar+`.className === "bar good" && `+widgetBar+`.querySelector("a").textContent.startsWith("Abgeschlossen: ")`)

	ask[bool](ctx, t, widgetBar+`.querySelector("button").click(); true`)
	until(ctx, t, widgetBar+`.hidden`)
	must(t, chromedp.Do(ctx, chromedp.Navigate(home)))
	until(ctx, t, `Lull.unread === 2`)
	if !ask[bool](ctx, t, widgetBar+`.hidden`) {
		t.Error("a closed message came again")
	}
	// Somebody who saw nothing of it before is not told that it is over.
	ask[bool](ctx, t, `localStorage.clear(); true`)
	must(t, chromedp.Do(ctx, chromedp.Navigate(home)))
	until(ctx, t, `Lull.unread === 2`)
	if !ask[bool](ctx, t, widgetBar+`.hidden`) {
		t.Error("who was told nothing before is told that it is over")
	}
}

// The panel goes by the keyboard alone: it is opened, read, filtered and left, and the focus is back where it was.
func TestWidgetPanel(t *testing.T) {
	ctx := browser(t)
	w, page := tomorrow(t, 48*time.Hour)
	t.Cleanup(w.server.hub.close)
	posted(w, w.clock())
	w.look()
	home := product(t, page, `<html lang="en">`, "")
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 700), chromedp.Navigate(home)))
	until(ctx, t, `window.Lull?.unread === 2`)
	press := func(key string) { t.Helper(); must(t, chromedp.Do(ctx, chromedp.KeyEvent(key))) }
	press(kb.Tab)
	press(kb.Enter)
	until(ctx, t, dialog+`.open && `+widget+`.activeElement.tagName === "H2"`)
	if got := ask[string](ctx, t, dialog+`.querySelector("article").innerHTML`); got == "" || ask[bool](ctx, t, `!!`+dialog+`.querySelector("img, script, [style]")`) {
		t.Errorf("the first post is %s", got)
	}
	if !ask[bool](ctx, t, dialog+`.querySelector("article em").textContent === "faster" && `+dialog+`.querySelector("article li code").textContent === "one" && [...`+dialog+`.querySelectorAll("article a")].some(a => a.href === "https://example.com/blog" && a.rel === "noopener")`) {
		t.Error("the markup of a post is not there")
	}
	until(ctx, t, `document.querySelector("[data-lull-badge]").hidden && Lull.unread === 0`)
	press(kb.Tab) // close
	press(kb.Tab) // all
	press(kb.Tab) // faster
	press(kb.Enter)
	until(ctx, t, dialog+`.querySelectorAll("article").length === 1 && `+widget+`.activeElement.textContent === "faster" && `+widget+`.activeElement.ariaPressed === "true"`)
	press(kb.Escape)
	until(ctx, t, `!`+dialog+`.open && document.activeElement.matches("[data-lull-open]")`)
	must(t, chromedp.Do(ctx, chromedp.Navigate(home)))
	until(ctx, t, `window.Lull?.unread === 0 && document.querySelector("[data-lull-badge]").hidden`)
}

// As a module, in a page that is written from right to left, with a button of the widget's own.
func TestWidgetAsModule(t *testing.T) {
	ctx := browser(t)
	w, page := tomorrow(t, 3*time.Hour)
	t.Cleanup(w.server.hub.close)
	posted(w, w.clock())
	w.look()
	home := site(t, "", `<!doctype html><html lang="ar" dir="rtl"><title>Shop</title><body><script type="module">
import lull from "`+page+`/widget.mjs"
window.seen = []
lull.on("unread", n => seen.push(n)).start({launcher: true, language: "ja"})
</script>`)
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 700), chromedp.Navigate(home)))
	until(ctx, t, `window.seen?.[0] === 2 && `+widgetBar+`.hidden === false && `+widgetBar+`.textContent.includes("予定")`)
	if !ask[bool](ctx, t, widget+`.querySelector(".launch").getBoundingClientRect().left < 100 && `+widgetBar+`.querySelector(".x").getBoundingClientRect().left < 100`) {
		t.Error("from right to left, what stands at the end is not on the left")
	}
	ask[bool](ctx, t, widget+`.querySelector(".launch").click(); true`)
	until(ctx, t, dialog+`.open && `+dialog+`.getBoundingClientRect().left === 0`)
}

// TestWidgetIsAccessible has axe-core judge the bar and the open panel, light and dark.
func TestWidgetIsAccessible(t *testing.T) {
	engine, err := os.ReadFile(axe)
	if err != nil {
		t.Skip("axe-core is not there (scripts/clients)")
	}
	ctx := browser(t)
	w, page := tomorrow(t, 3*time.Hour)
	t.Cleanup(w.server.hub.close)
	posted(w, w.clock())
	w.look()
	home := site(t, "", `<!doctype html><html lang="en"><title>Shop</title><main><h1>Shop</h1></main><script src="`+page+`/widget.js" data-launcher defer></script>`)
	for _, name := range []string{"light", "dark"} {
		for _, state := range []string{"ahead", "open"} {
			scheme(ctx, t, name)
			must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 900), chromedp.Navigate(home)))
			until(ctx, t, widgetBar+`?.hidden === false`)
			if state == "open" {
				ask[bool](ctx, t, `Lull.open(); true`)
				until(ctx, t, dialog+`.open`)
			}
			judge(ctx, t, string(engine), name+", "+state)
		}
	}
}

func judge(ctx context.Context, t *testing.T, engine, what string) {
	t.Helper()
	ask[bool](ctx, t, engine+"; true")
	found := ask[[]string](ctx, t, `axe.run(document).then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join("  ")))`, chromedp.EvalAwaitPromise)
	if len(found) > 0 {
		t.Errorf("%s: %q", what, found)
	}
}
