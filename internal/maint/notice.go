package maint

import (
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Notice is a moment at which people are told of a maintenance: a time before its start, or an event.
type Notice struct {
	Word   string        // as it is written: "14d", "late"
	Days   int           // before the start, by the calendar of the window's zone
	Before time.Duration // before the start, by the clock
}

// The notices that follow an event and not the clock.
const (
	AtStart     = "start"
	AtLate      = "late"
	AtEnd       = "end"
	Reschedules = "rescheduled"
	Extends     = "extended"
	Cancels     = "cancelled"
)

// Occasions are all of them.
var Occasions = []string{AtStart, AtLate, AtEnd, Reschedules, Extends, Cancels}

var beforeStart = regexp.MustCompile(`^([1-9][0-9]{0,3})([dhm])$`)

// ParseNotice reads a word: "14d", "1h", "30m", or an occasion.
func ParseNotice(word string) (n Notice, ok bool) {
	n.Word = word
	m := beforeStart.FindStringSubmatch(word)
	if m == nil {
		return n, slices.Contains(Occasions, word)
	}
	count, _ := strconv.Atoi(m[1]) // four digits at most, by the expression
	switch m[2] {
	case "d":
		n.Days = count
	case "h":
		n.Before = time.Duration(count) * time.Hour
	case "m":
		n.Before = time.Duration(count) * time.Minute
	}
	return n, true
}

// Ahead says whether it is a time before the start.
func (n Notice) Ahead() bool { return n.Days > 0 || n.Before > 0 }

// Due is when a time before the start comes. Days are those of the zone's calendar, so that
// the notice comes at the same time of day whatever the clocks have done between.
func (n Notice) Due(start time.Time) time.Time {
	return start.AddDate(0, 0, -n.Days).Add(-n.Before)
}

// NoticeGiven says what became of a notice once nothing of it is left to send. It is for the operator,
// but its numbers may be published in the post-mortem. Its subject is NoticesID.
type NoticeGiven struct {
	Notice      string             `json:"notice"` // its id, the same when more of it was sent later
	Maintenance ID                 `json:"maintenance"`
	Word        string             `json:"word"`
	At          time.Time          `json:"at"` // since when it was on its way
	Channels    map[string]Reached `json:"channels"`
}

// Reached counts the recipients of a notice by one channel.
type Reached struct {
	Sent   int `json:"sent"`
	Failed int `json:"failed,omitempty"` // given up
	Twice  int `json:"twice,omitempty"`  // of those sent: they may have come twice
}

// Kind implements Event.
func (NoticeGiven) Kind() string { return "notice_given" }
