package probe

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// judge takes a probe's findings for certain only once enough of them in a row agree.
//
// While one thing is certain, looks that are worse than it add up whatever each of them is:
// the mildest of them is what all agree on. With looks that are better it is the worst of
// them. So a probe that finds something else wrong each time is not held for well.
type judge struct {
	known  bool
	impact maint.Impact // what is certain, once it is known
	public string
	since  time.Time // the first look that found it so

	streak int // looks in a row that say otherwise
	first  time.Time
	agreed Finding // what all of these say at least
}

// take says whether it has changed what is certain.
func (j *judge) take(f Finding, confirm int) bool {
	if j.known && f.Impact == j.impact {
		j.streak = 0
		return false
	}
	if j.streak == 0 || !j.goesOn(f) {
		j.streak, j.first, j.agreed = 0, f.Began, f
	}
	j.streak++
	if j.known && worse(j.agreed.Impact, f.Impact) == worse(f.Impact, j.impact) {
		j.agreed = f // closer to what is certain
	}
	if j.streak < confirm {
		return false
	}
	j.known, j.impact, j.public, j.since, j.streak = true, j.agreed.Impact, j.agreed.Public, j.first, 0
	return true
}

// goesOn says whether a look adds to those before it.
func (j *judge) goesOn(f Finding) bool {
	if !j.known {
		return f.Impact == j.agreed.Impact
	}
	return worse(f.Impact, j.impact) == worse(j.agreed.Impact, j.impact)
}

// unsure says that more looks are needed.
func (j *judge) unsure() bool { return j.streak > 0 }

func worse(a, b maint.Impact) bool { return a != b && maint.Worst(a, b) == a }

// soon is how long a probe that is unsure waits for its next look.
func soon(every time.Duration) time.Duration { return min(every, max(time.Second, every/6)) }
