package forecast

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Watch decides when people are told that the work will end after its window.
type Watch struct {
	Live  *Live
	End   time.Time     // of the window
	Allow time.Duration // its length
	Told  time.Time     // the end that people were told last; zero = none but the window's

	since time.Time // since when the end is expected to be past what people know
}

// Late says whether people are to be told now, and of which end. Each end is said once, and
// each is later than the one before by half of the delay that was told; what a moment makes of it is not said: the end has to be past what people know for a hundredth of the window, and for a minute at most.
func (w *Watch) Late(now time.Time) (maint.Late, bool) {
	known := w.Known()
	end := w.Live.End(now)
	if !end.After(known) {
		w.since = time.Time{}
		return maint.Late{}, false
	}
	if w.since.IsZero() {
		w.since = now
	}
	if now.Before(known) && now.Sub(w.since) < min(w.Allow/100, time.Minute) {
		return maint.Late{}, false
	}
	if w.Told.After(w.End) { // told before: nobody wants to hear of every other minute
		end = later(end, w.Told.Add(w.Told.Sub(w.End)/2))
	}
	w.Told, w.since = w.round(end), time.Time{}
	return maint.Late{ExpectedEnd: w.Told, Text: lateText}, true
}

// Known is the end that people know of: the window's, or what they were told since.
func (w *Watch) Known() time.Time { return later(w.End, w.Told) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lateText stands before the new end, which every page and notice says in its own way.
const lateText = "The work takes longer than planned."

// round gives an end that people can plan with, and that is not passed again in a moment: up, to minutes that suit
// the length of the window.
func (w *Watch) round(end time.Time) time.Time {
	unit := time.Second
	switch {
	case w.Allow >= time.Hour:
		unit = 5 * time.Minute
	case w.Allow >= 5*time.Minute:
		unit = time.Minute
	case w.Allow >= time.Minute:
		unit = 10 * time.Second
	}
	rounded := end.Truncate(unit)
	if rounded.Before(end) {
		rounded = rounded.Add(unit)
	}
	return rounded
}
