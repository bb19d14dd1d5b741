package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lullhq/lull/internal/chromium"
	"github.com/lullhq/lull/internal/cli"
)

// TestMain lets the test binary be lull itself, as people type it.
func TestMain(m *testing.M) {
	if os.Getenv("PRODUCT_TEST_LULL") != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const patience = 10 * time.Minute // for a browser on a slow machine

// evening is a product, lull serve beside it, and a folder with the files of both.
type evening struct {
	t       *testing.T
	dir     string
	lull    string
	product string
}

func begin(t *testing.T) evening {
	t.Helper()
	e := evening{t: t, dir: t.TempDir()}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := ln.Addr().String()
	must(t, ln.Close())
	e.lull = "http://" + address
	const keys = "k1 HS256 MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"
	handler, err := product(e.lull, keys)
	must(t, err)
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	e.product = srv.URL
	e.write("keys", keys)
	e.write("lull.yaml", fmt.Sprintf("organization: Example\nserver: {listen: %q, url: %q}\ncomponents: {app: {name: App}}\nchannels: {app: {widget: {keys_file: keys, origins: [%q]}}}\n", address, e.lull, e.product))
	e.write("plan.yaml", fmt.Sprintf(`maintenance: racks
title: New racks
summary: We move to new racks.
window: {start: %q, zone: Etc/UTC, allow: 12h}
components: {app: under_maintenance}
notices: [1d, start, end]
steps:
  - command: {run: [sh, -c, "until test -e done; do sleep 0.2; done"], budget: 1h}
`, time.Now().UTC().Add(3*time.Hour).Format("2006-01-02 15:04")))
	e.write("post.md", "---\ntitle: Drafts are kept\nlabels: [editor]\n---\nNothing to do: **it is on** for everybody.\n")
	serve := e.command("serve")
	must(t, serve.Start())
	t.Cleanup(func() {
		_ = serve.Process.Signal(os.Interrupt)
		_ = serve.Wait()
	})
	return e
}

func (e evening) write(name, text string) {
	e.t.Helper()
	must(e.t, os.WriteFile(filepath.Join(e.dir, name), []byte(text), 0o600))
}

func (e evening) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(e.t.Context(), os.Args[0], args...)
	cmd.Dir, cmd.Env = e.dir, append(os.Environ(), "PRODUCT_TEST_LULL=1")
	return cmd
}

func (e evening) run(args ...string) string {
	e.t.Helper()
	out, err := e.command(args...).CombinedOutput()
	if err != nil {
		e.t.Fatalf("lull %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// device is a browser of its own: it shares nothing with the others but the machine.
func device(t *testing.T, e evening, name string) context.Context {
	t.Helper()
	ctx := chromium.Start(t, patience)
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 800), chromedp.Navigate(e.product)))
	if name != "" {
		_, err := chromedp.RunResponse(ctx, chromedp.SetValue("input", name), chromedp.Submit("form"))
		must(t, err)
		until(ctx, t, `document.body.textContent.includes("You are `+name+`.")`)
	}
	until(ctx, t, `window.Lull`)
	return ctx
}

func ask[T any](ctx context.Context, t *testing.T, expression string, opts ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, opts...))
	must(t, err)
	return v
}

// until waits for the page to look as wanted, with the browser's deadline.
func until(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")"))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !strings.Contains(err.Error(), "timeout") {
			t.Fatalf("waiting for %s: %v", expression, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	shadow = `document.body.lastElementChild.shadowRoot`
	bar    = shadow + `?.querySelector(".bar")`
	says   = shadow + `?.querySelector(".bar a")?.textContent`
	axe    = "../../.cache/clients/node_modules/axe-core/axe.min.js"
)

// An evening as the product's people see it: before, during, after, on two devices, and as a stranger.
func TestAnEvening(t *testing.T) {
	e := begin(t)
	for resp, err := http.Get(e.lull + "/readyz"); err != nil || resp.StatusCode != http.StatusOK; resp, err = http.Get(e.lull + "/readyz") {
		select {
		case <-t.Context().Done():
			t.Fatal("lull serve is not ready")
		case <-time.After(50 * time.Millisecond):
		}
	}
	e.run("schedule", "plan.yaml")
	e.run("change", "add", "post.md")
	phone := device(t, e, "ann")
	until(phone, t, says+`?.startsWith("Planned maintenance on ") && `+bar+`.hidden === false && document.querySelector("[data-lull-badge]").textContent === "1"`)
	if got := ask[string](phone, t, shadow+`.querySelector("pre").textContent`); !strings.Contains(got, "Auckland time") {
		t.Errorf("ann is told %q", got)
	}
	accessible(phone, t)
	ask[bool](phone, t, `Lull.open(); true`)
	until(phone, t, shadow+`.querySelector("dialog").open && `+shadow+`.querySelectorAll(".feel button").length === 3`)
	accessible(phone, t)
	ask[bool](phone, t, shadow+`.querySelector(".feel button").click(); true`)
	until(phone, t, shadow+`.querySelector(".feel button").ariaLabel === "Useful: 1"`)
	ask[bool](phone, t, `Lull.close(); `+shadow+`.querySelector(".bar .x").click(); true`)
	until(phone, t, bar+`.hidden && document.querySelector("[data-lull-badge]").hidden`)

	// What was closed and read on one device is so on the other.
	laptop := device(t, e, "ann")
	ask[bool](laptop, t, `window.heard = []; Lull.on("message", m => heard.push(m.title)); true`)
	until(laptop, t, `Lull.unread === 0 && `+bar+`.hidden && document.querySelector("[data-lull-badge]").hidden`)
	ask[bool](laptop, t, `Lull.open(); true`)
	until(laptop, t, shadow+`.querySelector(".feel button").ariaPressed === "true"`)
	ask[bool](laptop, t, `Lull.close(); true`)

	// A stranger sees what anyone may see, and can press nothing.
	stranger := device(t, e, "")
	until(stranger, t, says+`?.startsWith("Scheduled: ") && Lull.unread === 1`)
	ask[bool](stranger, t, `Lull.open(); true`)
	until(stranger, t, shadow+`.querySelector(".feel span")?.ariaLabel === "Useful: 1"`)
	if ask[bool](stranger, t, `!!`+shadow+`.querySelector(".feel button, pre")`) {
		t.Error("a stranger is shown what is for people who are signed in")
	}

	work := e.command("run", "--early", "plan.yaml")
	var out strings.Builder
	work.Stdout, work.Stderr = &out, &out
	must(t, work.Start())
	for _, d := range []context.Context{phone, laptop} {
		until(d, t, says+` === "Maintenance has begun: New racks" && `+bar+`.hidden === false`)
	}
	e.write("done", "")
	if err := work.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, d := range []context.Context{phone, laptop} {
		until(d, t, says+` === "Maintenance completed: New racks"`)
	}
	until(stranger, t, says+`?.startsWith("Completed: ")`)
	if heard := ask[[]string](laptop, t, `heard`); strings.Join(heard, ", ") != "Maintenance has begun: New racks, Maintenance completed: New racks" {
		t.Errorf("the laptop was told %q", heard)
	}
	// One person has seen it, on two devices.
	for report := ""; !strings.Contains(report, "| app | seen by 1 |"); report = e.run("report", "plan.yaml") {
		must(t, phone.Err())
	}
}

// accessible has axe-core judge the page.
func accessible(ctx context.Context, t *testing.T) {
	t.Helper()
	engine, err := os.ReadFile(axe)
	if err != nil {
		t.Log("axe-core is not there (scripts/clients)")
		return
	}
	ask[bool](ctx, t, string(engine)+"; true")
	found := ask[[]string](ctx, t, `axe.run(document).then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html + " " + n.failureSummary).join("  ")))`, chromedp.EvalAwaitPromise)
	if len(found) > 0 {
		t.Errorf("%q", found)
	}
}
