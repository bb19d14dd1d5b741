package pgup

import (
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// rates are what a hold is predicted from, measured just before it.
type rates struct {
	Oldest    time.Duration // age of the oldest open transaction; 0 when none is open
	Console   time.Duration // one question to the poolers
	Close     time.Duration // the closing of a fence, rehearsed
	Marker    time.Duration // a marker's way to the other server
	Look      time.Duration // one look for writers
	Inside    int           // sessions that will have to end
	Leave     time.Duration // the end of one session
	Sequences int
	Carry     time.Duration // all sequences, rehearsed
	Deltas    time.Duration // what no replication carries, as the last pass took
	Open      time.Duration // the opening of a fence, which waits for the disk
}

// forecast is how long a hold is expected to take, by the parts that its record has.
type forecast struct {
	Drain, Fence, Marker, Resume time.Duration
}

// Questions that the gate asks the pooler's console on the two ways, in a row.
const (
	askedToHold   = 4
	askedToResume = 5
)

// predict says how long the hold would be if it began now. A transaction is expected to go
// on for as long as it has been open: that is what is known of it.
func predict(r rates) forecast {
	return forecast{
		Drain:  r.Oldest + askedToHold*r.Console,
		Fence:  r.Close,
		Marker: max(r.Marker, time.Duration(r.Inside)*r.Leave+r.Look+max(r.Carry, r.Deltas)) + r.Look,
		Resume: max(r.Open, r.Look) + askedToResume*r.Console,
	}
}

func (f forecast) hold() time.Duration { return f.Drain + f.Fence + f.Marker + f.Resume }

func (f forecast) figures(try int, budget time.Duration) maint.Figures {
	return maint.Figures{"try": float64(try), "predicted_ms": ms(f.hold()), "predicted_drain_ms": ms(f.Drain), "predicted_fence_ms": ms(f.Fence),
		"predicted_marker_ms": ms(f.Marker), "predicted_resume_ms": ms(f.Resume), "hold_budget_ms": ms(budget)}
}

// longest names the part that most of the hold goes into, for whoever has to make it shorter.
func (f forecast) longest() string {
	part, most := "the wait for open transactions", f.Drain
	for _, p := range []struct {
		name string
		took time.Duration
	}{{"closing the server", f.Fence}, {"the end of all sessions, the last changes and the sequences", f.Marker}, {"opening the other server", f.Resume}} {
		if p.took > most {
			part, most = p.name, p.took
		}
	}
	return fmt.Sprintf("%s, %.0f ms", part, ms(most))
}

func (f forecast) text(try int, r rates, budget time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Try %d: clients are expected to be held for %.0f ms, and for %s at most. ", try, ms(f.hold()), budget)
	if r.Oldest > 0 {
		fmt.Fprintf(&b, "The oldest open transaction is %.0f ms old. ", ms(r.Oldest))
	} else {
		b.WriteString("No transaction is open. ")
	}
	fmt.Fprintf(&b, "A marker takes %.1f ms, sequences (%d) take %.1f ms, the end of sessions (%d) takes %.1f ms.", ms(r.Marker), r.Sequences, ms(r.Carry), r.Inside, ms(time.Duration(r.Inside)*r.Leave))
	return b.String()
}
