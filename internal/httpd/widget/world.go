package widget

import (
	"sync"
	"time"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/view"
)

// world is what can be told now. It never changes.
type world struct {
	page    view.PageModel
	current []inapp.Talk
	public  map[string]maint.ID // what anyone is shown, by its id
	next    time.Time           // when there is more; zero = nothing is waiting
	again   bool                // it could not be read since
	words   *sync.Map           // messages in words, by wording
}

// wording is what the words of a message depend on.
type wording struct{ notice, channel, language, zone string }

func newWorld(page view.PageModel, current []inapp.Talk, next time.Time, public []feed.WidgetNotice) *world {
	w := &world{page: page, current: current, public: map[string]maint.ID{}, next: next, words: &sync.Map{}}
	for _, n := range public {
		w.public[n.ID] = n.Subject
	}
	return w
}

func (w *world) stale() *world {
	out := *w
	out.again = true
	return &out
}

// due says whether the passing of time alone has brought something new.
func (w *world) due(now time.Time) bool {
	return w.again || !w.next.IsZero() && !now.Before(w.next)
}

// find gives the message of that id, if it is one that can be shown now.
func (w *world) find(id string) (inapp.Message, bool) {
	for _, talk := range w.current {
		for _, n := range talk {
			if n.ID == id {
				return inapp.MessageOf(n), true
			}
		}
	}
	subject, shown := w.public[id]
	return inapp.Message{ID: id, Subject: subject}, shown
}

// message is a notice in somebody's words.
type message struct {
	ID      string   `json:"id"`
	Subject maint.ID `json:"subject"`
	Title   string   `json:"title"`
	Text    string   `json:"text"`
	Link    string   `json:"link"`
	// At is since when people are told.
	At time.Time `json:"at"`
}

func (w *world) say(words notify.Words, n notify.Notice, channel string, p inapp.Person) (message, error) {
	key := wording{n.ID, channel, p.Language, p.Zone}
	if m, known := w.words.Load(key); known {
		return m.(message), nil
	}
	said, err := words.Message(notify.Delivery{Notice: n, Channel: channel}, notify.Address{Channel: channel, Language: p.Language, Zone: p.Zone})
	if err != nil {
		return message{}, err
	}
	m := message{ID: n.ID, Subject: n.Subject, Title: said.Subject, Text: said.Text, Link: said.Link, At: n.Told().UTC()}
	w.words.Store(key, m)
	return m, nil
}
