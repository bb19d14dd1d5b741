package widget

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/inapp"
)

// marks is what a device says that somebody made of messages and posts.
type marks struct {
	Seen      []string          `json:"seen"`
	Dismissed []string          `json:"dismissed"`
	Read      int64             `json:"read"`
	Reactions map[string]string `json:"reactions"`
}

// mark writes down what somebody made of what they were shown. What is not there any more is left out.
func (w *Widget) mark(rw http.ResponseWriter, r *http.Request, c caller) {
	if wait, ok := w.marks.Take(c.name(), w.opts.Now()); !ok {
		busy(rw, wait)
		return
	}
	m, code := readMarks(rw, r)
	if code != 0 {
		http.Error(rw, "this is not what a widget sends", code)
		return
	}
	world := w.world.Load()
	if world == nil {
		rw.Header().Set("Retry-After", retryAfter)
		http.Error(rw, "the record was not read yet", http.StatusServiceUnavailable)
		return
	}
	change := m.change(c.who, world)
	if err := w.note(r.Context(), change); err != nil {
		w.opts.Log.Warn("write down what a person did", "error", err)
		rw.Header().Set("Retry-After", retryAfter)
		http.Error(rw, "it could not be written down", http.StatusServiceUnavailable)
		return
	}
	if change.Elsewhere() {
		w.reread(c.who)
	}
	answer := counted{Reactions: map[string]map[string]int{}}
	if len(change.Reactions) > 0 {
		all, err := w.opts.Desk.Reactions(r.Context())
		if err != nil {
			w.opts.Log.Warn("count reactions", "error", err)
		}
		for post := range change.Reactions {
			answer.Reactions[post] = all[post]
		}
	}
	answer.send(rw)
}

// readMarks gives a status when the request is not what it should be.
func readMarks(rw http.ResponseWriter, r *http.Request) (m marks, code int) {
	if err := http.NewResponseController(rw).SetReadDeadline(time.Now().Add(bodyTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return m, http.StatusInternalServerError
	}
	d := json.NewDecoder(http.MaxBytesReader(rw, r.Body, mostBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		if tooLarge(err) {
			return m, http.StatusRequestEntityTooLarge
		}
		return m, http.StatusBadRequest
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || len(m.Seen)+len(m.Dismissed)+len(m.Reactions) > mostInOne || m.Read < 0 {
		return m, http.StatusBadRequest
	}
	for _, kind := range m.Reactions {
		if kind != "" && !slices.Contains(inapp.Reactions, kind) {
			return m, http.StatusBadRequest
		}
	}
	return m, 0
}

// change keeps what is about something that there is.
func (m marks) change(who inapp.Who, w *world) inapp.Change {
	known := func(ids []string) (out []inapp.Message) {
		for _, id := range ids {
			if msg, shown := w.find(id); shown {
				out = append(out, msg)
			}
		}
		return out
	}
	c := inapp.Change{Who: who, Seen: known(m.Seen), Dismissed: known(m.Dismissed), Reactions: map[string]string{}}
	c.Read = min(m.Read, w.page.Seq)
	for post, kind := range m.Reactions {
		if _, there := w.page.FindChange(post); there {
			c.Reactions[post] = kind
		}
	}
	return c
}

// counted is how many people reacted to posts, and how.
type counted struct {
	Reactions map[string]map[string]int `json:"reactions"`
}

func (c counted) send(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(c) // the reader has gone: nobody to tell
}

// tally keeps the counts for a moment, so that a crowd asks the store once.
type tally struct {
	mu     sync.Mutex
	at     time.Time
	counts map[string]map[string]int
}

// reactions tells anyone how many reacted to the posts that are on the page.
func (w *Widget) reactions(rw http.ResponseWriter, r *http.Request) {
	world := w.world.Load()
	counts, err := w.counted(r.Context())
	if err != nil || world == nil {
		rw.Header().Set("Retry-After", retryAfter)
		http.Error(rw, "reactions cannot be counted now", http.StatusServiceUnavailable)
		return
	}
	answer := counted{Reactions: map[string]map[string]int{}}
	for _, c := range world.page.Changes {
		if n := counts[c.Name]; n != nil {
			answer.Reactions[c.Name] = n
		}
	}
	rw.Header().Set("Access-Control-Allow-Origin", "*")
	rw.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	answer.send(rw)
}

func (w *Widget) counted(ctx context.Context) (map[string]map[string]int, error) {
	w.tally.mu.Lock()
	defer w.tally.mu.Unlock()
	if now := w.opts.Now(); w.tally.counts == nil || now.Sub(w.tally.at) >= countsEvery {
		counts, err := w.opts.Desk.Reactions(ctx)
		if err != nil {
			return nil, err
		}
		w.tally.at, w.tally.counts = now, counts
	}
	return w.tally.counts, nil
}

// waiting is a change that is to be written down, and whom to tell what came of it.
type waiting struct {
	change inapp.Change
	done   chan error
}

// note writes a change down together with those of others, and returns when it is there.
func (w *Widget) note(ctx context.Context, c inapp.Change) error {
	one := waiting{change: c, done: make(chan error, 1)}
	select {
	case w.changes <- one:
	case <-w.ended:
		return errEnding
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errEnding = errors.New("the server is about to end")

// gather writes down what comes within a moment in one transaction: the store makes one at a time, and a thousand
// people who see the same message at once are a few of them.
func (w *Widget) gather(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-w.changes:
			w.write(ctx, w.more(ctx, first))
		}
	}
}

func (w *Widget) more(ctx context.Context, first waiting) []waiting {
	out := []waiting{first}
	enough := time.NewTimer(gatherFor)
	defer enough.Stop()
	for len(out) < mostGathered {
		select {
		case next := <-w.changes:
			out = append(out, next)
		case <-enough.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
	return out
}

func (w *Widget) write(ctx context.Context, all []waiting) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	changes := make([]inapp.Change, len(all))
	for i, one := range all {
		changes[i] = one.change
	}
	err := w.opts.Desk.Note(ctx, w.opts.Now(), changes...)
	for _, one := range all {
		one.done <- err
	}
}
