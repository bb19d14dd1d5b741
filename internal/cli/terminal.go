package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/timeline"
)

// watcher is told what a run does, and then how the new server does.
type watcher interface {
	run.Watcher
	Told(app.Baking)
}

// newTerminal gives the watcher that suits where the output goes: bars on a terminal,
// one plain line a fact elsewhere, one JSON object a fact when asked.
func newTerminal(w io.Writer, asJSON bool) (watcher, func()) {
	if asJSON {
		return &jsonLines{enc: json.NewEncoder(w)}, func() {}
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b := newBars(w)
		return b, b.done
	}
	return &lines{w: w}, func() {}
}

// lines prints one plain line a fact: a log that survives tee.
type lines struct {
	w  io.Writer
	mu sync.Mutex
}

func (l *lines) Recorded(at time.Time, e maint.Event) {
	if text := factText(e); text != "" {
		l.print(at, text)
	}
}

func (l *lines) Confirmed(it run.Item, seen run.Observation) {
	if !it.Hidden {
		l.print(time.Now(), "still done  "+it.Title+evidence(seen.Evidence))
	}
}

func (l *lines) Progressed(run.Progress) {}

func (l *lines) Told(b app.Baking) { l.print(b.Sample.At, bakingText(b)) }

// bakingText is one look at the new server of a cluster.
func bakingText(b app.Baking) string { return "watched     " + b.Cluster + ": " + b.Text }

func (l *lines) print(at time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "%s  %s\n", at.Local().Format("15:04:05"), text)
}

// factText is an event as the operator reads it; "" for those that say nothing new.
func factText(e maint.Event) string {
	switch e := e.(type) {
	case maint.StepStarted:
		if e.Attempt > 1 {
			return fmt.Sprintf("begin       %s, attempt %d", e.Title, e.Attempt)
		}
		return "begin       " + e.Title
	case maint.StepFinished:
		return fmt.Sprintf("done        %s in %s%s", e.Title, short(e.Took), evidence(e.Evidence))
	case maint.StepFailed:
		return "failed      " + e.Title + ": " + e.Error
	case maint.StepUndone:
		return "taken back  " + e.Title
	case maint.Noted:
		return "            " + e.Text
	case maint.Fenced:
		return fmt.Sprintf("proof       sessions left on the server that clients left: %d, transaction ids held by others: %d, prepared transactions: %d; markers seen on the other one: %d; its log ended at %s",
			e.Left, e.Writing, e.Prepared, len(e.Markers), e.End)
	case maint.Audited:
		return fmt.Sprintf("security    found on the old server: %d, on the new one: %d", len(e.Before), len(e.After))
	case maint.SitesProbed:
		return "sites       " + strings.Join(uptimes(e.Sites), "; ")
	case maint.Resumed:
		return "resumed     " + e.Text
	case maint.Started:
		return "public      " + e.Text
	case maint.Updated:
		return "public      " + e.Text
	case maint.BannerChanged:
		return "public      " + e.Text
	case maint.Late:
		return fmt.Sprintf("public      %s Expected end: %s", e.Text, e.ExpectedEnd.Local().Format("15:04"))
	case maint.Extended:
		return "public      " + e.Text
	case maint.Verifying:
		return "public      " + e.Text
	case maint.Completed:
		return "public      " + e.Text
	case maint.Cancelled:
		return "public      " + e.Text
	case maint.RolledBack:
		return "public      " + e.Text
	}
	return ""
}

func uptimes(sites []maint.Uptime) []string {
	var out []string
	for _, u := range sites {
		text := fmt.Sprintf("%s: %d of %d failed", u.Name, u.Failures, u.Probes)
		if u.Failures > 0 {
			text += ", down for " + short(u.Down())
		}
		out = append(out, text)
	}
	return out
}

func evidence(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// short rounds a duration to what a person wants to know.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// jsonLines prints one object a fact.
type jsonLines struct {
	enc *json.Encoder
	mu  sync.Mutex
}

func (j *jsonLines) Recorded(at time.Time, e maint.Event) {
	kind, data, err := timeline.Encode(e)
	if err != nil {
		return
	}
	j.print(map[string]any{"at": at.UTC(), "kind": kind, "event": json.RawMessage(data)})
}

func (j *jsonLines) Confirmed(it run.Item, seen run.Observation) {
	j.print(map[string]any{"at": time.Now().UTC(), "kind": "confirmed", "event": map[string]string{"step": it.Step.Name(), "evidence": seen.Evidence}})
}

func (j *jsonLines) Progressed(p run.Progress) {
	j.print(map[string]any{"at": p.At.UTC(), "kind": "progress", "event": p})
}

// Told prints the line that people get together with the figures behind it.
func (j *jsonLines) Told(b app.Baking) {
	j.print(map[string]any{"at": b.Sample.At.UTC(), "kind": "watched", "event": b})
}

func (j *jsonLines) print(v any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.enc.Encode(v) // a closed pipe ends nothing: the record is in the store
}
