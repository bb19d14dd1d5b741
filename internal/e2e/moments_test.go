package e2e

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// steps of the plan in their order, as the record names them.
var steps = []string{
	"banner", "command",
	"upgrade/preflight", "upgrade/publication", "upgrade/slots", "upgrade/base-backup", "upgrade/freeze", "upgrade/recovery", "upgrade/pg-upgrade",
	"upgrade/target", "upgrade/subscription", "upgrade/catch-up", "upgrade/way-back", "upgrade/deltas", "upgrade/statistics", "upgrade/comparison",
	"upgrade/plans", "upgrade/cache",
	theSwitch, "upgrade/after", "upgrade/follow-back", theLast,
	"check", "banner-2", "site-probes",
}

const (
	theSwitch = "upgrade/switch"
	theLast   = "upgrade/views" // of the upgrade
)

// upgraded is the number of steps up to the last one of the upgrade.
var upgraded = slices.Index(steps, theLast) + 1

// places are the steps and what lies between them, in the order in which a run comes by.
var places = slices.Concat([]string{begun, "started"}, steps[:upgraded], []string{"verifying"}, steps[upgraded:], []string{"completed"})

// back are the steps of a rollback.
var back = []string{"upgrade/rollback/ready", "upgrade/rollback/switch", "upgrade/rollback/after", "upgrade/rollback/tidy-up"}

// order is that in which a run and the rollback after it come by.
var order = slices.Concat(places, back)

// fact is a line of what a run prints, as far as it matters here.
type fact struct {
	Kind  string `json:"kind"`
	Event struct {
		Step string `json:"step"`
		Text string `json:"text"`
	} `json:"event"`
}

// Kinds of facts that are not of the record.
const (
	begun = "begun" // the process has been started
	held  = "held"  // clients are held
)

// place is -1 for facts that can be anywhere.
func (f fact) place() int {
	if f.Event.Step != "" {
		return slices.Index(order, f.Event.Step)
	}
	return slices.Index(order, f.Kind)
}

// moment is when to kill a run: a while after something happens in its place, but not
// later than at the end of the step in which it does.
type moment struct {
	name  string
	place string // "": anywhere
	after func(fact) bool
	wait  time.Duration
	// lasting asks for a hold that lasts, so that it cannot be over before the run is killed.
	lasting bool
}

func (m moment) passed(f fact) bool {
	return m.place != "" && f.place() > slices.Index(order, m.place)
}

func (m moment) begins(f fact) bool {
	return (m.place == "" || f.place() == slices.Index(order, m.place)) && m.after(f)
}

// next is the moment that a fact begins. Those whose place is passed have been missed.
func next(moments []moment, f fact) (*moment, []moment) {
	for len(moments) > 0 && moments[0].passed(f) {
		moments = moments[1:]
	}
	if len(moments) > 0 && moments[0].begins(f) {
		return &moments[0], moments[1:]
	}
	return nil, moments
}

// slow steps are those with much to be killed in the middle of.
var slow = map[string]time.Duration{
	"upgrade/base-backup": time.Second, "upgrade/recovery": time.Second, "upgrade/pg-upgrade": 8 * time.Second,
}

const soon = 300 * time.Millisecond

// moments are when the runs are killed: in every place at least once, in the slow ones again,
// and in the switch again and again, while clients are held above all.
func moments(random *rand.Rand, again int) (out []moment) {
	within := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	for _, place := range places {
		if !slices.Contains(steps, place) {
			out = append(out, moment{name: "at " + place, place: place, after: kind(place), wait: within(soon / 10)})
			continue
		}
		out = append(out, moment{name: "soon after the start of " + place, place: place, after: kind("step_started"), wait: within(soon)})
		for range again {
			switch {
			case place == theSwitch:
				out = append(out,
					moment{name: "as clients are held", place: place, after: kind(held), lasting: true},
					moment{name: "while clients are held", place: place, after: kind(held), wait: within(lasting), lasting: true})
			case slow[place] > 0:
				out = append(out, moment{name: "in " + place, place: place, after: kind("step_started"), wait: within(slow[place])})
			}
		}
		if place == theSwitch { // sooner or later one comes too late, and the clients have moved
			for range 2 * again {
				out = append(out, moment{name: "after the watchdog was ready", place: place, after: ready, wait: within(60 * time.Millisecond)})
			}
		}
	}
	return out
}

func kind(k string) func(fact) bool { return func(f fact) bool { return f.Kind == k } }

// ready is all that is left before the hold.
func ready(f fact) bool { return f.Kind == "progress" && strings.Contains(f.Event.Text, "good moment") }
