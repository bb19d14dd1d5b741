package view

import (
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
)

// Tone is the colour of a sentence: how much a reader should worry.
type Tone string

// The tones, calm first.
const (
	Calm Tone = "calm"
	Done Tone = "done"
	Busy Tone = "busy"
	Slow Tone = "late"
	Down Tone = "down"
)

// Overall is the sentence at the top of the page, and the one instant that goes with it.
type Overall struct {
	Tone     Tone
	Says     phrase.Phrase
	Headline string   // the same in English
	ID       maint.ID // the maintenance that the sentence is about, if it is about one
	Title    string
	AtSays   phrase.Phrase // what is at that instant; its place {when} takes it
	At       time.Time
	Zone     string // of the organiser
}

func overall(p PageModel, c Catalog) Overall {
	o := headline(p, c)
	o.Headline = phrase.English.Text(o.Says)
	return o
}

func headline(p PageModel, c Catalog) Overall {
	if o, wrong := trouble(p, c); wrong {
		return o
	}
	quiet := phrase.Say("headline.quiet")
	if len(c.Components) > 0 {
		quiet = phrase.Say("headline.operational")
	}
	switch {
	case len(p.Running) > 1:
		return Overall{Tone: Busy, Says: phrase.Say("headline.several", "n", len(p.Running))}
	case len(p.Running) == 1:
		return running(p.Running[0])
	case len(p.Upcoming) > 0 && (p.Upcoming[0].Due || p.Upcoming[0].Overdue):
		return waiting(p.Upcoming[0])
	case len(p.Past) > 0 && p.Past[0].Recent:
		return ended(p.Past[0])
	case len(p.Upcoming) > 0:
		return about(p.Upcoming[0], Calm, quiet, "at.next", p.Upcoming[0].Window.Start)
	}
	return Overall{Tone: Calm, Says: quiet}
}

func about(m Maintenance, tone Tone, says phrase.Phrase, at string, when time.Time) Overall {
	return Overall{Tone: tone, Says: says, ID: m.ID, Title: m.Title, AtSays: phrase.Say(at), At: when, Zone: m.Window.Zone}
}

func running(m Maintenance) Overall {
	at, when := "at.planned_end", m.Window.End
	if !m.Expected.IsZero() {
		at, when = "at.expected_end", m.Expected
	}
	switch {
	case m.State == maint.StateVerifying:
		return about(m, Busy, phrase.Say("headline.verifying"), at, when)
	case m.Overrun || !m.Expected.IsZero():
		return about(m, Slow, phrase.Say("headline.late"), at, when)
	}
	return about(m, Busy, phrase.Say("headline.running"), at, when)
}

func waiting(m Maintenance) Overall {
	if m.Overdue {
		return about(m, Slow, phrase.Say("headline.overdue"), "at.was_planned", m.Window.Start)
	}
	return about(m, Calm, phrase.Say("headline.due"), "at.planned_start", m.Window.Start)
}

func ended(m Maintenance) Overall {
	if m.State == maint.StateCancelled {
		return about(m, Calm, phrase.Say("headline.cancelled"), "at.ended", m.Ended)
	}
	return about(m, Done, phrase.Say("headline.completed"), "at.ended", m.Ended)
}

// label says what kind of news an entry is.
func label(e maint.Public) phrase.Phrase {
	switch e := e.(type) {
	case maint.BannerChanged:
		if e.On {
			return phrase.Say("entry.banner_on")
		}
		return phrase.Say("entry.banner_off")
	case maint.IncidentOpened:
		return phrase.Say("status." + string(e.Status))
	case maint.IncidentUpdated:
		return phrase.Say("status." + string(e.Status))
	case maint.PostMortemPublished:
		return phrase.Say("status." + string(maint.PostMortem))
	case maint.ComponentSet:
		return phrase.Say("component." + string(e.Status))
	case maint.ComponentProbed:
		return phrase.Say("component." + string(e.Status))
	}
	return phrase.Say("entry." + e.Kind())
}

// words are what an event says of itself, as it was stored.
func words(e maint.Public) string {
	switch e := e.(type) {
	case maint.Scheduled:
		return e.Summary
	case maint.Rescheduled:
		return e.Text
	case maint.Started:
		return e.Text
	case maint.Updated:
		return e.Text
	case maint.BannerChanged:
		return e.Text
	case maint.Late:
		return e.Text
	case maint.Extended:
		return e.Text
	case maint.Verifying:
		return e.Text
	case maint.Completed:
		return e.Text
	case maint.Cancelled:
		return e.Text
	case maint.RolledBack:
		return e.Text
	case maint.IncidentOpened:
		return e.Text
	case maint.IncidentUpdated:
		return e.Text
	case maint.PostMortemPublished:
		return e.Text
	case maint.ComponentSet:
		return e.Text
	case maint.ComponentProbed:
		return e.Text
	}
	return ""
}

func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }
