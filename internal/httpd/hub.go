package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

const (
	perListener = 64 // events that may wait for a slow reader before it is dropped
	maxBacklog  = 32 // entries sent again to one who comes back
)

// event is one server-sent event, ready for the wire. Only entries of the record
// have an id: it is their Seq, and what a reader resumes from.
type event struct {
	id    int64
	frame []byte
}

// hub hands events to all who listen. A listener that does not keep up is let go:
// it comes back with the last id that it saw, and loses nothing.
type hub struct {
	mu        sync.Mutex
	listeners map[chan event]struct{}
	limit     int
	closed    bool
}

func newHub(limit int) *hub { return &hub{listeners: map[chan event]struct{}{}, limit: limit} }

// join returns a channel that is closed when the listener is to go, or false when there is no room.
func (h *hub) join() (chan event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.listeners) >= h.limit {
		return nil, false
	}
	ch := make(chan event, perListener)
	h.listeners[ch] = struct{}{}
	return ch, true
}

func (h *hub) leave(ch chan event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(ch)
}

func (h *hub) drop(ch chan event) {
	if _, ok := h.listeners[ch]; ok {
		delete(h.listeners, ch)
		close(ch)
	}
}

func (h *hub) send(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.listeners {
		select {
		case ch <- e:
		default:
			h.drop(ch)
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for ch := range h.listeners {
		h.drop(ch)
	}
}

// entryEvent says what was said. The event has public words only, by its type.
func entryEvent(e timeline.PublicEntry) event {
	return event{id: e.Seq, frame: frame(e.Seq, "entry", map[string]any{
		"seq": e.Seq, "subject": e.Subject, "kind": e.Event.Kind(), "at": e.At.UTC().Format(time.RFC3339),
	})}
}

func progressEvent(id maint.ID, p view.Progress) event {
	data := map[string]any{"maintenance": id, "text": p.Text, "at": p.At.UTC().Format(time.RFC3339)}
	if p.Known() {
		data["percent"] = p.Percent()
	}
	return event{frame: frame(0, "progress", data)}
}

// pageEvent says that the page has changed though the record has not.
func pageEvent() event { return event{frame: frame(0, "page", map[string]any{})} }

// frame writes an event as the HTML standard has it (section 9.2.6). JSON has no
// line breaks outside of its escapes, so one data line is enough.
func frame(id int64, name string, data map[string]any) []byte {
	var out bytes.Buffer
	if id > 0 {
		fmt.Fprintf(&out, "id: %d\n", id)
	}
	body, _ := json.Marshal(data) // strings and numbers only: cannot go wrong
	fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", name, body)
	return out.Bytes()
}
