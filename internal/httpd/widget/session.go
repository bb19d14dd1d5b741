package widget

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/view"
)

// session is one stream of one person. What it is to do next is set by others, and done by its own goroutine.
type session struct {
	who      inapp.Who
	person   inapp.Person
	audience inapp.Audience
	until    time.Time // of the token
	state    inapp.State
	noted    time.Time // when it was last written down that they are here
	last     string    // id of the inbox that was sent last
	page     bool      // it knows the page that it began with

	wake chan struct{}
	mu   sync.Mutex
	news news
}

// news is what has come since the session last looked.
type news struct {
	turned   bool // there may be something else to be told
	reread   bool // they did something elsewhere
	progress *view.PageModel
}

func (s *session) turned()  { s.tell(func(n *news) { n.turned = true }) }
func (s *session) changed() { s.tell(func(n *news) { n.reread = true }) }
func (s *session) progressed(page view.PageModel) {
	s.tell(func(n *news) { n.progress = &page })
}

func (s *session) tell(set func(*news)) {
	s.mu.Lock()
	set(&s.news)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *session) take() news {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.news
	s.news = news{}
	return n
}

// inbox is the whole of what somebody is shown, and of what they made of it.
type inbox struct {
	Key       string            `json:"key"` // of the person, for what their browser keeps
	Zone      string            `json:"zone,omitempty"`
	Read      int64             `json:"read"`
	Messages  []message         `json:"messages"`
	Closed    []string          `json:"closed"` // of what can be shown, what they put away
	Told      []maint.ID        `json:"told"`   // of what can be shown, what they were told of before
	Reactions map[string]string `json:"reactions"`
}

// box puts together what they are shown, and what is to be kept of it.
func (s *session) box(w *world, words notify.Words) (inbox, inapp.Change, error) {
	change := inapp.Change{Who: s.who}
	all, fresh, passed := s.audience.For(s.person, s.state, w.current)
	out := inbox{Key: key(s.who), Zone: s.person.Zone, Read: s.state.Read, Messages: []message{}, Closed: []string{}, Told: []maint.ID{}, Reactions: map[string]string{}}
	for _, n := range all {
		m, err := w.say(words, n, s.who.Channel, s.person)
		if err != nil {
			return out, change, fmt.Errorf("put notice %s into words: %w", n.ID, err)
		}
		out.Messages = append(out.Messages, m)
	}
	for id, m := range s.state.Marks {
		if _, shown := w.find(id); shown && !m.Dismissed.IsZero() {
			out.Closed = append(out.Closed, id)
		}
		if s.state.Told(m.Subject) && !slices.Contains(out.Told, m.Subject) && shownOf(w, m.Subject) {
			out.Told = append(out.Told, m.Subject)
		}
	}
	slices.Sort(out.Closed)
	slices.Sort(out.Told)
	for _, c := range w.page.Changes {
		if kind := s.state.Reactions[c.Name]; kind != "" {
			out.Reactions[c.Name] = kind
		}
	}
	for _, n := range fresh {
		change.Told = append(change.Told, inapp.MessageOf(n))
	}
	for _, n := range passed {
		change.Passed = append(change.Passed, inapp.MessageOf(n))
	}
	return out, change, nil
}

func shownOf(w *world, subject maint.ID) bool {
	for _, s := range w.public {
		if s == subject {
			return true
		}
	}
	return false
}

// key says nothing of the person to whoever looks into the browser's storage.
func key(who inapp.Who) string {
	sum := sha256.Sum256([]byte(who.Channel + "\x00" + who.ID))
	return hex.EncodeToString(sum[:8])
}

// frame is an inbox as an event. Its id is that of its bytes: who has seen them needs them no more.
func (b inbox) frame() (id string, frame []byte) {
	body, _ := json.Marshal(b) // texts and numbers of our own types: cannot go wrong
	sum := sha256.Sum256(body)
	id = hex.EncodeToString(sum[:8])
	return id, fmt.Appendf(nil, "id: %s\nevent: inbox\ndata: %s\n\n", id, body)
}

// remember takes over what was just decided, so that nothing has to be read again. From now on they are here.
func (s *session) remember(c inapp.Change, now time.Time) {
	for _, m := range c.Told {
		s.state.Marks[m.ID] = inapp.Mark{Subject: m.Subject, Told: now}
	}
	for _, m := range c.Passed {
		s.state.Marks[m.ID] = inapp.Mark{Subject: m.Subject}
	}
	s.state.Seen = now
}

// join takes a session in, if there is room for it.
func (w *Widget) join(s *session) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= mostStreams || len(w.sessions[s.who]) >= mostOfOne {
		return false
	}
	if w.sessions[s.who] == nil {
		w.sessions[s.who] = map[*session]struct{}{}
	}
	w.sessions[s.who][s] = struct{}{}
	w.count++
	return true
}

func (w *Widget) leave(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions[s.who], s)
	if len(w.sessions[s.who]) == 0 {
		delete(w.sessions, s.who)
	}
	w.count--
}

func (w *Widget) each(do func(*session)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.sessions {
		for s := range all {
			do(s)
		}
	}
}

// reread tells the sessions of one person to look what became of them.
func (w *Widget) reread(who inapp.Who) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.sessions[who] {
		s.changed()
	}
}
