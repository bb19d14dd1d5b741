package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/intercom"
)

// IntercomOptions are the size of the measurement.
type IntercomOptions struct {
	Contacts int
	Self     string // this program, which is the sender of each life as well
	Dir      string
	Out      io.Writer
	Figures  string // the file to write
}

// IntercomSend is the word that makes this program the one that sends.
const IntercomSend = "intercom-send"

// What Intercom documents: 10,000 requests a minute for an app, counted in windows of ten seconds.
const (
	intercomWindow = 10 * time.Second
	intercomLimit  = 1667
)

// Intercom measures how much of the documented rate limit is used when one notice goes to many contacts, with the sender killed
// in the middle. No clock is scaled: the windows are of ten real seconds, so 100,000 contacts take ten minutes.
func Intercom(ctx context.Context, o IntercomOptions) (err error) {
	if err := os.RemoveAll(o.Dir); err != nil {
		return err
	}
	s, err := manyDeliveries(ctx, filepath.Join(o.Dir, "lull.db"), audience())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w := &workspace{contacts: o.Contacts, last: make([]int64, o.Contacts), came: make([]int, o.Contacts), half: make(chan struct{})}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	defer func() { err = errors.Join(err, server.Close()) }()
	began := time.Now()
	killedAt, err := twoLives(ctx, o.Self, IntercomSend, sending{filepath.Join(o.Dir, "lull.db"), "http://" + l.Addr().String(), o.Contacts}, w.half, w.count)
	if err != nil {
		return err
	}
	sent, doubled := 0, 0
	for _, n := range w.came {
		sent += min(n, 1)
		doubled += max(n-1, 0)
	}
	fmt.Fprintf(o.Out, "%d contacts in %.0f s, killed at %d, asked about %d; %d windows of %s\n", o.Contacts, time.Since(began).Seconds(), killedAt, w.asked, w.windows, intercomWindow)
	share := float64(w.requests) / float64(max(w.windows, 1)*intercomLimit)
	var rows []Row
	for _, x := range []struct {
		key, title string
		value      float64
	}{
		{"sent", "told", float64(sent)}, {"over_limit", "requests over the limit", float64(w.over)}, {"doubled", "told twice", float64(doubled)},
		{"share_of_limit_used", "share of the limit used", share}, {"took_s", "took, s", time.Since(began).Seconds()}, {"requests", "requests", float64(w.requests)},
	} {
		rows = append(rows, Row{Key: x.key, Title: x.title, Figure: Of([]float64{x.value})})
	}
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func audience() notify.Book {
	return notify.Book{{Channel: mailChannel, Recipient: notify.Everyone}}
}

// RunIntercom is the sender of one life: it reads what to do, and ends when nothing is left.
func RunIntercom(ctx context.Context, in io.Reader) error {
	var w sending
	if err := json.NewDecoder(in).Decode(&w); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	m := &intercom.Messages{API: &intercom.API{Client: client, Server: w.To, Token: "T0KEN", Now: time.Now}, Admin: 1, Active: 24 * time.Hour}
	return sendAll(ctx, w.Store, notify.Sender{Channels: map[string]notify.Channel{mailChannel: m}, Book: audience()})
}

// workspace answers as Intercom documents, and refuses what is over the limit.
type workspace struct {
	contacts int

	mu       sync.Mutex
	reset    time.Time
	used     int
	windows  int // that had a request in them
	requests int // that were not refused
	over     int
	asked    int // contacts that were looked at
	last     []int64
	came     []int
	sent     int
	half     chan struct{}
}

func (w *workspace) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

func (w *workspace) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever asked was killed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); !now.Before(w.reset) {
		w.reset, w.used = now.Truncate(intercomWindow).Add(intercomWindow), 0
		w.windows++
	}
	w.used++
	h := out.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(intercomLimit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, intercomLimit-w.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(w.reset.Unix(), 10))
	if w.used > intercomLimit {
		w.over++
		out.WriteHeader(http.StatusTooManyRequests)
		return
	}
	w.requests++
	if err := w.answer(out, r, body); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
	}
}

func (w *workspace) answer(out http.ResponseWriter, r *http.Request, body []byte) error {
	switch r.URL.Path {
	case "/messages":
		var m struct {
			To struct{ ID string }
		}
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		i, err := strconv.Atoi(m.To.ID)
		if err != nil || i < 0 || i >= w.contacts {
			return errors.New("no such contact")
		}
		w.came[i]++
		w.last[i] = time.Now().Unix()
		if w.sent++; w.sent == w.contacts/2 {
			close(w.half)
		}
		return json.NewEncoder(out).Encode(map[string]any{"type": "admin_message", "id": strconv.Itoa(w.sent), "message_type": "inapp"})
	case "/contacts/search":
		return w.search(out, body)
	}
	i, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/contacts/"))
	if err != nil || i < 0 || i >= w.contacts {
		return errors.New("no such contact")
	}
	w.asked++
	return json.NewEncoder(out).Encode(map[string]any{"type": "contact", "id": strconv.Itoa(i), "last_contacted_at": w.last[i]})
}

func (w *workspace) search(out http.ResponseWriter, body []byte) error {
	var q struct {
		Pagination struct {
			PerPage int    `json:"per_page"`
			After   string `json:"starting_after"`
		}
	}
	if err := json.Unmarshal(body, &q); err != nil || q.Pagination.PerPage < 1 || q.Pagination.PerPage > 150 {
		return errors.New("no such page")
	}
	from, _ := strconv.Atoi(q.Pagination.After) // "" is the begin
	data, pages := []map[string]string{}, map[string]any{"type": "pages"}
	for i := from; i < min(from+q.Pagination.PerPage, w.contacts); i++ {
		data = append(data, map[string]string{"type": "contact", "id": strconv.Itoa(i), "role": "user"})
	}
	if next := from + len(data); next < w.contacts {
		pages["next"] = map[string]any{"starting_after": strconv.Itoa(next)}
	}
	return json.NewEncoder(out).Encode(map[string]any{"type": "list", "data": data, "total_count": w.contacts, "pages": pages})
}
