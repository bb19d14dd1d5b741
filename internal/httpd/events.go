package httpd

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lullhq/lull/internal/timeline"
)

// maxBacklog is how many entries are sent to one who comes back. Whoever missed more is told to fetch.
const maxBacklog = 1000

// events streams what happens (text/event-stream). It begins after the reader's
// Last-Event-ID, or after the entry that the reader's page tells of already, or now.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	snap := s.snap.Load()
	if snap == nil || !s.hub.enter() {
		h.Set("Retry-After", "10")
		h.Set("Cache-Control", "no-store")
		http.Error(w, "no room for another listener now", http.StatusServiceUnavailable)
		return
	}
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	if r.Method == http.MethodHead {
		s.hub.leave()
		return
	}
	seen := lastSeen(r, snap.seq())
	snap, caughtUp := s.caughtUp(r.Context(), seen)
	l, err := takeOver(w)
	if err != nil {
		s.hub.leave()
		if errors.Is(err, errNotPlain) {
			http.Error(w, "events are sent over HTTP/1.1", http.StatusHTTPVersionNotSupported)
		}
		return
	}
	// Who cannot be caught up with comes back, with what it has seen: nothing is told twice.
	if l.write(greeting(seen)) != nil || !caughtUp || !s.admit(l, snap, seen) {
		l.close()
		s.hub.leave()
	}
}

// admit sends what the listener missed and takes it in: between the two nothing is lost, because
// it is taken in only when it has everything that the others have.
func (s *Server) admit(l *listener, snap *snapshot, seen int64) bool {
	l.sent = seen
	for {
		missed := snap.missed(l.sent)
		if len(missed.frame) > 0 {
			if err := l.write(missed.frame); err != nil {
				return false
			}
		}
		l.sent = snap.seq()
		joined, open := s.hub.join(l)
		if joined || !open {
			return joined
		}
		snap = s.snap.Load() // what was sent meanwhile is in it
	}
}

// greeting gives the reader a position to come back with, also when nothing happens before it is cut off.
func greeting(seen int64) []byte {
	return []byte("retry: 2000\nid: " + strconv.FormatInt(seen, 10) + "\n\n")
}

// missed is what a reader at that position has to be sent. One who missed too much, or who is ahead of
// the record and so has seen another record, is told to fetch.
func (s *snapshot) missed(seen int64) bundle {
	if seen > s.seq() {
		return fetchAll(s.seq())
	}
	entries, all := s.since(seen)
	if !all {
		return fetchAll(s.seq())
	}
	return bundleOf(entries)
}

// since returns the entries after seq that are public, in order, and false when they are more than anyone should be sent.
func (s *snapshot) since(seq int64) (missed []timeline.PublicEntry, all bool) {
	for i := len(s.entries) - 1; i >= 0 && s.entries[i].Seq > seq; i-- {
		if len(missed) == maxBacklog {
			return nil, false
		}
		if s.shows(s.entries[i]) {
			missed = append(missed, s.entries[i])
		}
	}
	slices.Reverse(missed)
	return missed, true
}

// lastSeen reads where a reader stands. The header is newer than the address, which is from when the page
// was loaded. Who says nothing begins now; what cannot be read counts as nothing seen.
func lastSeen(r *http.Request, now int64) int64 {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return parseID(id)
	}
	if q := r.URL.Query(); q.Has("after") {
		return parseID(q.Get("after"))
	}
	return now
}

func parseID(s string) int64 {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// beat keeps connections open until ctx ends, one shard after the other, so that heartbeats do not come all at once.
func (s *Server) beat(ctx context.Context) {
	tick := time.NewTicker(max(s.heartbeat/shards, 1))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.hub.beat(i)
		}
	}
}
