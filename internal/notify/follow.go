package notify

import (
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Bears says whether an event can lead to notices at all, or to a Mirror.
func Bears(e maint.Event) bool {
	switch e.(type) {
	case maint.Scheduled, maint.Rescheduled, maint.Started, maint.Late, maint.Extended, maint.Completed, maint.Cancelled, maint.RolledBack,
		maint.ChangePosted, maint.ChangeWithdrawn, maint.IncidentOpened, maint.IncidentUpdated, maint.PostMortemPublished:
		return true
	}
	return false
}

// Follow says what is to be told because of one entry, given the maintenance before it. What was to be
// told until then and was not is overtaken, unless fresh is false: then the entry changes nothing.
//
// A completed maintenance, one that was moved or has more time, that is late, called off or taken back is told of by itself, to those who
// had been told of it. The start is told as far as the plan lists it. That it is late, is told to everybody where the plan lists it.
func Follow(before maint.Maintenance, e timeline.Entry) (out []Notice, fresh bool) {
	switch ev := e.Event.(type) {
	case maint.Scheduled:
		return ahead(notice(ev, e), ev, e.At), true
	case maint.Rescheduled:
		n := notice(ev.Scheduled, e)
		out = ahead(n, ev.Scheduled, e.At)
		if was := before.Plan.Window; was != ev.Window {
			n.Before, n.Text, n.Since = &was, ev.Text, before.Scheduled
			kind, word := Rescheduled, maint.Reschedules
			if ev.Window.Longer(was) {
				kind, word = Extended, maint.Extends
			}
			out = append([]Notice{occasion(n, kind, word, e)}, out...)
		}
		return out, true
	case maint.Started:
		return listed(before, e, Started, maint.AtStart, ev.Text), true
	case maint.Late:
		if out = listed(before, e, Late, maint.AtLate, ev.Text); len(out) == 0 {
			out = toTold(before, e, Late, maint.AtLate, ev.Text)
		}
		for i := range out {
			out[i].Expected = ev.ExpectedEnd
		}
		return out, true
	case maint.Extended:
		out = toTold(before, e, Extended, maint.Extends, ev.Text)
		out[0].Before, out[0].Window = &before.Plan.Window, ev.Window
		return out, true
	case maint.Completed:
		return toTold(before, e, Completed, maint.AtEnd, ev.Text), true
	case maint.Cancelled:
		return toTold(before, e, Cancelled, maint.Cancels, ev.Text), true
	case maint.RolledBack:
		return toTold(before, e, RolledBack, maint.Cancels, ev.Text), true
	}
	return nil, false
}

func notice(p maint.Scheduled, e timeline.Entry) Notice {
	return Notice{Subject: e.Subject, Title: p.Title, Summary: p.Summary, Window: p.Window, Components: p.Components, Names: p.Names, At: e.At}
}

// ahead are the notices before the start. Of those whose time is over already the last one is told at
// once: whoever should have heard two weeks before hears it now.
func ahead(n Notice, p maint.Scheduled, now time.Time) (out []Notice) {
	start, _, err := p.Window.Resolve()
	if err != nil || !start.After(now) {
		return nil
	}
	n.Kind = Ahead
	var passed *Notice
	for _, word := range p.Notices {
		x, known := maint.ParseNotice(word)
		if !known || !x.Ahead() {
			continue
		}
		n.Word, n.Due = word, x.Due(start).UTC()
		n.ID = fmt.Sprintf("%s/%s/%s", n.Subject, word, start.UTC().Format("2006-01-02T15:04Z"))
		if n.Due.After(now) {
			out = append(out, n)
		} else if passed == nil || n.Due.After(passed.Due) {
			late := n
			passed = &late
		}
	}
	if passed != nil {
		out = append(out, *passed)
	}
	slices.SortStableFunc(out, func(a, b Notice) int { return a.Due.Compare(b.Due) })
	return out
}

func listed(m maint.Maintenance, e timeline.Entry, k Kind, word, text string) []Notice {
	if !slices.Contains(m.Plan.Notices, word) {
		return nil
	}
	n := notice(m.Plan, e)
	n.Text = text
	n = occasion(n, k, word, e)
	n.ToTold = false
	return []Notice{n}
}

func toTold(m maint.Maintenance, e timeline.Entry, k Kind, word, text string) []Notice {
	n := notice(m.Plan, e)
	n.Text, n.Since = text, m.Scheduled
	return []Notice{occasion(n, k, word, e)}
}

// occasion is told at once, and named after the entry that causes it.
func occasion(n Notice, k Kind, word string, e timeline.Entry) Notice {
	n.Kind, n.Word, n.Due, n.ToTold = k, word, e.At, true
	n.ID = fmt.Sprintf("%s/%s/%d", n.Subject, k, e.Version)
	return n
}
