package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// bars draws the running step and prints facts above it.
type bars struct {
	progress *mpb.Progress
	bar      *mpb.Bar // of the running step; the runner calls one at a time

	mu    sync.Mutex // guards what the drawing goroutine reads
	step  string
	began time.Time
	last  run.Progress
}

func newBars(w io.Writer) *bars {
	return &bars{progress: mpb.New(mpb.WithOutput(w), mpb.WithWidth(40), mpb.WithRefreshRate(150*time.Millisecond))}
}

func (b *bars) done() {
	b.drop()
	b.progress.Shutdown()
}

func (b *bars) Recorded(at time.Time, e maint.Event) {
	switch e := e.(type) {
	case maint.StepStarted:
		b.draw(e.Step, e.Title)
	case maint.StepFinished, maint.StepFailed:
		b.drop()
	}
	if _, begun := e.(maint.StepStarted); begun {
		return
	}
	if text := factText(e); text != "" {
		fmt.Fprintf(b.progress, "%s  %s\n", at.Local().Format("15:04:05"), text)
	}
}

func (b *bars) Confirmed(it run.Item, seen run.Observation) {
	if !it.Hidden {
		fmt.Fprintf(b.progress, "          still done  %s%s\n", it.Title, evidence(seen.Evidence))
	}
}

func (b *bars) Told(s app.Baking) {
	fmt.Fprintf(b.progress, "%s  %s\n", s.Sample.At.Local().Format("15:04:05"), bakingText(s))
}

func (b *bars) Progressed(p run.Progress) {
	b.mu.Lock()
	ours := p.Step == b.step
	if ours {
		b.last = p
	}
	b.mu.Unlock()
	if b.bar == nil || !ours {
		return
	}
	if p.Total > 0 {
		b.bar.SetTotal(int64(p.Total), false)
		b.bar.SetCurrent(int64(p.Done))
	}
}

func (b *bars) draw(step, title string) {
	b.drop()
	b.mu.Lock()
	b.step, b.began, b.last = step, time.Now(), run.Progress{}
	b.mu.Unlock()
	b.bar = b.progress.AddBar(0, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(title+"  ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.status() })))
}

func (b *bars) drop() {
	if b.bar != nil {
		b.bar.Abort(true)
		b.bar.Wait()
		b.bar = nil
	}
}

func (b *bars) status() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return statusText(b.last, time.Since(b.began))
}

// statusText is how much, how fast and how long still.
func statusText(p run.Progress, took time.Duration) string {
	parts := []string{"  " + short(took)}
	if p.Total > 0 && p.Unit == "bytes" {
		rate := p.Done / took.Seconds()
		parts = append(parts, fmt.Sprintf("%s of %s", size(p.Done), size(p.Total)), size(rate)+"/s")
		if rate > 0 && p.Done < p.Total {
			parts = append(parts, short(time.Duration((p.Total-p.Done)/rate*float64(time.Second)))+" left")
		}
	}
	if p.Text != "" {
		parts = append(parts, p.Text)
	}
	return strings.Join(parts, "  ")
}

func size(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.1f %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.1f TB", n)
}
