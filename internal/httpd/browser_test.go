package httpd

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "folder in which the browser tests leave pictures of every state")

// browser starts Debian's chromium without a window, with a profile of its own, or skips the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no chromium on PATH: the page is not looked at in a browser (apt-get install chromium)")
	}
	// The allocator makes a new profile folder and removes it when the browser has gone.
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Env("TZ=Europe/Berlin", "LANG=en_GB.UTF-8"))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	ctx, end := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(end)
	return ctx
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
		w.server.refresh(t.Context())
		srv := httptest.NewServer(w.server.Handler())
		for _, l := range looks {
			picture(t, ctx, srv.URL, story.name, l)
		}
		w.server.hub.close()
		srv.Close()
	}
}

func picture(t *testing.T, ctx context.Context, url, story string, l look) {
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
