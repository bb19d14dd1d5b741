package inapp

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/view"
)

// lasts is how long it is told that a maintenance is over, to those who come later.
const lasts = 7 * 24 * time.Hour

// During is the word of what is told of a maintenance under way whose plan has no notice for that.
const During = "during"

// Talk is the newest that there is to be told of one maintenance. It can be several notices of one moment: what is for those who were
// told before comes first, and each person gets the first that is for them.
type Talk []notify.Notice

// Current picks out of all notices whose time has come those that hold now, given the page. A maintenance under way is always told of.
func Current(told []notify.Notice, page view.PageModel, now time.Time) []Talk {
	newest := map[maint.ID]Talk{}
	for _, n := range told {
		was := newest[n.Subject]
		switch {
		case len(was) == 0 || n.Told().After(was[0].Told()):
			newest[n.Subject] = Talk{n}
		case n.Told().Equal(was[0].Told()):
			newest[n.Subject] = append(was, n)
		}
	}
	var out []Talk
	for _, list := range [][]view.Maintenance{page.Running, page.Upcoming, page.Past} {
		for _, m := range list {
			t := slices.DeleteFunc(newest[m.ID], func(n notify.Notice) bool { return !holds(n, m, now) })
			if len(t) == 0 && m.Running() {
				t = Talk{during(m)}
			}
			if len(t) > 0 {
				slices.SortStableFunc(t, func(a, b notify.Notice) int { return cmp.Compare(order(a), order(b)) })
				out = append(out, t)
			}
		}
	}
	return out
}

func order(n notify.Notice) int {
	if n.ToTold {
		return 0
	}
	return 1
}

// holds says whether a notice tells how things are.
func holds(n notify.Notice, m view.Maintenance, now time.Time) bool {
	switch n.Kind {
	case notify.Ahead, notify.Rescheduled:
		return m.State == maint.StateScheduled
	case notify.Started, notify.Late:
		return m.Running()
	case notify.Extended:
		return m.State == maint.StateScheduled || m.Running()
	}
	return !m.Ended.IsZero() && now.Sub(n.Told()) < lasts
}

func during(m view.Maintenance) notify.Notice {
	n := notify.Notice{
		ID: fmt.Sprintf("%s/%s/%d", m.ID, During, m.Started.Unix()), Subject: m.ID, Kind: notify.Started, Word: During, Due: m.Started.UTC(), At: m.Started.UTC(),
		Title: m.Title, Summary: m.Summary, Window: maint.Window{Start: m.Window.Wall, Zone: m.Window.Zone, Allow: m.Window.Allow},
		Components: map[string]maint.Impact{}, Names: map[string]string{},
	}
	for _, c := range m.Components {
		n.Components[c.ID], n.Names[c.ID] = c.Impact, c.Name
	}
	return n
}

// Audience is whom a channel is for.
type Audience struct {
	Traits map[string][]string // each of them, with one of its values; none = everybody
	Active time.Duration       // who was here in so long a time before the message; 0 = also who was not
}

// Covers says whether somebody has the traits.
func (a Audience) Covers(p Person) bool {
	for name, values := range a.Traits {
		if v, has := p.Traits[name]; !has || !slices.Contains(values, v) {
			return false
		}
	}
	return true
}

// For gives what somebody is to see of what is current: what they were told, what is new for them, and what is passed over. Each is
// to be kept (Change), because it is decided once: who comes for the first time was not here before, and the next time they were.
//
// What goes to those who were told before goes to them, and to whoever was here while the maintenance was. All else
// goes to the audience.
func (a Audience) For(p Person, s State, current []Talk) (all, fresh, passed []notify.Notice) {
	for _, talk := range current {
		if i := slices.IndexFunc(talk, func(n notify.Notice) bool { return !s.Marks[n.ID].Told.IsZero() }); i >= 0 {
			all = append(all, talk[i])
			continue
		}
		for _, n := range talk {
			_, before := s.Marks[n.ID]
			switch {
			case before || !s.Told(n.Subject) && !a.Covers(p):
				continue
			case a.due(n, s):
				all, fresh = append(all, n), append(fresh, n)
			default:
				passed = append(passed, n)
				continue
			}
			break
		}
	}
	return all, fresh, passed
}

// due goes by what is kept of somebody who is covered, or was told before.
func (a Audience) due(n notify.Notice, s State) bool {
	switch {
	case s.Told(n.Subject):
		return true
	case n.ToTold:
		return between(n, s)
	}
	return a.Active == 0 || !s.Seen.Before(n.Told().Add(-a.Active))
}

// between says whether somebody was here in between: after the window had begun.
func between(n notify.Notice, s State) bool {
	start, _, err := n.Window.Resolve()
	return err == nil && !s.Seen.Before(start)
}

// MessageOf names a notice.
func MessageOf(n notify.Notice) Message { return Message{ID: n.ID, Subject: n.Subject, Word: n.Word} }
