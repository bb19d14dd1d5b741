package view

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Hold is how long clients were made to wait at the switch, and on what.
type Hold struct {
	At    time.Time // zero when the record does not say
	Took  time.Duration
	Parts []HoldPart
	Tries int
	// Predicted is what was expected just before; Budget is what the plan allows. 0: not on record.
	Predicted, Budget time.Duration
	WentBack          []Try // the tries before, oldest first
}

// Try is a hold that was given up: clients went on where they were.
type Try struct {
	At        time.Time
	Predicted time.Duration
	Held      time.Duration
}

// triesOf reads the tries that went back before the last hold.
func triesOf(notes []Note, zone Window) (out []Try) {
	for _, n := range notes {
		if held, ok := n.Figures["went_back_ms"]; ok {
			out = append(out, Try{At: zone.in(time.UnixMilli(int64(n.Figures["went_back_at_unix_ms"]))), Predicted: millis(n.Figures["predicted_ms"]), Held: millis(held)})
		}
	}
	return out
}

// HoldPart is one share of the hold.
type HoldPart struct {
	Name string
	Took time.Duration
}

// holdParts are the figures beside hold_ms that say what it went into, in the order in which they happen.
var holdParts = []struct{ key, name string }{
	{"drain_ms", "Transactions under way come to their end"},
	{"fence_ms", "The old server is closed to everybody else"},
	{"marker_ms", "Its last change is seen on the new server"},
	{"sequences_ms", "Sequences are carried over"},
	{"resume_ms", "Clients go to the new server"},
}

// holdOf reads the last note that has a hold_ms: earlier ones are of tries that came to nothing.
func holdOf(notes []Note, zone Window) *Hold {
	for i, n := range slices.Backward(notes) {
		total, ok := n.Figures["hold_ms"]
		if !ok {
			continue
		}
		h := &Hold{Took: millis(total), Tries: max(1, int(n.Figures["tries"])),
			Predicted: millis(n.Figures["predicted_ms"]), Budget: millis(n.Figures["hold_budget_ms"]), WentBack: triesOf(notes[:i], zone)}
		if at, ok := n.Figures["held_at_unix_ms"]; ok {
			h.At = zone.in(time.UnixMilli(int64(at)))
		}
		rest := h.Took
		for _, p := range holdParts {
			if v, ok := n.Figures[p.key]; ok {
				h.Parts = append(h.Parts, HoldPart{p.name, millis(v)})
				rest -= millis(v)
			}
		}
		if len(h.Parts) > 0 && rest >= 100*time.Microsecond {
			h.Parts = append(h.Parts, HoldPart{"Everything else", rest})
		}
		return h
	}
	return nil
}

func millis(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }

// gather gives each figure its last value: a step that was done again measured again.
func gather(notes []Note) maint.Figures {
	out := maint.Figures{}
	for _, n := range notes {
		for name, v := range n.Figures {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				out[name] = v
			}
		}
	}
	return out
}

// FigureText writes a figure with the unit that its name ends in.
func FigureText(name string, v float64) (label, value string) {
	label = name
	unit := func(suffix string) bool {
		cut, ok := strings.CutSuffix(name, suffix)
		if ok {
			label = cut
		}
		return ok
	}
	switch {
	case unit("_unix_ms"):
		value = time.UnixMilli(int64(v)).UTC().Format("2006-01-02 15:04:05.000 UTC")
	case unit("_ms"):
		value = Length(millis(v))
	case unit("_bytes"):
		value = Bytes(v)
	case unit("_s"):
		value = Length(time.Duration(v * float64(time.Second)))
	default:
		value = Count(v)
	}
	return spaced(label), value
}

// Count writes a number with its thousands apart.
func Count(v float64) string {
	if v != math.Trunc(v) || math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	digits := strconv.FormatInt(int64(math.Abs(v)), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	if v < 0 {
		return "-" + digits
	}
	return digits
}

// Bytes writes an amount of data in powers of ten, as disks are sold and networks are rated.
func Bytes(v float64) string {
	for _, unit := range []string{"bytes", "kB", "MB", "GB", "TB"} {
		if math.Abs(v) < 999.5 || unit == "TB" {
			if unit == "bytes" || math.Abs(v) >= 99.95 {
				return fmt.Sprintf("%.0f %s", v, unit)
			}
			return fmt.Sprintf("%.1f %s", v, unit)
		}
		v /= 1000
	}
	return ""
}

// Length writes a length of time as people say it, to about three digits.
func Length(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Length(-d)
	case d == 0:
		return "0 s"
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond)/time.Millisecond)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	hours, minutes, seconds := d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second
	switch {
	case hours >= 48:
		return two(int64(hours/24), "days", int64(hours%24), "h")
	case hours > 0:
		return two(int64(hours), "h", int64(minutes), "min")
	case minutes > 0:
		return two(int64(minutes), "min", int64(seconds), "s")
	}
	return fmt.Sprintf("%d s", seconds)
}

func two(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}
