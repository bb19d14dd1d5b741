package preview

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lullhq/lull/internal/chromium"
	"github.com/lullhq/lull/internal/sites/datafile"
	"github.com/lullhq/lull/internal/sites/generator"
)

func ask[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func visit(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 700), chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
}

// words are banners that break pages elsewhere.
var words = map[string]datafile.Banner{
	"plain":         {Text: "Scheduled maintenance", URL: "https://status.example.com/x?a=1&b=2"},
	"no address":    {Text: "Nowhere to go", URL: "#"},
	"quotes":        {Text: `"Quoted" & 'single' <b>not bold</b>`, URL: "/about"},
	"script":        {Text: `<script>window.hacked = 1</script>`, URL: `javascript:window.hacked=1`},
	"attribute":     {Text: `x`, URL: `https://a.example/" onmouseover="window.hacked=1`},
	"2,000":         {Text: strings.TrimSpace(strings.Repeat("lång text ", 200)), URL: "https://a.example/"},
	"one long word": {Text: strings.Repeat("W", 400), URL: "https://a.example/"},
	"right to left": {Text: "صيانة مجدولة يوم السبت من الساعة الخامسة", URL: "https://a.example/"},
	"number":        {Text: "2026", URL: "5"},
}

const seen = `(() => {
  const bar = document.querySelector(".lull-banner"), it = bar.querySelector("a, span"), box = bar.getBoundingClientRect(), inner = it.getBoundingClientRect()
  return {Text: it.textContent, Link: it.getAttribute("href") || "", Wide: document.documentElement.scrollWidth > innerWidth, Height: box.height,
    Inside: inner.height <= box.height && inner.left >= 0 && inner.right <= innerWidth, Shown: getComputedStyle(bar).display !== "none" && box.height > 20,
    Direction: getComputedStyle(bar).direction, Hacked: !!window.hacked, Button: bar.querySelector("button").getBoundingClientRect().width}
})()`

type sight struct {
	Text, Link, Direction       string
	Wide, Inside, Shown, Hacked bool
	Height, Button              float64
}

// A browser on a telephone sees each banner of each generator whole, as text, and can close it.
func TestBannersInABrowser(t *testing.T) {
	t.Parallel()
	ctx := chromium.Start(t, 15*time.Minute)
	for _, kind := range []generator.Kind{generator.Jekyll, generator.Hugo, generator.Eleventy} {
		t.Run(string(kind), func(t *testing.T) {
			need(t, kind)
			s := newSource(t, kind)
			p, err := New(Options{Sites: []Site{s}, Dir: t.TempDir(), Path: toolPath(t)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.serve(0); err != nil {
				t.Fatal(err)
			}
			defer p.server.close()
			defer p.closeBuilders()
			for name, b := range words {
				if testing.Short() && !slices.Contains([]string{"2,000", "script", "right to left"}, name) {
					continue
				}
				b.ID, b.Severity = "m-"+strings.ReplaceAll(name, " ", "-"), "maintenance"
				p.o.Banner = b
				p.build(t.Context(), p.all(true))
				if e := p.last[s.Name+"/on"].Error; e != "" {
					t.Fatalf("%s: %s", name, e)
				}
				look(ctx, t, name, b, p.sides[true][s.Name].address)
			}
		})
	}
}

func look(ctx context.Context, t *testing.T, name string, b datafile.Banner, address string) {
	t.Helper()
	visit(ctx, t, address)
	got := ask[sight](ctx, t, seen)
	if got.Text != b.Text || got.Wide || !got.Inside || !got.Shown || got.Hacked || got.Button < 44 {
		t.Errorf("%s: %+v", name, got)
	}
	link := b.URL
	if link == "#" {
		link = ""
	}
	if strings.HasPrefix(link, "javascript:") {
		if strings.HasPrefix(got.Link, "javascript:") {
			t.Errorf("%s: it links to %s", name, got.Link)
		}
	} else if strings.ReplaceAll(got.Link, "%22", `"`) != link && strings.ReplaceAll(strings.ReplaceAll(got.Link, "%22", `"`), "%20", " ") != link {
		t.Errorf("%s: it links to %q", name, got.Link)
	}
	if want := map[bool]string{true: "rtl", false: "ltr"}[name == "right to left"]; got.Direction != want {
		t.Errorf("%s: it runs %s", name, got.Direction)
	}
	if (name == "2,000" || name == "one long word") && got.Height < 100 {
		t.Errorf("%s: it is %.0f pixels high", name, got.Height)
	}
	closed := `document.querySelector(".lull-banner button").click(); getComputedStyle(document.querySelector(".lull-banner")).display`
	if d := ask[string](ctx, t, closed); d != "none" {
		t.Errorf("%s: closed, it is %s", name, d)
	}
	visit(ctx, t, address)
	if d := ask[string](ctx, t, `getComputedStyle(document.querySelector(".lull-banner")).display`); d != "none" {
		t.Errorf("%s: closed, it came back", name)
	}
}

// Outside its time the banner is not to be seen, although the site was built while it was.
func TestTheBannersTimeInABrowser(t *testing.T) {
	t.Parallel()
	need(t, generator.Jekyll)
	if testing.Short() {
		t.Skip("it builds four times: left to the long form")
	}
	ctx := chromium.Start(t, 15*time.Minute)
	s := newSource(t, generator.Jekyll)
	hour := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		from, to time.Time
		at       time.Duration // of the reader's clock
		shown    bool
	}{
		"in its time": {time.Time{}, hour, 0, true}, "over": {time.Time{}, hour, 2 * time.Hour, false},
		"not yet": {hour, hour.Add(time.Hour), 0, false}, "begun": {hour, hour.Add(time.Hour), 90 * time.Minute, true},
	} {
		b := planned
		b.ID, b.StartsAt, b.EndsAt = name, c.from, c.to
		p, err := New(Options{Sites: []Site{s}, Banner: b, Dir: t.TempDir(), Path: toolPath(t)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.serve(0); err != nil {
			t.Fatal(err)
		}
		p.build(t.Context(), p.all(true))
		visit(ctx, t, p.sides[true][s.Name].address)
		// The script runs once more with the reader's clock as it is then.
		shift := int(c.at.Milliseconds())
		rerun := `(() => { const now = Date.now; Date.now = () => now() + ` + strconv.Itoa(shift) + `; const old = document.querySelector(".lull-banner + script"), again = document.createElement("script"); again.textContent = old.textContent; old.replaceWith(again); return getComputedStyle(document.querySelector(".lull-banner")).display !== "none" })()`
		if got := ask[bool](ctx, t, rerun); got != c.shown {
			t.Errorf("%s: shown is %v", name, got)
		}
		p.closeBuilders()
		p.server.close()
	}
}

// The page of the preview shows each site three times, follows builds, and switches sides.
func TestThePageInABrowser(t *testing.T) {
	t.Parallel()
	ctx := chromium.Start(t, 15*time.Minute)
	s := newSource(t, generator.Plain)
	r := start(t, Options{Sites: []Site{s}, Banner: planned})
	r.await(true, 1, s.Name)
	visit(ctx, t, r.address)
	poll := func(expression string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")")); err != nil {
			t.Fatal(err)
		}
	}
	poll(`document.querySelector(".took[data-side=on]").textContent.startsWith("built in ")`)
	if n := ask[int](ctx, t, `document.querySelectorAll("iframe").length`); n != 3 {
		t.Errorf("%d frames", n)
	}
	was := ask[string](ctx, t, `document.querySelector(".took[data-side=on]").textContent`)
	put(t, s.Dir, "index.html", "<p>Edited</p>")
	poll(`document.querySelector(".took[data-side=on]").textContent !== ` + "`" + was + "`")
	ask[bool](ctx, t, `document.querySelector("[name=banner][value=off]").click(), true`)
	poll(`[...document.querySelectorAll("iframe")].every(f => f.src === f.dataset.off)`)
}
