package httpd

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/lullhq/lull/internal/chromium"
	"github.com/lullhq/lull/internal/maint"
)

var shots = flag.String("shots", "", "folder in which the browser tests leave pictures of every state")

// patience is how long a browser has for a whole test: taking every picture is the longest.
const patience = 15 * time.Minute

// browser starts a chromium, or skips the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	return chromium.Start(t, patience)
}

// fetches is how often the page's script has asked the server for something.
const fetches = `performance.getEntriesByType("resource").filter(e => e.initiatorType === "fetch").length`

// TestPageKeepsItselfFresh looks at the page the way a reader does: times in the reader's
// zone, progress and entries by themselves, and nothing that moves under the eyes.
func TestPageKeepsItselfFresh(t *testing.T) {
	ctx := browser(t)
	w, base := live(t)
	w.work("pg17", "Copying", 0.4, at("04:20"))
	w.look()
	must(t, call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"}))
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 700), chromedp.Navigate(base)))
	ask[bool](ctx, t, `window.shift = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) window.shift += e.value }).observe({type: "layout-shift", buffered: true}); true`)

	until(ctx, t, `document.getElementById("link").textContent === "Times are yours (Europe/Berlin). This page updates by itself."`)
	planned := ask[string](ctx, t, `document.querySelector("#facts-pg17 .when").textContent`)
	if !regexp.MustCompile(`^Sat 5 December 2026, 0?5:00.* to 0?7:00.* your time 17:00 to 19:00 Auckland time$`).MatchString(planned) {
		t.Errorf("the reader is told %q", planned)
	}

	w.work("pg17", "Copying the rest", 0.87, at("04:21"))
	w.look()
	until(ctx, t, `document.querySelector(".percent").textContent === "87%" && document.querySelector("progress").value === 87 && document.querySelector(".text").textContent === "Copying the rest"`)

	ask[bool](ctx, t, `document.getElementById("e-3").scrollIntoView(); window.node = document.getElementById("e-3"); window.place = node.getBoundingClientRect().top; true`)
	w.say("pg17", at("04:22"), maint.Updated{Text: "More than half of it is there, and this line is long enough to be broken twice on a telephone."})
	w.look()
	until(ctx, t, `document.getElementById("e-7")`)
	if moved := ask[float64](ctx, t, `Math.abs(document.getElementById("e-3").getBoundingClientRect().top - window.place)`); moved > 1 {
		t.Errorf("what was being read moved by %.1f pixels", moved)
	}
	if !ask[bool](ctx, t, `window.node.isConnected && document.getElementById("e-3") === window.node`) {
		t.Error("an entry that did not change was made anew")
	}

	w.say("pg17", at("04:40"), maint.Completed{Text: "All is well."})
	w.look()
	until(ctx, t, `document.title.startsWith("Maintenance completed") && document.getElementById("announce").textContent === "Maintenance completed"`)
	if wide := ask[bool](ctx, t, `document.documentElement.scrollWidth > innerWidth`); wide {
		t.Error("the page is wider than a telephone")
	}
	if shift := ask[float64](ctx, t, `window.shift`); shift > 0.1 {
		t.Errorf("the layout shifted by %.3f, a good page stays below 0.1", shift)
	}

	asked := ask[int](ctx, t, fetches)
	w.say("pg17", at("04:50"), maint.Updated{Text: "One."}, maint.Updated{Text: "Two."}, maint.Updated{Text: "Three."})
	w.look()
	until(ctx, t, `document.getElementById("e-11")`)
	if n := ask[int](ctx, t, fetches) - asked; n != 1 {
		t.Errorf("the page was fetched %d times for what was said in one moment", n)
	}
}

func ask[T any](ctx context.Context, t *testing.T, expression string, opts ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, opts...))
	must(t, err)
	return v
}

// until waits for the page to look as wanted; the context of the browser is the deadline. On a slow machine the page
// that is left may be asked still while the next one takes its place: then the next one is asked.
func until(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")"))
		if err != nil && strings.Contains(err.Error(), "Cannot find context") {
			continue
		}
		must(t, err)
		return
	}
}

type look struct {
	name        string
	width       int64
	scheme      string
	withoutCode bool
}

var looks = []look{
	{"wide", 1100, "light", false}, {"dark", 1100, "dark", false}, {"phone", 360, "light", false}, {"plain", 700, "light", true},
}

// TestPictures takes a picture of every state for people to judge: go test -run Pictures -shots folder.
func TestPictures(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are taken with -shots folder only")
	}
	ctx := browser(t)
	for _, story := range stories {
		w := newWorld(t, story.now)
		story.tell(w)
		w.look()
		srv := httptest.NewServer(w.server.Handler())
		for _, l := range looks {
			picture(ctx, t, srv.URL, story.name, l)
		}
		w.server.hub.close()
		srv.Close()
	}
	w := newFace(t, at("04:21"))
	trouble(w)
	w.look()
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(w.server.hub.close)
	for _, f := range faces {
		for _, l := range looks {
			picture(ctx, t, srv.URL+f.path, f.name, l)
		}
	}
}

func picture(ctx context.Context, t *testing.T, url, story string, l look) {
	t.Helper()
	must(t, call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.withoutCode}))
	must(t, call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
	}))
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(l.width, 800), chromedp.Navigate(url)))
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(*shots, story+"-"+l.name+".png"), png, 0o644))
}

func call[P any](ctx context.Context, c cdp.Command[P, cdp.Empty], params P) error {
	_, err := chromedp.Call(ctx, c, params)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
