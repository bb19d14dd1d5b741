package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
)

// decision is what the record leads to.
type decision func(past []timeline.Entry) ([]maint.Event, error)

// tell decides by what the record has of a subject, and writes what was decided. Two people at
// once are told to look again.
func (a *App) tell(ctx context.Context, id maint.ID, terms say.Terms, decide decision) (say.Said, error) {
	out := say.Said{Text: "It says so already.", URL: a.address(id)}
	past, err := a.history(ctx, id)
	if err != nil {
		return out, err
	}
	if done, err := settled(past, terms); err != nil || len(done) > 0 {
		return told(out, done), err
	}
	events, err := decide(past)
	if err != nil || len(events) == 0 {
		return out, err
	}
	added, err := a.store.Append(ctx, id, int64(len(past)), a.drafts(terms, events)...)
	switch {
	case errors.Is(err, timeline.ErrConflict):
		return out, hint.Wrap(err, "somebody else has said something at the same moment: look, and try again")
	case err != nil:
		return out, err
	case len(added) == 0: // the same request, at the same moment
		if past, err = a.history(ctx, id); err != nil {
			return out, err
		}
		added, err = settled(past, terms)
	}
	return told(out, added), err
}

// tellOf decides by what the record makes of a subject: none is what there was before anything was said of it.
func tellOf[T interface {
	Apply(e maint.Event, at time.Time) T
}](ctx context.Context, a *App, id maint.ID, terms say.Terms, none T, decide func(T) ([]maint.Event, error)) (say.Said, error) {
	return a.tell(ctx, id, terms, func(past []timeline.Entry) ([]maint.Event, error) {
		now := none
		for _, e := range past {
			now = now.Apply(e.Event, e.At)
		}
		return decide(now)
	})
}

func told(s say.Said, entries []timeline.Entry) say.Said {
	if len(entries) > 0 {
		s.Text, s.Entries = "It is on the status page.", entries
	}
	return s
}

func (a *App) history(ctx context.Context, id maint.ID) ([]timeline.Entry, error) {
	past, err := a.store.History(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the record of %s: %w", id, err)
	}
	return past, nil
}

// onceKey begins the keys of entries that stand for a request. What follows is the request's
// own key, a number sign, what it asked, and of its second entry "+1".
const onceKey = "once/"

// settled gives what a request has led to already, and refuses one that comes too late.
func settled(past []timeline.Entry, terms say.Terms) (done []timeline.Entry, err error) {
	if terms.Key != "" {
		for _, e := range past {
			print, same := strings.CutPrefix(e.Key, onceKey+terms.Key+"#")
			print, _, _ = strings.Cut(print, "+")
			if same && print != terms.Print {
				return nil, hint.Wrap(say.ErrKeyUsed, "use a key for one request, and a new one for the next")
			}
			if same {
				done = append(done, e)
			}
		}
	}
	if len(done) == 0 && terms.Seen != 0 && terms.Seen != int64(len(past)) {
		return nil, hint.Wrap(say.ErrMoved, "read it again, and decide again")
	}
	return done, nil
}

// drafts are the entries of one request, which are written together or not at all. With a key
// each later one has its number behind it: of two with the same key the second would be left out.
func (a *App) drafts(terms say.Terms, events []maint.Event) []timeline.Draft {
	out := make([]timeline.Draft, 0, len(events))
	for i, e := range events {
		d := timeline.Draft{At: a.now(), Event: e}
		if terms.Key != "" {
			d.Key = onceKey + terms.Key + "#" + terms.Print
			if i > 0 {
				d.Key += fmt.Sprintf("+%d", i)
			}
		}
		out = append(out, d)
	}
	return out
}

// address is where people read of a subject.
func (a *App) address(id maint.ID) string {
	page := a.Config.Server.URL + "/"
	switch id.Kind() {
	case maint.AMaintenance:
		return page + "maintenance/" + id.Name()
	case maint.AnIncident:
		return page + "incidents/" + id.Name()
	case maint.AChange:
		return page + "changes/" + id.Name()
	}
	return page
}
