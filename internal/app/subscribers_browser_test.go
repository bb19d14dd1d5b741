package app

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/chromium"
	"github.com/lullhq/lull/internal/subscribe"
)

// reader is somebody before a browser.
type reader struct {
	t   *testing.T
	ctx context.Context
	axe string // Deque's engine of accessibility rules, "" = it is not there
}

func newReader(t *testing.T) reader {
	t.Helper()
	r := reader{t: t, ctx: chromium.Start(t, 10*time.Minute)}
	if engine, err := os.ReadFile("../../.cache/clients/node_modules/axe-core/axe.min.js"); err == nil {
		r.axe = string(engine)
	}
	return r
}

func (r reader) do(actions ...chromedp.Action[chromedp.Void]) {
	r.t.Helper()
	check(r.t, chromedp.Do(r.ctx, actions...))
}

// press sends the form by one of its buttons. The page that is left is marked, so that the next one is told from it.
func (r reader) press(button string) {
	r.t.Helper()
	_, err := chromedp.Run(r.ctx, chromedp.Evaluate[string](`document.body.dataset.left = "yes"`))
	check(r.t, err)
	r.do(chromedp.Click(button))
}

// sees waits for a page that says something, judges it, and looks whether it fits a telephone.
func (r reader) sees(text string) {
	r.t.Helper()
	for {
		_, err := chromedp.Run(r.ctx, chromedp.Poll[bool](`document.readyState === "complete" && !document.body.dataset.left && document.body.innerText.includes(`+quote(text)+`)`, chromedp.WithPollingTimeout(0)))
		if err == nil {
			break
		}
		if said := err.Error(); !strings.Contains(said, "Cannot find context") && !strings.Contains(said, "navigated") { // the page that is left was asked
			check(r.t, err)
		}
	}
	wide, err := chromedp.Run(r.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	check(r.t, err)
	if wide > 360 {
		r.t.Errorf("the page with %q is %d pixels wide on a telephone", text, wide)
	}
	if r.axe == "" {
		return
	}
	found, err := chromedp.Run(r.ctx, chromedp.Evaluate[[]string](r.axe+`; axe.run(document).then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).slice(0, 3).join("  ")))`, chromedp.EvalAwaitPromise))
	check(r.t, err)
	if len(found) > 0 {
		r.t.Errorf("the page with %q:\n%s", text, strings.Join(found, "\n"))
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// The forms as people use them: asked for on a telephone, confirmed by the link in the mail, changed, and left again.
func TestTheFormsOfSubscribersInABrowser(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	a, o, v, _ := subscribed(t)
	r.do(chromedp.EmulateViewport(360, 740), chromedp.Navigate(v.url+"/en/subscribe"))
	r.sees("A message comes first, with a link to confirm.")

	// Without an address the browser itself asks for one, and nothing is sent.
	r.do(chromedp.Click(`form.form button[type=submit]`))
	missing, err := chromedp.Run(r.ctx, chromedp.Evaluate[bool](`document.querySelector("#address").matches(":invalid")`))
	if check(t, err); !missing {
		t.Error("a form without an address is not held back")
	}
	r.do(chromedp.SendKeys(`#address`, "not an address"))
	r.press(`form.form button[type=submit]`)
	r.sees("Nothing was saved: please look at the address, what you chose, and the time zone")
	r.do(chromedp.SendKeys(`#address`, ann), chromedp.Click(`input[name=kind][value=changes]`),
		chromedp.Click(`input[name=component][value=api]`), chromedp.SendKeys(`#zone`, "Europe/Berlin"))
	r.press(`form.form button[type=submit]`)
	r.sees("Look for a message")

	tellsAll(t, a)
	link := linkIn.FindString(text(t, o.came(ann)))
	r.do(chromedp.Navigate(v.url + link))
	r.sees("Nothing is sent before you confirm.")
	r.press(`button[value=save]`)
	r.sees("You will be told")
	is := func(state subscribe.State, want subscribe.Choice) {
		t.Helper()
		list, err := a.Subscribers(t.Context(), 0, 10)
		if check(t, err); len(list) != 1 || list[0].State != state {
			t.Fatalf("%+v", list)
		}
		if diff := cmp.Diff(want, list[0].Choice); diff != "" {
			t.Error(diff)
		}
	}
	choice := subscribe.Choice{Kinds: []subscribe.Kind{subscribe.Maintenances, subscribe.Incidents, subscribe.Changes}, Components: []string{"api"}, Language: "en", Zone: "Europe/Berlin"}
	is(subscribe.Active, choice)

	// The same page changes it, and ends it.
	r.do(chromedp.Click(`input[name=kind][value=incidents]`), chromedp.Click(`input[name=component][value=api]`))
	r.press(`button[value=save]`)
	r.sees("You will be told")
	choice.Kinds, choice.Components = []subscribe.Kind{subscribe.Maintenances, subscribe.Changes}, nil
	is(subscribe.Active, choice)
	r.press(`button[value=leave]`)
	r.sees("You will be told nothing more")
	is(subscribe.Left, choice)
}
