package widget

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/view"
)

// stream tells somebody what they are to be told, for as long as their token holds (text/event-stream). An inbox is the
// whole state: who comes back with the id of the newest one has missed nothing, and is sent nothing.
func (w *Widget) stream(rw http.ResponseWriter, r *http.Request, c caller) {
	if wait, ok := w.comes.Take(c.name(), w.opts.Now()); !ok {
		busy(rw, wait)
		return
	}
	s := &session{who: c.who, person: c.person, audience: c.channel.Audience, until: c.until, wake: make(chan struct{}, 1), last: r.Header.Get("Last-Event-ID")}
	if w.world.Load() == nil || !w.join(s) {
		rw.Header().Set("Retry-After", retryAfter)
		http.Error(rw, "no room for another listener now", http.StatusServiceUnavailable)
		return
	}
	defer w.leave(s)
	if err := w.read(r.Context(), s); err != nil {
		w.opts.Log.Warn("look a person up", "error", err)
		rw.Header().Set("Retry-After", retryAfter)
		http.Error(rw, "what is kept of people cannot be read now", http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	out := &output{rc: http.NewResponseController(rw), w: rw}
	if out.rc.SetReadDeadline(time.Time{}) != nil || out.write([]byte("retry: 2000\n\n")) != nil {
		return
	}
	w.listen(r.Context(), s, out)
}

// read looks up what is kept of somebody. It is their state before this visit: what they get by it is decided once.
func (w *Widget) read(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	state, err := w.opts.Desk.Person(ctx, s.who)
	if err == nil {
		s.state = state
	}
	return err
}

// listen goes on until the reader has gone, the token has ended, or something cannot be done.
func (w *Widget) listen(ctx context.Context, s *session, out *output) {
	ctx, cancel := context.WithTimeout(ctx, s.until.Sub(w.opts.Now()))
	defer cancel()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for s.turned(); ; {
		select {
		case <-ctx.Done():
			return
		case <-w.ended:
			return
		case <-beat.C:
			if out.write([]byte(": still here\n\n")) != nil {
				return
			}
		case <-s.wake:
			if err := w.tell(ctx, s, out, s.take()); err != nil {
				return
			}
		}
	}
}

// tell sends what is new, and then writes down that it was: should that go wrong, the stream ends, and who comes back is
// told the same again, by the same id.
func (w *Widget) tell(ctx context.Context, s *session, out *output, n news) error {
	if n.reread {
		seen := s.state.Seen
		if err := w.read(ctx, s); err != nil {
			return err
		}
		s.state.Seen = seen
	}
	now := w.opts.Now()
	var frames []byte
	var change inapp.Change
	told := n.turned || n.reread
	if told {
		var box inbox
		var err error
		box, change, err = s.box(w.world.Load(), w.opts.Words)
		if err != nil {
			w.opts.Log.Error("a message cannot be told", "error", err)
			return err
		}
		s.remember(change, now)
		frames = s.fresh(box)
	}
	if n.turned && s.page {
		frames = append(frames, "event: page\ndata: {}\n\n"...)
	}
	s.page = true
	if n.progress != nil {
		frames = append(frames, progress(*n.progress)...)
	}
	if err := out.write(frames); err != nil || !told { // at once: nobody waits for what is written down
		return err
	}
	return w.here(ctx, s, change, now)
}

// fresh is an inbox for who has another one.
func (s *session) fresh(b inbox) []byte {
	id, frame := b.frame()
	if id == s.last {
		return []byte(": nothing new\nevent: same\ndata: {}\n\n")
	}
	s.last = id
	return frame
}

// here writes down what somebody was told, and from time to time that they are still here.
func (w *Widget) here(ctx context.Context, s *session, c inapp.Change, now time.Time) error {
	if len(c.Told)+len(c.Passed) == 0 && now.Sub(s.noted) < hereEvery {
		return nil
	}
	if err := w.note(ctx, c); err != nil {
		w.opts.Log.Warn("write down what a person was told", "error", err)
		return err
	}
	s.noted = now
	return nil
}

// progress is how far each work is, as /events says it.
func progress(page view.PageModel) []byte {
	var out []byte
	for _, m := range page.Running {
		if m.Progress == nil {
			continue
		}
		data := map[string]any{"maintenance": m.ID, "text": m.Progress.Text}
		if m.Progress.Known() {
			data["percent"] = m.Progress.Percent()
		}
		body, _ := json.Marshal(data) // texts and numbers: cannot go wrong
		out = fmt.Appendf(out, "event: progress\ndata: %s\n\n", body)
	}
	return out
}

// output writes events, each with a deadline of its own.
type output struct {
	rc *http.ResponseController
	w  http.ResponseWriter
}

func (o *output) write(frame []byte) error {
	if len(frame) == 0 {
		return nil
	}
	if err := o.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := o.w.Write(frame); err != nil {
		return err
	}
	return o.rc.Flush()
}

func bearer(r *http.Request) string {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found || len(token) > mostToken {
		return ""
	}
	return token
}
