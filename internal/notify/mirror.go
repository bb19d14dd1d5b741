package notify

import (
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Mirror is the kind of a notice that tells nobody anything: it brings what another service keeps of a subject, such as
// a maintenance window there, in line with the record. Its Word is the event that makes it due.
const Mirror Kind = "mirror"

// Mirrored says what another service is to show because of one entry, given the maintenance before it. ok is false
// when the entry changes nothing there. A later one overtakes those that wait.
func Mirrored(before maint.Maintenance, e timeline.Entry) (n Notice, ok bool) {
	plan := before.Plan
	late := before.Late
	over := false
	switch ev := e.Event.(type) {
	case maint.Scheduled:
		plan = ev
	case maint.Rescheduled:
		plan = ev.Scheduled
	case maint.Late:
		late = &ev
	case maint.Extended:
		before = before.Apply(ev, e.At)
		plan, late = before.Plan, before.Late
	case maint.Started:
	case maint.Completed, maint.Cancelled, maint.RolledBack:
		over = true
	case maint.ChangePosted:
		n = Notice{Subject: e.Subject, Title: ev.Title, Text: ev.Text, Labels: ev.Labels, At: e.At}
		return mirror(n, e, false), true
	case maint.ChangeWithdrawn:
		return mirror(Notice{Subject: e.Subject, At: e.At}, e, true), true
	default:
		return n, false
	}
	n = notice(plan, e)
	if late != nil {
		n.Expected = late.ExpectedEnd
	}
	return mirror(n, e, over), true
}

func mirror(n Notice, e timeline.Entry, over bool) Notice {
	n.Kind, n.Word, n.Due, n.Over = Mirror, e.Event.Kind(), e.At, over
	n.ID = fmt.Sprintf("%s/%s/%d", n.Subject, Mirror, e.Version)
	return n
}

// Span is from when to when a maintenance is, as far as is known: it ends after its window when it is late.
func (n Notice) Span() (start, end time.Time, err error) {
	start, end, err = n.Window.Resolve()
	if err == nil && n.Expected.After(end) {
		end = n.Expected
	}
	return start, end, err
}
