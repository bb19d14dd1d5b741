package view

import (
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/timeline"
)

// Suggest writes the post that a completed maintenance makes by itself: what changed, from its plan and its record, in words that
// may be published. Nobody has to keep it: the same record gives the same post, and none when the work was taken back.
func Suggest(c *phrase.Catalogue, entries []timeline.Entry, now time.Time) (post maint.ChangePosted, ok bool) {
	r := PostMortem(entries, now)
	if r.State != maint.StateCompleted {
		return post, false
	}
	var d document
	if r.Summary != "" {
		d.line("%s\n", plainText(r.Summary))
	}
	d.line("## %s\n", plainText(c.Text(phrase.Say("suggest.changed"))))
	d.list(r.changes(c, timeline.Fold(r.ID, entries).Plan))
	return maint.ChangePosted{Title: r.Title, Text: strings.TrimSpace(d.String()), Maintenance: r.ID}, true
}

// changes are the facts that a user may have noticed.
func (r Report) changes(c *phrase.Catalogue, plan maint.Scheduled) []string {
	out := []string{c.Text(phrase.Say("suggest.done", "when", r.worked(c)))}
	var parts []string
	for _, a := range affected(plan.Components, plan.Names) {
		parts = append(parts, c.Text(phrase.Say("notice.affected", "name", a.Name, "impact", c.Named("impact", string(a.Impact)))))
	}
	if len(parts) > 0 {
		out = append(out, c.Text(phrase.Say("suggest.affected", "affects", strings.Join(parts, ", "))))
	}
	if r.Hold != nil {
		out = append(out, c.Text(phrase.Say("suggest.waited", "length", Length(r.Hold.Took))))
	}
	return out
}

// worked is from when to when, in the organiser's zone.
func (r Report) worked(c *phrase.Catalogue) string {
	end := phrase.Clock(r.Ended)
	if Day(r.Started) != Day(r.Ended) {
		end = c.At(c.Date("date.full", r.Ended), end)
	}
	span := c.Text(phrase.Say("date.span", "start", c.At(c.Date("date.full", r.Started), phrase.Clock(r.Started)), "end", end))
	return c.Text(phrase.Say("date.in", "time", span, "place", c.Place(r.Started.Location().String())))
}
