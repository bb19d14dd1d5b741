package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/view"
)

const (
	digestLook = time.Minute // from one look at whether the week is over to the next
	digestPost = 400         // bytes of a post in a digest
)

// digesting writes the notice of what was new in a week, when the week is over, until ctx ends. Of several servers any may: there is one
// notice a week.
func (a *App) digesting(ctx context.Context) {
	done := time.Time{}
	for ctx.Err() == nil {
		week := a.weekEnd(a.now())
		if !week.Equal(done) {
			if err := a.digest(ctx, week); err == nil {
				done = week
			} else if ctx.Err() == nil {
				slog.Warn("write the digest of the change log", "error", err)
			}
		}
		pause(ctx, digestLook)
	}
}

// weekEnd is the last moment by now at which a digest is due, by the calendar of the page's zone.
func (a *App) weekEnd(now time.Time) time.Time {
	s := a.Config.Subscribers
	here := now.In(a.zone())
	day := here.AddDate(0, 0, -(int(here.Weekday()-s.Digest)+7)%7)
	end := time.Date(day.Year(), day.Month(), day.Day(), int(s.DigestAt.Hours()), int(s.DigestAt.Minutes())%60, 0, 0, a.zone())
	if end.After(now) {
		return end.AddDate(0, 0, -7)
	}
	return end
}

// digest writes that of the week that ended then, if anything was new in it.
func (a *App) digest(ctx context.Context, end time.Time) error {
	page, err := a.Page(ctx)
	if err != nil {
		return err
	}
	var parts []string
	for _, c := range page.Changes {
		if c.Posted.After(end.AddDate(0, 0, -7)) && !c.Posted.After(end) {
			parts = append(parts, a.digested(c))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	id := "digest/" + end.Format(time.DateOnly)
	return a.store.AddNotice(ctx, notify.Notice{ID: id, Subject: maint.ID(id), Kind: notify.Digest, Word: "weekly", Due: end.UTC(), At: end.UTC(), Text: strings.Join(parts, "\n\n")})
}

// digested is a post as a digest has it.
func (a *App) digested(c view.Change) string {
	text, _, _ := strings.Cut(markdown.Text(c.Text), "\n\n")
	if len(text) > digestPost {
		text = strings.ToValidUTF8(text[:digestPost], "") + "…"
	}
	return c.Title + "\n" + text + "\n" + a.Config.Server.URL + feed.PathOf(c.ID)
}
