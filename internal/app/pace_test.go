package app

import (
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"

	"github.com/lullhq/lull/internal/config"
)

func TestParsePressure(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"some avg10=2.97 avg60=2.22 avg300=2.18 total=1009663309\nfull avg10=0.03 avg60=0.09 avg300=0.02 total=122427908\n": 1009663309 * time.Microsecond,
		"full avg10=0.03 avg60=0.09 avg300=0.02 total=1\n":                                                                  -1,
		"some avg10=0.00 total=many\n": -1,
		"":                             -1,
	} {
		got, ok := parsePressure(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
	}
}

// TestPaceTellsWhatWasWaitedFor: only of a step that took longer than expected, and never twice.
func TestPaceTellsWhatWasWaitedFor(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	p, err := newPace(&config.Plan{ID: "m", Window: maint.Window{Start: "2026-12-05 04:00", Zone: "UTC", Allow: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	waited := pressure{known: true}
	p.read = func() pressure { return waited }
	p.Past(start, maint.Forecast{Parts: []maint.Expected{{Step: "copy", Takes: 10 * time.Second}, {Step: "switch", Takes: 10 * time.Second}}})
	p.Past(start, maint.Started{})
	p.Recorded(start, maint.StepStarted{Step: "copy"})
	waited.disk += 15 * time.Second
	p.Recorded(start.Add(20*time.Second), maint.StepFinished{Step: "copy", Attempt: 1, Took: 20 * time.Second})
	p.Recorded(start.Add(20*time.Second), maint.StepStarted{Step: "switch"})
	p.Recorded(start.Add(30*time.Second), maint.StepFinished{Step: "switch", Attempt: 1, Took: 10 * time.Second})
	key, e := p.Say(start.Add(31 * time.Second))
	if n, ok := e.(maint.Noted); !ok || key != "slow/copy/1" || n.Figures["disk_wait_share"] != 0.75 || !strings.Contains(n.Text, "75 %") {
		t.Errorf("%s: %v", key, e)
	}
	if _, e := p.Say(start.Add(32 * time.Second)); e != nil {
		t.Errorf("then %v", e)
	}
}

// TestPaceGoesOn: whoever carries on knows what was said, and counts on.
func TestPaceGoesOn(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	p, err := newPace(&config.Plan{ID: "m", Window: maint.Window{Start: "2026-12-05 04:00", Zone: "UTC", Allow: 10 * time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	if _, e := p.Say(start.Add(11 * time.Minute)); e != nil {
		t.Errorf("work that has not begun is late: %v", e)
	}
	p.Past(start, maint.Started{})
	p.Past(start, maint.StepStarted{Step: "copy"})
	p.Past(start.Add(10*time.Minute), maint.Late{ExpectedEnd: start.Add(20 * time.Minute)})
	p.Sampled(run.Progress{Step: "copy", At: start.Add(11 * time.Minute), Done: 70, Total: 100})
	if _, e := p.Say(start.Add(11 * time.Minute)); e != nil {
		t.Errorf("said again: %v", e)
	}
	key, e := p.Say(start.Add(21 * time.Minute))
	if late, ok := e.(maint.Late); !ok || key != "late/2" || !late.ExpectedEnd.After(start.Add(21*time.Minute)) {
		t.Errorf("%s: %v", key, e)
	}
	p.Recorded(start.Add(22*time.Minute), maint.Completed{})
	if _, e := p.Say(start.Add(50 * time.Minute)); e != nil {
		t.Errorf("what is over is late: %v", e)
	}
}

// TestPaceHearsOfMoreTime: somebody gives the window more time while it runs, and nobody is told that it is late.
func TestPaceHearsOfMoreTime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	w := maint.Window{Start: "2026-12-05 04:00", Zone: "UTC", Allow: 10 * time.Minute}
	p, err := newPace(&config.Plan{ID: "m", Window: w})
	if err != nil {
		t.Fatal(err)
	}
	p.window = func() (maint.Window, error) { return w, nil }
	p.Past(start, maint.Forecast{Parts: []maint.Expected{{Step: "copy", Takes: 20 * time.Minute}}})
	p.Past(start, maint.Started{})
	p.Recorded(start, maint.StepStarted{Step: "copy"})
	w.Allow = time.Hour
	for at := time.Duration(0); at < 20*time.Minute; at += 10 * time.Second {
		if _, e := p.Say(start.Add(at)); e != nil {
			t.Fatalf("after %s: %v", at, e)
		}
	}
	for at := 20 * time.Minute; ; at += 10 * time.Second {
		if _, e := p.Say(start.Add(at)); e != nil {
			if late, ok := e.(maint.Late); !ok || !late.ExpectedEnd.After(start.Add(w.Allow)) {
				t.Errorf("%v", e)
			}
			return
		}
		if at > 2*time.Hour {
			t.Fatal("an hour after the end nobody was told")
		}
	}
}
