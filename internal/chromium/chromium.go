// Package chromium starts Debian's chromium without a window, for tests that look at pages as people do.
//
// It is for tests only, and must not know of any page.
package chromium

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Start gives a browser with a profile of its own that ends with the test, or skips the test. Patience is for all that
// is done with it.
func Start(t *testing.T, patience time.Duration) context.Context {
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
	ctx, end := context.WithTimeout(ctx, patience)
	t.Cleanup(end)
	return ctx
}
