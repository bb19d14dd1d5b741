package app

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/config"
)

const latePlan = `
maintenance: racks
title: New racks
summary: We move.
window: {start: 2026-12-05 17:00, zone: Pacific/Auckland, allow: 2h}
steps:
  - banner: on
  - command: {run: [sh, -c, "until test -e DONE; do sleep 0.1; done"], budget: 1h}
`

// inGit runs git in a folder, which has to succeed.
func inGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Work that goes on after its window keeps its banner, with the new end on it; when it is completed the banner is off.
func TestABannerOfLateWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	www := filepath.Join(dir, "www")
	for name, text := range map[string]string{"www/banner.yml": "enabled: false\ntext: \"\"\nurl: \"\"\n", "plan.yaml": strings.ReplaceAll(latePlan, "DONE", filepath.Join(dir, "done"))} {
		if err := os.MkdirAll(www, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inGit(t, www, "init", "--quiet", "--initial-branch=main", "--template=")
	inGit(t, www, "add", ".")
	inGit(t, www, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "-m", "Begin")
	a := opened(t, dir, "author: Ann <ann@example.com>\npage: {languages: [en, de]}\nsites: {www: {repository: www, banner: banner.yml, url: https://www.example.com/}}\n")
	var now atomic.Value
	a.now = func() time.Time { return now.Load().(time.Time) }
	plan := filepath.Join(dir, "plan.yaml")
	p, err := config.LoadPlan(plan, a.Config)
	if err != nil {
		t.Fatal(err)
	}
	now.Store(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	if _, err := a.Schedule(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	now.Store(time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC))
	ended := make(chan error, 1)
	go func() {
		_, err := a.Run(t.Context(), plan, RunOptions{})
		ended <- err
	}()
	shows := func(words ...string) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			text := inGit(t, www, "show", "HEAD:banner.yml")
			missing := 0
			for _, w := range words {
				if !strings.Contains(text, w) {
					missing++
				}
			}
			if missing == 0 {
				return
			}
			select {
			case err := <-ended:
				t.Fatalf("the run ended (%v), and the banner is\n%s", err, text)
			case <-time.After(50 * time.Millisecond):
				if time.Now().After(end) {
					t.Fatal(text)
				}
			}
		}
	}
	shows("enabled: true", `ends_at: "2026-12-05T06:00:00Z"`, "New racks: 5 December 2026, 17:00 to 19:00 NZDT")
	now.Store(time.Date(2026, 12, 5, 6, 1, 0, 0, time.UTC))
	shows("enabled: true", "Now expected to end", "NZDT", "Ende nun erwartet")
	if b, err := a.bannerNow(context.Background(), p); err != nil || !b.EndsAt.After(a.now()) || !strings.Contains(inGit(t, www, "show", "HEAD:banner.yml"), b.EndsAt.Format(time.RFC3339)) {
		t.Errorf("the banner ends at %s: %v", b.EndsAt, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "done"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if text := inGit(t, www, "show", "HEAD:banner.yml"); !strings.Contains(text, "enabled: false") {
		t.Error(text)
	}
}
