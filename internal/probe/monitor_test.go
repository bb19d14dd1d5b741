package probe

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// told collects conclusions as lines.
type told struct{ lines []string }

func (l *told) add(c Conclusion) {
	l.lines = append(l.lines, fmt.Sprintf("%s %s since %d: %s", c.Component, c.Impact, c.Since.Sub(begin)/time.Second, c.Text))
}

// Of several probes the worst counts, nothing is told before all are certain, and each
// change is told once, with the look that saw it first.
func TestConclusions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		looks []string // of each second: a letter a probe, "-" for no look
		want  string
	}{
		"all is well":              {[]string{"ww", "ww"}, "app operational since 0: answers again"},
		"one is not certain":       {[]string{"mw", "m-", "m-"}, ""},
		"down from the beginning":  {[]string{"m-", "mw", "-w"}, "app major_outage since 0: found m"},
		"the worst":                {[]string{"md", "md"}, "app major_outage since 0: found m"},
		"down and up":              {[]string{"ww", "ww", "wm", "wm", "wm", "ww", "ww"}, "app operational since 0: answers again|app major_outage since 2: found m|app operational since 5: answers again"},
		"half up":                  {[]string{"mp", "mp", "wp", "wp"}, "app major_outage since 0: found m|app partial_outage since 2: found p"},
		"a second one goes down":   {[]string{"mw", "mw", "mm", "mm", "wm", "wm", "ww", "ww"}, "app major_outage since 0: found m|app operational since 6: answers again"},
		"never before the last":    {[]string{"w-", "w-", "m-", "mw", "-w", "w-", "w-"}, "app major_outage since 2: found m|app operational since 5: answers again"},
		"once is not yet for good": {[]string{"ww", "ww", "wm", "ww", "mw", "ww"}, "app operational since 0: answers again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l told
			p := Probe{Component: "app", Every: 30 * time.Second, Confirm: 2}
			m := NewMonitor([]Probe{p, p}, l.add)
			for s, looks := range c.looks {
				for i := range len(looks) {
					if looks[i] != '-' {
						m.take(i, finding(looks[i], second(s)))
					}
				}
			}
			if got := strings.Join(l.lines, "|"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestUnsureProbesLookSooner(t *testing.T) {
	t.Parallel()
	m := NewMonitor([]Probe{{Component: "app", Every: 30 * time.Second, Confirm: 2}}, func(Conclusion) {})
	for i, want := range []time.Duration{5, 0, 0, 5, 0, 5, 0} {
		if got := m.take(0, finding("wwwmmwm"[i], second(i))); got != want*time.Second {
			t.Errorf("look %d: again in %s, want %s", i, got, want*time.Second)
		}
	}
	for every, want := range map[time.Duration]time.Duration{time.Second: time.Second, 4 * time.Second: time.Second, time.Minute: 10 * time.Second} {
		if got := soon(every); got != want {
			t.Errorf("of %s: %s, want %s", every, got, want)
		}
	}
	want := []Count{{Component: "app", Looks: 7, Failures: 3, Impact: maint.MajorOutage}}
	if got := m.Counts(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// A real site that goes away and comes back is noticed, at the second at which it was first seen.
func TestMonitor(t *testing.T) {
	t.Parallel()
	www := newSite(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var lines []string
		m := NewMonitor([]Probe{{Component: "app", Looker: HTTP{URL: www.url("/")}, Every: 12 * time.Second, Timeout: 5 * time.Second, Confirm: 2, Impact: maint.PartialOutage}},
			func(c Conclusion) {
				lines = append(lines, fmt.Sprintf("%s from %s, told at %s: %s", c.Impact, c.Since.Sub(start), time.Since(start), c.Text))
			})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { m.Run(ctx) })
		time.Sleep(20 * time.Second)
		www.outside(www.down)
		time.Sleep(20 * time.Second)
		www.outside(www.up)
		time.Sleep(20 * time.Second)
		cancel()
		wg.Wait()
		want := "operational from 0s, told at 2s: answers again|partial_outage from 24s, told at 26s: did not answer|operational from 48s, told at 50s: answers again"
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestOnce(t *testing.T) {
	t.Parallel()
	www := newSite(t)
	var probes []Probe
	for i := range 3 * onceAtOnce {
		path := "/"
		if i%2 == 1 {
			path = "/moved"
		}
		probes = append(probes, Probe{Looker: HTTP{URL: www.url(path), Expect: []Statuses{{200, 200}}}, Timeout: time.Minute, Impact: maint.MajorOutage})
	}
	for i, f := range Once(t.Context(), probes) {
		if (f.Err == nil) != (i%2 == 0) {
			t.Fatalf("probe %d found %+v", i, f)
		}
	}
}
