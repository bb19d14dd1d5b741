package httpd

import (
	"net/http"
	"strconv"
	"time"
)

// events streams what happens (text/event-stream). It begins after the reader's
// Last-Event-ID, or after the entry that the reader's page tells of already.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	ch, ok := s.hub.join()
	snap := s.snap.Load()
	if !ok || snap == nil {
		if ok {
			s.hub.leave(ch)
		}
		w.Header().Set("Retry-After", "10")
		http.Error(w, "no room for another listener now", http.StatusServiceUnavailable)
		return
	}
	defer s.hub.leave(ch)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	out := stream{w: w, ctl: http.NewResponseController(w)}
	if err := out.begin(snap, lastSeen(r)); err != nil {
		return
	}
	out.run(r, ch, s.heartbeat)
}

// stream is one reader's connection.
type stream struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	sent int64
}

// begin sends what the reader missed. A reader ahead of the record saw another record: its page is out of date.
func (o *stream) begin(snap *snapshot, seen int64) error {
	// The server's limits are for answers that end.
	if err := o.ctl.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if err := o.write([]byte("retry: 2000\n\n")); err != nil {
		return err
	}
	if seen > snap.seq() {
		return o.write(frame(snap.seq(), "page", map[string]any{}))
	}
	o.sent = seen
	for _, e := range snap.since(seen) {
		if err := o.event(entryEvent(e)); err != nil {
			return err
		}
	}
	return nil
}

func (o *stream) run(r *http.Request, ch <-chan event, heartbeat time.Duration) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			err = o.write([]byte(": still here\n\n"))
		case e, ok := <-ch:
			if !ok {
				return
			}
			err = o.event(e)
		}
		if err != nil {
			return
		}
	}
}

// event leaves out what was sent as part of the backlog already.
func (o *stream) event(e event) error {
	if e.id != 0 && e.id <= o.sent {
		return nil
	}
	o.sent = max(o.sent, e.id)
	return o.write(e.frame)
}

func (o *stream) write(b []byte) error {
	if err := o.ctl.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.ctl.Flush()
}

// lastSeen reads where a reader stands. The header is newer than the address, which
// is from when the page was loaded. What cannot be read counts as nothing seen.
func lastSeen(r *http.Request) int64 {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return parseID(id)
	}
	return parseID(r.URL.Query().Get("after"))
}

func parseID(s string) int64 {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}
