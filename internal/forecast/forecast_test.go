package forecast_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/forecast"
	"github.com/lullhq/lull/internal/maint"
)

var day = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)

var steps = []forecast.Step{{Name: "up/copy", Title: "Copy"}, {Name: "up/switch", Title: "Switch"}, {Name: "pause", Title: "Wait", Planned: time.Minute}, {Name: "check", Title: "Check"}}

// rehearsal took so many seconds for a copy of so many bytes.
func rehearsal(days int, copying, bytes float64) forecast.Rehearsal {
	return forecast.Rehearsal{At: day.AddDate(0, 0, days), Rehearsed: maint.Rehearsed{
		Steps: []maint.StepTime{{Step: "up/copy", Took: seconds(copying), By: "up/bytes"}, {Step: "up/switch", Took: seconds(10)}},
		Load:  maint.Figures{"up/bytes": bytes}, Hold: &maint.HoldTimes{Median: 20 * time.Millisecond, Looks: days},
	}}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func TestForecast(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rehearsals       []forecast.Rehearsal
		bytes            float64
		total, low, high float64 // seconds
		confidence       maint.Confidence
		copying          maint.Basis
	}{
		"nothing rehearsed":              {nil, 100, 60, 60, 60, maint.Doubted, maint.ByNothing},
		"once, as much as today":         {[]forecast.Rehearsal{rehearsal(1, 100, 100)}, 100, 180, 153, 207, maint.Fair, maint.ByRehearsal},
		"once, a fifth less then":        {[]forecast.Rehearsal{rehearsal(1, 100, 100)}, 120, 200, 170, 230, maint.Fair, maint.ByRehearsal},
		"once, far less then":            {[]forecast.Rehearsal{rehearsal(1, 100, 100)}, 200, 280, 238, 322, maint.Doubted, maint.ByRehearsal},
		"today's load is not known":      {[]forecast.Rehearsal{rehearsal(1, 100, 100)}, 0, 180, 153, 207, maint.Fair, maint.ByRehearsal},
		"two that agree":                 {[]forecast.Rehearsal{rehearsal(1, 100, 100), rehearsal(2, 110, 100)}, 100, 185, 157.25, 212.75, maint.Sure, maint.ByRehearsal},
		"two that do not":                {[]forecast.Rehearsal{rehearsal(1, 100, 100), rehearsal(2, 300, 100)}, 100, 280, 180, 380, maint.Fair, maint.ByRehearsal},
		"one of three was disturbed":     {[]forecast.Rehearsal{rehearsal(1, 100, 100), rehearsal(2, 300, 100), rehearsal(3, 102, 100)}, 100, 182, 154.7, 380, maint.Fair, maint.ByRehearsal},
		"the sixth is too long ago":      {[]forecast.Rehearsal{rehearsal(1, 900, 100), rehearsal(2, 100, 100), rehearsal(3, 100, 100), rehearsal(4, 100, 100), rehearsal(5, 100, 100), rehearsal(6, 100, 100)}, 100, 180, 153, 207, maint.Sure, maint.ByRehearsal},
		"the same for the same bytes":    {[]forecast.Rehearsal{rehearsal(1, 50, 50), rehearsal(2, 100, 100)}, 100, 180, 153, 207, maint.Sure, maint.ByRehearsal},
		"less to do is no less to doubt": {[]forecast.Rehearsal{rehearsal(1, 100, 100)}, 10, 90, 76.5, 103.5, maint.Fair, maint.ByRehearsal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := forecast.New(steps, tt.rehearsals, maint.Figures{"up/bytes": tt.bytes})
			if f.Total != seconds(tt.total) || f.Low != seconds(tt.low) || f.High != seconds(tt.high) {
				t.Errorf("forecast %s (%s to %s), want %g s (%g to %g)", f.Total, f.Low, f.High, tt.total, tt.low, tt.high)
			}
			checking := maint.ByOthers
			if tt.rehearsals == nil {
				checking = maint.ByNothing
			}
			if f.Confidence != tt.confidence || f.Parts[0].Basis != tt.copying || f.Parts[2].Basis != maint.ByPlan || f.Parts[3].Basis != checking {
				t.Errorf("confidence %s, bases %v; want %s and %s", f.Confidence, f.Parts, tt.confidence, tt.copying)
			}
		})
	}
	f := forecast.New(steps, []forecast.Rehearsal{rehearsal(3, 100, 1), rehearsal(7, 100, 1), rehearsal(5, 100, 1)}, nil)
	if !f.Rehearsed.Equal(day.AddDate(0, 0, 7)) || f.Hold.Looks != 7 || f.Rehearsals != 3 {
		t.Errorf("it rests on %d rehearsals, the last on %s, its hold of %d", f.Rehearsals, f.Rehearsed, f.Hold.Looks)
	}
	// What lies between the steps counts with each, and what a person ends is not known.
	slow := rehearsal(1, 100, 100)
	slow.Between = time.Second
	if f := forecast.New(append(slices.Clone(steps), forecast.Step{Name: "sure", Open: true}), []forecast.Rehearsal{slow}, nil); f.Total != seconds(101+11+60+11) || f.Parts[4].Basis != maint.ByNothing {
		t.Errorf("%s: %+v", f.Total, f.Parts)
	}
	if got := forecast.Longest(f); got.Step != "up/copy" {
		t.Errorf("%q decides", got.Step)
	}
}

// run is a maintenance of two steps that are expected to take 100 s and 50 s, in a window of an hour
// that ends when wanted.
type run struct {
	watch forecast.Watch
	now   time.Time
}

func begin(end time.Duration) *run {
	r := &run{now: day, watch: forecast.Watch{Live: forecast.NewLive([]maint.Expected{{Step: "copy", Takes: seconds(100)}, {Step: "rest", Takes: seconds(50)}}), End: day.Add(end), Allow: time.Hour}}
	r.watch.Live.Apply(maint.StepStarted{Step: "copy"}, r.now)
	return r
}

func (r *run) at(s float64) { r.now = day.Add(seconds(s)) }

func (r *run) ends(t *testing.T, want float64) {
	t.Helper()
	if got := r.watch.Live.End(r.now).Sub(day); got != seconds(want) {
		t.Errorf("after %s the end is expected after %s, want %g s", r.now.Sub(day), got, want)
	}
}

func TestLiveEnd(t *testing.T) {
	t.Parallel()
	r := begin(time.Hour)
	r.ends(t, 150)
	r.at(40)
	r.ends(t, 150) // nothing else is known
	r.watch.Live.Sample("copy", 0.05, r.now)
	r.ends(t, 150) // too little to tell
	r.watch.Live.Sample("copy", 0.20, r.now)
	r.ends(t, 250) // 200 s for the copy
	r.watch.Live.Sample("other", 0.90, r.now)
	r.ends(t, 250)
	r.at(120)
	r.ends(t, 330) // no sample for 80 s: as much is left as there was
	r.watch.Live.Apply(maint.StepFinished{Step: "copy"}, r.now)
	r.ends(t, 170)
	r.watch.Live.Apply(maint.StepStarted{Step: "rest"}, r.now)
	r.at(220)
	r.ends(t, 245) // it tells nothing of itself, and has taken twice its time
	r.watch.Live.Apply(maint.StepUndone{Step: "copy"}, r.now)
	r.ends(t, 345)
}

// TestTriesGoOn: a step that is tried again has been going on since its first try.
func TestTriesGoOn(t *testing.T) {
	t.Parallel()
	r := begin(time.Hour)
	r.at(80)
	r.watch.Live.Apply(maint.StepFailed{Step: "copy"}, r.now)
	r.watch.Live.Apply(maint.StepStarted{Step: "copy", Attempt: 2}, r.now)
	r.ends(t, 150)
}

func TestLate(t *testing.T) {
	t.Parallel()
	late := func(r *run) (time.Duration, bool) {
		e, ok := r.watch.Late(r.now)
		if ok && e.Text == "" {
			t.Error("it says nothing")
		}
		return e.ExpectedEnd.Sub(day), ok
	}
	r := begin(200 * time.Second)
	r.at(40)
	r.watch.Live.Sample("copy", 0.20, r.now)
	if end, ok := late(r); ok {
		t.Errorf("said at once: %s", end)
	}
	r.at(60)
	r.watch.Live.Sample("copy", 0.50, r.now)
	if end, ok := late(r); ok {
		t.Errorf("said although it goes well again: %s", end)
	}
	r.at(90)
	r.watch.Live.Sample("copy", 0.50, r.now)
	late(r)
	r.at(127) // a hundredth of an hour later
	r.watch.Live.Sample("copy", 0.60, r.now)
	if end, ok := late(r); !ok || end != 5*time.Minute {
		t.Errorf("said %v, an end after %s, want 5 min", ok, end)
	}
	for s := 128.0; s < 190; s++ {
		r.at(s)
		r.watch.Live.Sample("copy", 0.70, r.now)
		if end, ok := late(r); ok {
			t.Errorf("after %g s said again: %s", s, end)
		}
	}
	r.at(301) // past what people were told
	if end, ok := late(r); !ok || end <= 301*time.Second {
		t.Errorf("past the end that was told: %v, %s", ok, end)
	}
}

// TestLateIsNotToldEveryMinute: the ends that are told go apart as the delay grows.
func TestLateIsNotToldEveryMinute(t *testing.T) {
	t.Parallel()
	w := forecast.Watch{Live: forecast.NewLive(nil), End: day.Add(10 * time.Minute), Allow: 10 * time.Minute}
	w.Live.Apply(maint.StepStarted{Step: "copy"}, day.Add(10*time.Minute-time.Second))
	told := 0
	for s := 0; s < 3600; s++ {
		now := w.End.Add(time.Duration(s) * time.Second)
		w.Live.Sample("copy", 0.99, now) // always almost there
		if _, ok := w.Late(now); ok {
			told++
		}
	}
	if told < 3 || told > 12 {
		t.Errorf("in an hour people were told %d times", told)
	}
}

// TestLateByNothing: without a forecast and without any progress people are told when the window is over.
func TestLateByNothing(t *testing.T) {
	t.Parallel()
	w := forecast.Watch{Live: forecast.NewLive(nil), End: day.Add(10 * time.Minute), Allow: 10 * time.Minute}
	w.Live.Apply(maint.StepStarted{Step: "copy"}, day)
	if _, ok := w.Late(day.Add(7 * time.Minute)); ok {
		t.Error("late in the window")
	}
	if e, ok := w.Late(day.Add(10*time.Minute + time.Second)); !ok || !e.ExpectedEnd.Equal(day.Add(13*time.Minute)) {
		t.Errorf("%v, %s", ok, e.ExpectedEnd.Sub(day))
	}
}

// TestSlowIsSaidInTime: a copy that is slowed to a sixth of its rate is told of before 60 % of what it takes longer are over.
func TestSlowIsSaidInTime(t *testing.T) {
	t.Parallel()
	for name, fraction := range map[string]func(s float64) float64{
		"it tells how far it is": func(s float64) float64 { return s / 600 },
		"it tells nothing":       func(float64) float64 { return 0 },
		"it stalls after half":   func(s float64) float64 { return min(0.5, s/100) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(4 * time.Minute)
			for s := 1.0; s <= 100+0.6*500; s++ {
				r.at(s)
				if f := fraction(s); f > 0 && (f < 0.5 || s <= 50) {
					r.watch.Live.Sample("copy", f, r.now)
				}
				if _, ok := r.watch.Late(r.now); ok {
					return
				}
			}
			t.Error("nobody was told")
		})
	}
}
