package view

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lullhq/lull/internal/maint"
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
	Headline string
	ID       maint.ID // the maintenance that the sentence is about, if it is about one
	Title    string
	AtWord   string
	At       time.Time
	Zone     string // of the organiser
}

func overall(p PageModel, c Catalog) Overall {
	if o, wrong := trouble(p, c); wrong {
		return o
	}
	quiet := "No maintenance right now"
	if len(c.Components) > 0 {
		quiet = "All systems operational"
	}
	switch {
	case len(p.Running) > 1:
		return Overall{Tone: Busy, Headline: fmt.Sprintf("%d maintenances are under way", len(p.Running))}
	case len(p.Running) == 1:
		return running(p.Running[0])
	case len(p.Upcoming) > 0 && (p.Upcoming[0].Due || p.Upcoming[0].Overdue):
		return waiting(p.Upcoming[0])
	case len(p.Past) > 0 && p.Past[0].Recent:
		return ended(p.Past[0])
	case len(p.Upcoming) > 0:
		return about(p.Upcoming[0], Calm, quiet, "Next maintenance starts", p.Upcoming[0].Window.Start)
	}
	return Overall{Tone: Calm, Headline: quiet}
}

func about(m Maintenance, tone Tone, headline, word string, at time.Time) Overall {
	return Overall{Tone: tone, Headline: headline, ID: m.ID, Title: m.Title, AtWord: word, At: at, Zone: m.Window.Zone}
}

func running(m Maintenance) Overall {
	word, at := "Planned to end by", m.Window.End
	if !m.Expected.IsZero() {
		word, at = "Now expected to end", m.Expected
	}
	switch {
	case m.State == maint.StateVerifying:
		return about(m, Busy, "The work is done, checks are running", word, at)
	case m.Overrun || !m.Expected.IsZero():
		return about(m, Slow, "Maintenance is running late", word, at)
	}
	return about(m, Busy, "Maintenance is under way", word, at)
}

func waiting(m Maintenance) Overall {
	if m.Overdue {
		return about(m, Slow, "The planned maintenance has not started", "Was planned for", m.Window.Start)
	}
	return about(m, Calm, "Maintenance is about to start", "Planned start", m.Window.Start)
}

func ended(m Maintenance) Overall {
	if m.State == maint.StateCancelled {
		return about(m, Calm, "Maintenance cancelled", "Ended", m.Ended)
	}
	return about(m, Done, "Maintenance completed", "Ended", m.Ended)
}

// StateWord is a state in a reader's words.
func StateWord(s maint.State) string {
	switch s {
	case maint.Draft, "":
		return "Draft"
	case maint.StateScheduled:
		return "Scheduled"
	case maint.InProgress:
		return "In progress"
	case maint.StateVerifying:
		return "Verifying"
	case maint.StateCompleted:
		return "Completed"
	case maint.StateCancelled:
		return "Cancelled"
	}
	return plain(string(s))
}

// ImpactWord is an impact in a reader's words.
func ImpactWord(i maint.Impact) string {
	switch i {
	case maint.Operational:
		return "stays up"
	case maint.DegradedPerformance:
		return "slower than usual"
	case maint.PartialOutage:
		return "partly unavailable"
	case maint.MajorOutage:
		return "unavailable"
	case maint.UnderMaintenance:
		return "under maintenance"
	}
	return spaced(string(i))
}

func label(e maint.Public) string {
	switch e := e.(type) {
	case maint.BannerChanged:
		if e.On {
			return "Notice on our sites"
		}
		return "Notice taken down"
	case maint.Updated:
		return "Update"
	case maint.Late:
		return "Running late"
	case maint.IncidentOpened:
		return StatusWord(e.Status)
	case maint.IncidentUpdated:
		return StatusWord(e.Status)
	case maint.PostMortemPublished:
		return StatusWord(maint.PostMortem)
	case maint.ComponentSet:
		return StateOfComponent(e.Status)
	case maint.ComponentProbed:
		return StateOfComponent(e.Status)
	case maint.ComponentFreed:
		return "Follows its checks again"
	}
	return plain(e.Kind())
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

// plain makes words of a name such as some_new_state.
func plain(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return name
	}
	return string(unicode.ToUpper(first)) + spaced(name[size:])
}

func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

func ageText(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "about a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
