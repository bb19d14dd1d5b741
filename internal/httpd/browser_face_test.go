package httpd

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lullhq/lull/internal/maint"
)

// liveFace serves the world of newFace with its troubles.
func liveFace(t *testing.T) (*world, string) {
	w := newFace(t, at("04:21"))
	trouble(w)
	w.look()
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.hub.close) // first, or Close waits for the streams
	return w, srv.URL
}

func scheme(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	must(t, call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}))
}

// longWords is the face in the language whose words are the longest.
const longWords = "face-de"

// TestFacesOnATelephone looks at every page in the width of a telephone: nothing is cut off, and nothing moves.
func TestFacesOnATelephone(t *testing.T) {
	ctx := browser(t)
	_, base := liveFace(t)
	for _, f := range faces {
		if testing.Short() && strings.HasPrefix(f.name, "face-") && f.name != longWords {
			continue
		}
		must(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 740), chromedp.Navigate(base+f.path)))
		until(ctx, t, `!document.querySelector(".when:not([data-own])")`)
		if wide := ask[int](ctx, t, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d pixels wide on a telephone", f.path, wide)
		}
		shift := ask[float64](ctx, t, `new Promise(done => { let sum = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value }).observe({type: "layout-shift", buffered: true}); requestAnimationFrame(() => requestAnimationFrame(() => done(sum))) })`, chromedp.EvalAwaitPromise)
		if shift > 0.05 {
			t.Errorf("the layout of %s shifts by %.3f while it is loaded", f.path, shift)
		}
	}
}

// axe is Deque's engine of accessibility rules, as scripts/clients fetches it.
const axe = "../../.cache/clients/node_modules/axe-core/axe.min.js"

// violations are what axe-core finds. The order of headings inside of published words is their author's.
const violations = `axe.run(document).then(r => r.violations.map(v => ({id: v.id, nodes: v.nodes.filter(n => v.id !== "heading-order" || !document.querySelector(n.target[0]).closest(".prose"))})).filter(v => v.nodes.length).map(v => v.id + ": " + v.nodes.map(n => n.html).slice(0, 3).join("  ")))`

// TestFacesAreAccessible has every page judged by axe-core, light and dark: WCAG 2.2 AA, and what is good practice beside it.
func TestFacesAreAccessible(t *testing.T) {
	engine, err := os.ReadFile(axe)
	if err != nil {
		t.Skip("axe-core is not there (scripts/clients)")
	}
	ctx := browser(t)
	_, base := liveFace(t)
	for _, f := range faces {
		for _, name := range []string{"light", "dark"} {
			if translated := strings.HasPrefix(f.name, "face-"); translated && (testing.Short() || name == "dark") || testing.Short() && name == "dark" {
				continue // other words in the same colours, or the same words in others
			}
			scheme(ctx, t, name)
			must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 900), chromedp.Navigate(base+f.path)))
			until(ctx, t, `!document.querySelector(".when:not([data-own])")`)
			ask[bool](ctx, t, `document.querySelectorAll("details").forEach(d => d.open = true); true`)
			ask[bool](ctx, t, string(engine)+"; true")
			found := ask[[]string](ctx, t, violations, chromedp.EvalAwaitPromise)
			if len(found) > 0 {
				t.Errorf("%s in the %s scheme:\n%s", f.path, name, strings.Join(found, "\n"))
			}
		}
	}
}

// TestKeyboard goes through the page without a mouse, and keeps its place when the page becomes another.
func TestKeyboard(t *testing.T) {
	ctx := browser(t)
	w, base := liveFace(t)
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 900), chromedp.Navigate(base+"/en/")))
	press := func(key string) { t.Helper(); must(t, chromedp.Do(ctx, chromedp.KeyEvent(key))) }
	press(kb.Tab)
	if got := ask[string](ctx, t, `document.activeElement.className + " " + (document.activeElement.getBoundingClientRect().top >= 0)`); got != "skip true" {
		t.Errorf("the first stop is %q", got)
	}
	press(kb.Enter)
	until(ctx, t, `document.activeElement.id === "main"`)
	for range 60 {
		press(kb.Tab)
		if ask[bool](ctx, t, `document.activeElement.matches("#d-app > summary")`) {
			break
		}
		if !ask[bool](ctx, t, `getComputedStyle(document.activeElement).outlineStyle === "solid"`) {
			t.Errorf("where the keyboard is cannot be seen: %s", ask[string](ctx, t, `document.activeElement.outerHTML`))
		}
	}
	press(kb.Enter)
	until(ctx, t, `document.activeElement.parentElement.id === "d-app" && document.activeElement.parentElement.open`)

	w.say(maint.ComponentID("app"), at("04:22"), maint.ComponentSet{Name: "App", Status: maint.DegradedPerformance})
	w.look()
	until(ctx, t, `document.querySelector("#c-app .mark").textContent === "Degraded performance"`)
	if !ask[bool](ctx, t, `document.getElementById("d-app").open && document.activeElement.matches("#d-app > summary")`) {
		t.Error("what was open and held the keyboard is not any more, once the page is another")
	}
}

// TestWithoutScript reads the page as one who lets no script run.
func TestWithoutScript(t *testing.T) {
	ctx := browser(t)
	_, base := liveFace(t)
	must(t, call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 900), chromedp.Navigate(base+"/en/")))
	text := ask[string](ctx, t, `document.body.innerText`)
	for _, want := range []string{"This page reloads every 30 seconds.", "Sat 5 December 2026, 17:00 to 19:00 Auckland time", "04:00 to 06:00 UTC", "42%", "2 interruptions", "Add to calendar"} {
		if !strings.Contains(text, want) {
			t.Errorf("without a script the page does not say %q", want)
		}
	}
}
